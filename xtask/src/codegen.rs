//! `cargo xtask codegen`: the entries of this repository that are generated.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use lunora_codegen::{OUTPUT, Problem, manifest};

use crate::{build, shell::root};

const COMMAND: &str = "cargo xtask codegen";

/// Writes each entry, or fails where one is not what its manifest says.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut failed = 0;
    for dir in build::all().into_iter().filter(|dir| dir.join(manifest::FILE).exists()) {
        let result = if check {
            lunora_codegen::check_crate(&dir, COMMAND).map(|()| "up to date")
        } else {
            let written = lunora_codegen::write_crate(&dir, COMMAND);
            written.map(|new| if new { "written" } else { "up to date" })
        };
        match result {
            Ok(what) => println!("{}: {what}", shown(&dir).join(OUTPUT).display()),
            Err(problems) => failed += report(&dir, &problems),
        }
    }
    if failed > 0 {
        bail!("{failed} problem(s) with what is generated");
    }
    Ok(())
}

fn report(dir: &Path, problems: &[Problem]) -> usize {
    for problem in problems {
        eprintln!("error: {}/{problem}", shown(dir).display());
    }
    problems.len()
}

fn shown(dir: &Path) -> PathBuf {
    dir.strip_prefix(root()).unwrap_or(dir).to_owned()
}

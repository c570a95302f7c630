//! The Node side: its version, and the packages of `e2e/`.

use std::{fs, path::Path, time::SystemTime};

use anyhow::{Context, Result, ensure};

use crate::shell::{output, program, root, run};

const OLDEST: u32 = 20;

/// Makes `e2e/` ready to run.
pub(crate) fn install() -> Result<()> {
    let version = output(program("node").arg("--version"))
        .with_context(|| format!("Node {OLDEST} or newer is needed; see https://nodejs.org"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major >= Some(OLDEST),
        "Node {OLDEST} or newer is needed, this is {version}; see https://nodejs.org"
    );

    let e2e = root().join("e2e");
    let installed = modified(&e2e.join("node_modules/.package-lock.json"));
    if installed.is_none() || installed < modified(&e2e.join("package-lock.json")) {
        println!("Installing the packages of e2e/ …");
        run(program("npm").arg("ci").current_dir(&e2e))?;
    }
    Ok(())
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

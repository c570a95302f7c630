//! `cargo deny check`: licences, sources, banned crates, and advisories where they can be fetched.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{cargo, output, program, root, run as sh};

const VERSION: &str = "0.20.2";
/// What git and cargo-deny print when the network is absent or blocked.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// Runs the checks of `deny.toml`.
pub(crate) fn check() -> Result<()> {
    install()?;
    let deny = |what: &[&str]| {
        let mut command = program(&tool().to_string_lossy());
        command.args(["--log-level", "error", "check"]).args(what);
        command
    };
    sh(&mut deny(&["bans", "licenses", "sources"]))?;
    let advisories = deny(&["advisories"]).output()?;
    let text = String::from_utf8_lossy(&advisories.stderr);
    if !advisories.status.success() && text.contains(UNREACHABLE) {
        println!("advisories skipped: the advisory database cannot be fetched");
        return Ok(());
    }
    print!("{text}");
    anyhow::ensure!(advisories.status.success(), "cargo deny check advisories failed");
    Ok(())
}

fn tool() -> PathBuf {
    root().join("target/tools/bin/cargo-deny")
}

/// Installs the tool into `target/tools`, unless this version is there.
fn install() -> Result<()> {
    let known =
        tool().exists().then(|| output(program(&tool().to_string_lossy()).arg("--version")));
    if let Some(Ok(version)) = known
        && version.split_whitespace().last() == Some(VERSION)
    {
        return Ok(());
    }
    sh(&mut cargo([
        "install",
        "--root",
        "target/tools",
        "--locked",
        "--version",
        VERSION,
        "cargo-deny",
    ]))
}

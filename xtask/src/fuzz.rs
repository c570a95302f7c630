//! `cargo xtask fuzz`: mutated input for every parser that reads bytes from outside.

use anyhow::Result;

use crate::shell::{cargo, run as sh};

/// Runs the fuzzer, optimised; see `cargo xtask fuzz --help`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    // The profile keeps the assertions of debug builds.
    start(&["--profile", "fuzz"], args)
}

/// Runs every target with a fixed seed and with a fresh one, as the tests have built it.
pub(crate) fn check() -> Result<()> {
    start(&[], &["--seconds", "25", "--seed", "1"])?;
    start(&[], &["--seconds", "25"])
}

fn start(build: &[&str], args: &[&str]) -> Result<()> {
    let mut command = cargo(["run", "--quiet", "--package", "lunora-fuzz"]);
    sh(command.args(build).arg("--").args(args))
}

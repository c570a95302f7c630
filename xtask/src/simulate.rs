//! `cargo xtask simulate`: the workload over many seeds.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;

use crate::shell::{cargo, root, run as sh};

pub(crate) const BUILD: [&str; 5] =
    ["build", "--profile", "simulation", "--package", "lunora-simulation"];

/// Builds the workload.
pub(crate) fn build() -> Result<()> {
    sh(&mut cargo(BUILD))
}

/// Runs the workload over seeds; see `cargo xtask simulate --help`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    build()?;
    sh(Command::new(binary(&root().join("target"))).args(args))
}

/// Runs a fixed set of seeds, and some fresh ones.
pub(crate) fn check() -> Result<()> {
    run(&["--seed", "1", "--seeds", "300", "--operations", "400"])?;
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
    run(&["--seed", &fresh, "--seeds", "300", "--operations", "400"])
}

/// Returns the workload's program in a target folder.
pub(crate) fn binary(target: &Path) -> PathBuf {
    target.join("simulation/lunora-simulation")
}

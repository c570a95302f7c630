//! `cargo xtask kills`: the drill of backups on workerd, killed at random points.

use anyhow::Result;

use crate::{
    build, node,
    shell::{program, root, run as sh},
};

/// Builds the drill and kills it; the arguments are those of `e2e/kills.mjs`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    node::install()?;
    build::one(&root().join("e2e/drill"), true)?;
    sh(program("node").arg("kills.mjs").args(args).current_dir(root().join("e2e")))
}

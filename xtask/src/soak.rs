//! `cargo xtask soak`: the example on workerd under a long load.

use anyhow::Result;

use crate::{
    build, node,
    shell::{program, root, run as sh},
};

/// Builds the example and drives it; the arguments are the numbers of calls and of connections.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    node::install()?;
    build::one(&root().join("examples/chat"), true)?;
    sh(program("node").arg("soak.mjs").args(args).current_dir(root().join("e2e")))
}

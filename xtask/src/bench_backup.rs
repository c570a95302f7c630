//! `cargo xtask bench-backup`: backups on workerd beside the least that JavaScript can do.

use anyhow::{Context, Result, bail};

use crate::{
    build, node,
    shell::{program, root, run as sh},
};

/// Runs it: snapshots of up to `--mib` MiB (1024 by default), `--rounds` times each (3).
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (mut mib, mut rounds) = (1024, 3);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let value = args.next().with_context(|| format!("`{arg}` needs a number"))?;
        let value: u32 = value.parse().with_context(|| format!("`{arg} {value}`"))?;
        match *arg {
            "--mib" => mib = value,
            "--rounds" => rounds = value.max(1),
            _ => bail!("unknown option `{arg}`; there are --mib and --rounds"),
        }
    }
    build::install_target()?;
    node::install()?;
    let dir = root().join("bench/backup");
    build::one(&dir.join("worker"), true)?;
    let (mib, rounds) = (mib.to_string(), rounds.to_string());
    sh(program("node").args(["run.mjs", &mib, &rounds]).current_dir(dir))
}

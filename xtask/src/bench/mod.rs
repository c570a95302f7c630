//! `cargo xtask bench`: what things cost on workerd, beside the least that JavaScript can do.

pub(crate) mod contenders;
pub(crate) mod crossings;
mod load;
mod measure;
mod report;
mod requests;
mod shards;
mod workerd;

use anyhow::{Context, Result, bail};

use measure::Options;

use crate::{
    build, node,
    shell::{cargo, program, root, run as sh},
};

/// Runs one of the benchmarks.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    match args {
        ["backup", rest @ ..] => {
            let [mib, rounds] = options(rest, [("--mib", 1024), ("--rounds", 3)])?;
            script("backup.mjs", "bench/worker", &[mib, rounds])
        }
        ["fan-out", rest @ ..] => {
            let [rounds] = options(rest, [("--rounds", 15)])?;
            script("fan-out.mjs", "bench/worker", &[rounds])
        }
        ["live", rest @ ..] => {
            let [rounds] = options(rest, [("--rounds", 31)])?;
            script("live.mjs", "simulation", &[rounds])
        }
        ["native", rest @ ..] => {
            let args = ["bench", "--bench", "native", "--"];
            sh(cargo(args).args(rest))
        }
        ["shards", rest @ ..] => shards::run(&Options::parse(rest)?),
        ["requests", rest @ ..] => requests::run(&Options::parse(rest)?),
        rest if rest.first().is_none_or(|first| first.starts_with("--")) => {
            requests::run(&Options::parse(rest)?)
        }
        _ => bail!(
            "which benchmark? There are `requests`, `shards`, `native`, `backup`, `fan-out` and `live`"
        ),
    }
}

/// The values of `--name number` options, in the order of `known`.
fn options<const N: usize>(args: &[&str], known: [(&str, u32); N]) -> Result<[u32; N]> {
    let mut values = known.map(|(_, default)| default);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let place = known.iter().position(|(name, _)| name == arg);
        let place = place.with_context(|| format!("unknown option `{arg}`"))?;
        let value = args.next().with_context(|| format!("`{arg}` needs a number"))?;
        values[place] = value.parse().with_context(|| format!("`{arg} {value}`"))?;
    }
    Ok(values)
}

fn script(name: &str, worker: &str, args: &[u32]) -> Result<()> {
    build::install_target()?;
    node::install()?;
    let dir = root().join("bench");
    build::one(&root().join(worker), true)?;
    let args = args.iter().map(u32::to_string);
    sh(program("node").arg(name).args(args).current_dir(dir))
}

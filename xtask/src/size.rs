//! `cargo xtask size`: what each part of a Worker weighs, and which functions weigh most.

mod functions;

use std::fs;

use anyhow::{Context, Result};
use lunora_build::{Build, SchemaLock};

use crate::{build, shell::root};

/// A part, the features of `bench/minimal` that add it, and those of the Worker that it is compared with.
struct Part {
    name: &'static str,
    with: &'static [&'static str],
    without: &'static [&'static str],
}

const PARTS: [Part; 6] = [
    Part { name: "calls, live connections, routes, edge", with: &[], without: &[] },
    Part { name: "feature `admin`", with: &["admin"], without: &[] },
    Part { name: "`query_coordinator`", with: &["fan-out"], without: &[] },
    Part {
        name: "feature `admin` beside `query_coordinator`",
        with: &["admin", "fan-out"],
        without: &["fan-out"],
    },
    Part { name: "feature `shard`: a `shard!` and its registry", with: &["shard"], without: &[] },
    Part { name: "`backup`", with: &["backup"], without: &["fan-out", "shard"] },
];

/// Builds the Worker with and without each part, and prints a table of kilobytes after gzip. Then prints the
/// largest functions and modules of the example, before gzip.
///
/// # Errors
/// When a build fails.
pub(crate) fn run() -> Result<()> {
    let mut rows = Vec::new();
    for part in &PARTS {
        let with = gzip(part.with)?;
        let added =
            if part.with.is_empty() { with } else { with.saturating_sub(gzip(part.without)?) };
        rows.push(format!("| {} | {} |", part.name, added.div_ceil(1024)));
    }
    println!("| part | KiB after gzip |\n|---|---|\n{}\n", rows.join("\n"));
    println!("{}", functions::report(&named()?)?);
    Ok(())
}

/// Builds the example as for a deployment, with the names of its functions.
fn named() -> Result<Vec<u8>> {
    let build = Build::new(build::example()).names(true).wasm_opt(build::wasm_opt());
    let build = build.out_dir(root().join("target/size/named")).schema_lock(SchemaLock::Ignore);
    Ok(fs::read(build.run()?.dir.join("index_bg.wasm"))?)
}

/// Builds the smallest Worker with these features; returns its size after gzip, in bytes.
pub(crate) fn gzip(features: &[&str]) -> Result<u64> {
    let name = if features.is_empty() { "minimal".to_owned() } else { features.join("-") };
    let built = build::with_features("minimal", features, root().join("target/size").join(name))?;
    built.wasm.gzip.context("a release build measures gzip")
}

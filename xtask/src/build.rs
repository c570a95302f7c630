//! `cargo xtask build`: the wasm crates of this repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lunora_build::{Build, Output, SchemaLock, WasmOpt};

use crate::{
    shell::{self, output, program, root},
    steps::step,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the example for production, or quickly.
pub(crate) fn run(release: bool) -> Result<()> {
    install_target()?;
    one(&example(), release).map(drop)
}

/// The Worker to show: the example; the fixture of the tests in a checkout without it.
pub(crate) fn example() -> PathBuf {
    all().into_iter().next().unwrap_or_default()
}

/// Every crate that is a Worker, the example first.
pub(crate) fn all() -> Vec<PathBuf> {
    let crates = [
        "examples/chat",
        "examples/axum",
        "examples/framework",
        "examples/generated",
        "examples/plain",
        "examples/sign-in",
        "examples/ssr",
        "e2e/caller",
        "e2e/drill",
        "e2e/fixture",
        "simulation",
    ];
    let crates = crates.map(|dir| root().join(dir));
    crates.into_iter().filter(|dir| dir.join("Cargo.toml").exists()).collect()
}

/// Builds one of them, and says how large it is. Only a release build runs `wasm-opt`.
pub(crate) fn one(dir: &Path, release: bool) -> Result<Output> {
    // An example has the schema lock of its last build by `lunora build`; a Worker of the tests has none.
    let has_lock = dir.join("lunora.schema.lock").exists();
    let output = Build::new(dir)
        .release(release)
        .schema_lock(if has_lock { SchemaLock::Frozen } else { SchemaLock::Ignore })
        .wasm_opt(if release { wasm_opt() } else { WasmOpt::Off })
        .run()
        .with_context(|| format!("building {}", dir.display()))?;
    let name = output.dir.strip_prefix(root()).unwrap_or(&output.dir).display();
    match output.reused {
        true => println!("{name} is up to date."),
        false => println!("Built {name}: the wasm has {}.", output.wasm),
    }
    Ok(output)
}

/// Builds a crate of `bench/` with these features, as for a deployment, into a folder of its own.
pub(crate) fn with_features(name: &str, features: &[&str], out: PathBuf) -> Result<Output> {
    let build = Build::new(root().join("bench").join(name)).features(features.iter().copied());
    // The features decide which shards there are.
    let build = build.schema_lock(SchemaLock::Ignore).wasm_opt(wasm_opt());
    build.out_dir(out).run().with_context(|| format!("building bench/{name}"))
}

/// The one among the packages of `e2e/`, once they are installed.
pub(crate) fn wasm_opt() -> WasmOpt {
    let program = root().join("e2e/node_modules/.bin/wasm-opt");
    if program.exists() { WasmOpt::Program(program) } else { WasmOpt::Find }
}

/// `rust-toolchain.toml` lists the target; a toolchain that rustup did not install may lack it.
pub(crate) fn install_target() -> Result<()> {
    let libdir = output(program("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(&libdir).exists() {
        return Ok(());
    }
    let installed = step(&format!("Installing the target {TARGET}"), || {
        shell::run(program("rustup").args(["target", "add", TARGET]))
    });
    installed.with_context(|| format!("install the target {TARGET} for this toolchain"))
}

//! `cargo xtask test`: every check, in the order in which they are cheap to fail.

use std::{fs, time::Instant};

use anyhow::{Result, bail};

use crate::{
    browser, budgets, build, codegen, deny, dependencies, fuzz, node, package, readme,
    shell::{cargo, program, root, run as sh},
    simulate, teeth, template, wire,
};

struct Step {
    kind: &'static str,
    name: &'static str,
    run: fn() -> Result<()>,
}

const KINDS: [&str; 3] = ["lint", "unit", "e2e"];

const STEPS: &[Step] = &[
    Step { kind: "lint", name: "format", run: || sh(&mut cargo(["fmt", "--all", "--check"])) },
    Step { kind: "lint", name: "generated entries", run: || codegen::run(true) },
    Step {
        kind: "lint",
        name: "clippy, native",
        run: || clippy(&["--workspace", "--all-targets"]),
    },
    Step {
        kind: "lint",
        name: "clippy, without features",
        run: || clippy(&["--package", "lunora", "--lib", "--no-default-features"]),
    },
    Step { kind: "lint", name: "clippy, each feature alone", run: each_feature },
    Step { kind: "lint", name: "clippy, wasm", run: clippy_wasm },
    Step { kind: "lint", name: "clippy, client", run: client },
    Step { kind: "lint", name: "documentation", run: documentation },
    Step { kind: "lint", name: "faults to plant", run: teeth::check_faults },
    Step { kind: "lint", name: "dependency tree", run: dependencies::check },
    Step { kind: "lint", name: "packages", run: package::check },
    Step { kind: "lint", name: "licences, sources and advisories", run: deny::check },
    Step {
        kind: "unit",
        name: "tests",
        run: || sh(&mut cargo(["test", "--workspace", "--all-targets"])),
    },
    Step {
        kind: "unit",
        name: "documentation tests",
        run: || sh(&mut cargo(["test", "--workspace", "--doc"])),
    },
    Step { kind: "unit", name: "simulated deployments", run: simulate::check },
    Step { kind: "unit", name: "fuzzed parsers", run: fuzz::check },
    Step { kind: "e2e", name: "Node packages", run: node::install },
    Step { kind: "e2e", name: "client package", run: client_package },
    Step {
        kind: "e2e",
        name: "wasm builds",
        run: || build::all().iter().try_for_each(|dir| build::one(dir, true).map(drop)),
    },
    Step { kind: "e2e", name: "applications of `lunora new`", run: template::check },
    Step { kind: "e2e", name: "application of the README", run: readme::check },
    Step { kind: "e2e", name: "budgets of sizes and crossings", run: budgets::check },
    Step {
        kind: "e2e",
        name: "command-line tool",
        run: || sh(&mut cargo(["build", "--package", "lunora-cli"])),
    },
    Step { kind: "e2e", name: "wire cases on workerd", run: wire::check },
    Step { kind: "e2e", name: "tests on workerd", run: end_to_end },
];

/// The steps that `--fast` takes over.
const FAST: [&str; 2] = ["format", "clippy, native"];

/// The tests beside the code, which need no other build.
const UNIT_TESTS: Step = Step {
    kind: "unit",
    name: "unit tests",
    run: || sh(&mut cargo(["test", "--quiet", "--workspace", "--lib", "--bins"])),
};

/// Runs the checks that take less than a minute once everything is compiled.
pub(crate) fn run_fast() -> Result<()> {
    let fast = STEPS.iter().filter(|step| FAST.contains(&step.name));
    run_steps(fast.chain([&UNIT_TESTS]))
}

/// Runs the steps of one kind, or all. The first that fails ends it.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    if let Some(kind) = only
        && !KINDS.contains(&kind)
    {
        bail!("unknown kind of check `{kind}`; there are {}", KINDS.join(", "));
    }
    build::install_target()?;
    run_steps(STEPS.iter().filter(|step| only.is_none_or(|only| only == step.kind)))
}

fn run_steps<'s>(steps: impl Iterator<Item = &'s Step>) -> Result<()> {
    let mut ran = Vec::new();
    for step in steps {
        println!("\n=== {}: {} ===", step.kind, step.name);
        let start = Instant::now();
        let result = (step.run)();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        ran.push(format!("  {verdict:<6} {} ({:.0?})", step.name, start.elapsed()));
        if let Err(error) = result {
            println!("\n{}", ran.join("\n"));
            return Err(error);
        }
    }
    println!("\nAll passed:\n{}", ran.join("\n"));
    Ok(())
}

fn clippy(what: &[&str]) -> Result<()> {
    let args = ["clippy"].into_iter().chain(what.iter().copied()).chain(["--", "-D", "warnings"]);
    sh(&mut cargo(args))
}

/// Runs the tests of the npm package, one of which builds it and measures its size.
fn client_package() -> Result<()> {
    sh(program("node").arg("--test").current_dir(root().join("packages/client")))
}

fn end_to_end() -> Result<()> {
    simulate::build()?;
    let mut command = program("node");
    command.arg("--test").current_dir(root().join("e2e"));
    if let Some(browser) = browser::find()? {
        command.env(browser::VARIABLE, browser);
    }
    sh(&mut command)
}

/// Checks the client without its transport, and on wasm with it.
fn client() -> Result<()> {
    clippy(&["--package", "lunora-client", "--lib", "--no-default-features"])?;
    clippy(&["--package", "lunora-client", "--lib", "--target", "wasm32-unknown-unknown"])
}

/// Checks that each feature builds without the others, and a Worker's features without the admin
/// plane.
fn each_feature() -> Result<()> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let section = manifest.split("\n[").find_map(|section| section.strip_prefix("features]"));
    let names = section.unwrap_or_default().lines().filter_map(|line| line.split_once(" = "));
    let names = names.map(|(name, _)| name).filter(|name| *name != "default");
    for features in names.chain(["shard,tower"]) {
        let features = ["--no-default-features", "--features", features];
        clippy(&[&["--package", "lunora", "--lib"], &features[..]].concat())?;
    }
    Ok(())
}

fn clippy_wasm() -> Result<()> {
    clippy(&["--package", "lunora", "--lib", "--target", "wasm32-unknown-unknown"])?;
    for dir in build::all() {
        let manifest = dir.join("Cargo.toml");
        let manifest = manifest.to_string_lossy();
        clippy(&["--manifest-path", &manifest, "--lib", "--target", "wasm32-unknown-unknown"])?;
    }
    Ok(())
}

fn documentation() -> Result<()> {
    let mut command = cargo([
        "doc",
        "--no-deps",
        "--all-features",
        "--package",
        "lunora",
        "--package",
        "lunora-build",
        "--package",
        "lunora-client",
        "--package",
        "lunora-codegen",
        "--package",
        "lunora-dev",
    ]);
    sh(command.env("RUSTDOCFLAGS", "-D warnings"))
}

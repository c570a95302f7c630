//! `cargo xtask simulate` and `cargo xtask teeth`: many seeds, and the faults that they must find.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, output, program, root, run as sh};

const BUILD: [&str; 5] = ["build", "--profile", "simulation", "--package", "lunora-simulation"];
/// A planted fault that is not found within so many seeds is not found.
const TEETH_SEEDS: u64 = 2_000;
const TEETH_OPERATIONS: u64 = 200;

/// Builds the workload.
pub(crate) fn build() -> Result<()> {
    sh(&mut cargo(BUILD))
}

/// Runs the workload over seeds; see `cargo xtask simulate --help`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    build()?;
    sh(Command::new(binary(&root().join("target"))).args(args))
}

/// Every fault can still be planted: a patch that no longer applies tests nothing.
pub(crate) fn check_faults() -> Result<()> {
    for fault in faults()? {
        sh(program("git").args(["apply", "--check"]).arg(&fault).current_dir(root()))
            .with_context(|| format!("{} no longer applies", fault.display()))?;
    }
    Ok(())
}

fn faults() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join("simulation/faults"))?;
    let mut faults: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?;
    faults.sort();
    Ok(faults)
}

/// A fixed set of seeds, and some that nobody has seen before.
pub(crate) fn check() -> Result<()> {
    run(&["--seed", "1", "--seeds", "300", "--operations", "400"])?;
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
    run(&["--seed", &fresh, "--seeds", "300", "--operations", "400"])
}

/// Plants each fault of `simulation/faults/` in a copy of the sources, and finds it again.
pub(crate) fn teeth(only: Option<&str>) -> Result<()> {
    // The checkout may change while this runs.
    let (sources, tree) = (root().join("target/teeth/sources"), root().join("target/teeth/tree"));
    copy(&root(), &sources, &known_files()?)?;
    let mut faults = faults()?;
    faults.retain(|fault| only.is_none_or(|only| name(fault).contains(only)));
    ensure!(!faults.is_empty(), "no such fault in simulation/faults");
    println!("{:<44} {:>12}", "fault", "found within");
    let mut missed = Vec::new();
    for fault in &faults {
        copy(&sources, &tree, &known_files()?)?;
        // A repository of its own: a patch is applied to it, and not to the checkout around it.
        sh(program("git").args(["init", "--quiet"]).current_dir(&tree))?;
        sh(program("git").arg("apply").arg(fault).current_dir(&tree))
            .with_context(|| format!("{} no longer applies", fault.display()))?;
        match seeds_to_find(&tree)? {
            Some(seeds) => println!("{:<44} {:>6} seeds", name(fault), seeds),
            None => {
                println!("{:<44} {:>12}", name(fault), "not found");
                missed.push(name(fault));
            }
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found: {}", missed.join(", ")) }
}

fn name(fault: &Path) -> String {
    fault.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns every file of the checkout that git does not ignore.
fn known_files() -> Result<Vec<String>> {
    let mut list = program("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    Ok(output(&mut list)?.lines().map(str::to_owned).collect())
}

/// Copies files that differ.
fn copy(from: &Path, to: &Path, files: &[String]) -> Result<()> {
    for file in files {
        let (from, to) = (from.join(file), to.join(file));
        let Ok(text) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|known| known == text) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        fs::write(&to, text).with_context(|| to.display().to_string())?;
    }
    Ok(())
}

/// Returns how many seeds it takes until a rule breaks.
fn seeds_to_find(tree: &Path) -> Result<Option<u64>> {
    let target = root().join("target/teeth-target");
    let mut build = program("cargo");
    sh(build.args(BUILD).arg("--quiet").current_dir(tree).env("CARGO_TARGET_DIR", &target))?;
    let found = Command::new(binary(&target))
        .args(["--seed", "1", "--seeds", &TEETH_SEEDS.to_string()])
        .args(["--operations", &TEETH_OPERATIONS.to_string(), "--quick"])
        .output()?;
    let text = String::from_utf8_lossy(&found.stdout);
    if found.status.success() {
        return Ok(None);
    }
    let seeds = text.lines().find_map(|line| line.split_once(" seeds of ")?.0.parse::<u64>().ok());
    Ok(Some(seeds.with_context(|| text.clone().into_owned())? + 1))
}

fn binary(target: &Path) -> PathBuf {
    target.join("simulation/lunora-simulation")
}

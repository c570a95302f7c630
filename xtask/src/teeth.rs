//! `cargo xtask teeth`: known faults, planted one by one, that the tests must find.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    shell::{output, program, root, run as sh},
    simulate::{BUILD, binary},
};

/// A planted fault that is not found within so many seeds is not found.
const SEEDS: u64 = 2_000;
const OPERATIONS: u64 = 200;
/// How a patch names the arguments of the `cargo test` that finds it; the simulation finds the others.
const FOUND_BY: &str = "Found by: ";

/// How a planted fault was found.
enum Found {
    Seeds(u64),
    Test(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seeds(seeds) => write!(f, "within {seeds} seeds"),
            Self::Test(name) => write!(f, "by {name}"),
        }
    }
}

/// Checks that every fault can still be planted: a patch that no longer applies tests nothing.
pub(crate) fn check_faults() -> Result<()> {
    for fault in faults()? {
        sh(program("git").args(["apply", "--check"]).arg(&fault).current_dir(root()))
            .with_context(|| format!("{} no longer applies", fault.display()))?;
    }
    Ok(())
}

/// Plants each fault of `simulation/faults/` in a copy of the sources, and finds it again.
pub(crate) fn run(only: &[&str]) -> Result<()> {
    // The checkout may change while this runs.
    let (sources, tree) = (root().join("target/teeth/sources"), root().join("target/teeth/tree"));
    copy(&root(), &sources, &known_files()?)?;
    let mut faults = faults()?;
    let chosen = |fault: &PathBuf| only.iter().any(|only| name(fault).contains(only));
    faults.retain(|fault| only.is_empty() || chosen(fault));
    ensure!(!faults.is_empty(), "no such fault in simulation/faults");
    println!("| planted fault | found |\n|---|---|");
    let mut missed = Vec::new();
    for fault in &faults {
        copy(&sources, &tree, &known_files()?)?;
        // A repository of its own: a patch is applied to it, and not to the checkout around it.
        sh(program("git").args(["init", "--quiet"]).current_dir(&tree))?;
        sh(program("git").arg("apply").arg(fault).current_dir(&tree))
            .with_context(|| format!("{} no longer applies", fault.display()))?;
        let text = fs::read_to_string(fault)?;
        let found = match text.lines().next().and_then(|line| line.strip_prefix(FOUND_BY)) {
            Some(test) => failing_test(&tree, test)?.map(Found::Test),
            None => seeds_to_find(&tree)?.map(Found::Seeds),
        };
        match found {
            Some(found) => println!("| `{}` | {found} |", name(fault)),
            None => {
                println!("| `{}` | **not found** |", name(fault));
                missed.push(name(fault));
            }
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found: {}", missed.join(", ")) }
}

fn faults() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join("simulation/faults"))?;
    let mut faults: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?;
    faults.sort();
    Ok(faults)
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

/// Copies files that differ, and removes the Rust sources that are not among `files`.
fn copy(from: &Path, to: &Path, files: &[String]) -> Result<()> {
    for file in rust_files(to, to)? {
        if !files.contains(&file) {
            fs::remove_file(to.join(&file)).with_context(|| file)?;
        }
    }
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

/// Returns the Rust sources under `folder`, as paths from `root`.
fn rust_files(root: &Path, folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(root, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.strip_prefix(root)?.to_string_lossy().into_owned());
        }
    }
    Ok(files)
}

/// Returns how many seeds it takes until a rule breaks.
fn seeds_to_find(tree: &Path) -> Result<Option<u64>> {
    let target = target();
    let mut build = program("cargo");
    sh(build.args(BUILD).arg("--quiet").current_dir(tree).env("CARGO_TARGET_DIR", &target))?;
    let found = Command::new(binary(&target))
        .args(["--seed", "1", "--seeds", &SEEDS.to_string()])
        .args(["--operations", &OPERATIONS.to_string(), "--quick"])
        .output()?;
    let text = String::from_utf8_lossy(&found.stdout);
    if found.status.success() {
        return Ok(None);
    }
    let seeds = text.lines().find_map(|line| line.split_once(" seeds of ")?.0.parse::<u64>().ok());
    Ok(Some(seeds.with_context(|| text.clone().into_owned())? + 1))
}

/// Returns the first test that fails.
fn failing_test(tree: &Path, arguments: &str) -> Result<Option<String>> {
    let ran = program("cargo")
        .args(["test", "--quiet"])
        .args(arguments.split_whitespace())
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target())
        .output()?;
    if ran.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&ran.stdout);
    let failed = text.lines().find_map(|line| {
        let name = line.strip_prefix("---- ")?.strip_suffix(" stdout ----")?;
        Some(name.to_owned())
    });
    let problem = || format!("{text}{}", String::from_utf8_lossy(&ran.stderr));
    failed.with_context(problem).map(Some)
}

fn target() -> PathBuf {
    root().join("target/teeth-target")
}

//! `cargo xtask release --dry-run`: the checklist of a release, as far as a machine can walk it.

use std::fs;

use anyhow::{Result, bail, ensure};

use crate::{
    package::{self, PACKAGES},
    shell::{cargo, output, program, root, run as sh},
};

/// Checks everything that a release needs, and publishes nothing.
///
/// # Errors
/// Names every item that is not ready.
pub(crate) fn dry_run() -> Result<()> {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
    let version = version_of(&read("Cargo.toml"));
    let mut open = Vec::new();
    let mut check = |name: &str, problem: Option<String>| {
        println!("{} {name}", if problem.is_none() { "ok  " } else { "open" });
        open.extend(problem.map(|problem| format!("{name}: {problem}")));
    };

    let status = output(program("git").args(["status", "--porcelain"]))?;
    let dirty = status.lines().count();
    check("the working tree is clean", (dirty > 0).then(|| format!("{dirty} files are changed")));
    let changelog = read("CHANGELOG.md");
    let has_version = changelog.contains(&format!("\n## {version}"));
    check(
        "CHANGELOG.md has the version",
        (!has_version).then(|| format!("rename `## Unreleased` to `## {version} - <date>`")),
    );
    let has_repository = package::names_repository()?;
    check(
        "the crates name their repository",
        (!has_repository)
            .then(|| "set `repository` in [workspace.package] of Cargo.toml".to_owned()),
    );
    let placeholders = ["README.md", "docs/first-app.md", "crates/lunora-cli/README.md"];
    let unnamed: Vec<_> =
        placeholders.into_iter().filter(|file| read(file).contains("<this repository>")).collect();
    check(
        "the documents name the repository",
        (!unnamed.is_empty())
            .then(|| format!("replace `<this repository>` in {}", unnamed.join(", "))),
    );
    for package in &PACKAGES {
        let manifest = read(package.manifest);
        let problems = unversioned(&manifest);
        check(
            &format!("{} depends on nothing by path alone", package.name),
            (!problems.is_empty()).then(|| format!("add a version to {}", problems.join(", "))),
        );
    }
    let packaged = package::check().err().map(|error| format!("{error:#}"));
    check("every package has its metadata and its files", packaged);

    println!("Compiling each crate from its package, in the order of their dependencies.");
    let mut publish = cargo(["publish", "--dry-run", "--allow-dirty"]);
    sh(publish.args(PACKAGES.iter().flat_map(|package| ["--package", package.name])))?;
    ensure!(open.is_empty(), "not ready:\n  {}", open.join("\n  "));
    println!("Ready: run `cargo xtask test`, tag v{version}, and `cargo publish` the packages.");
    Ok(())
}

/// Reads the command line after `release`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    match args {
        ["--dry-run"] => dry_run(),
        _ => bail!("`release` takes --dry-run: it publishes nothing"),
    }
}

fn version_of(manifest: &str) -> String {
    let line = manifest.lines().find(|line| line.starts_with("version = "));
    line.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned()
}

/// The dependencies of a manifest that have a path and no version; cargo drops those of tests itself.
fn unversioned(manifest: &str) -> Vec<&str> {
    let mut table = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            table = line;
        }
        let is_published = table.ends_with("dependencies]") && !table.contains("dev-");
        if is_published && line.contains("path = ") && !line.contains("version = ") {
            found.extend(line.split(" = ").next());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_dependencies_by_path_alone() {
        let manifest = "[dependencies]\na = { path = \"../a\" }\nb = { path = \"../b\", version = \"1\" }\n\
            [dev-dependencies]\nc = { path = \"../c\" }\n[build-dependencies]\nd = { path = \"../d\" }\n";
        assert_eq!(unversioned(manifest), ["a", "d"]);
    }

    #[test]
    fn reads_the_version_of_the_workspace() {
        assert_eq!(version_of("[workspace.package]\nversion = \"1.2.3\"\n"), "1.2.3");
    }
}

//! `cargo xtask package`: the crates for crates.io, their metadata and their files.

use std::{collections::BTreeSet, fs};

use anyhow::{Result, ensure};

use crate::shell::{cargo, output, program, root, run};

/// A crate for crates.io, its manifest, and the top-level names of its package.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) manifest: &'static str,
    files: &'static [&'static str],
}

pub(crate) const PACKAGES: [Package; 6] = [
    Package {
        name: "lunora",
        manifest: "Cargo.toml",
        files: &["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "docs", "src"],
    },
    Package {
        name: "lunora-build",
        manifest: "crates/lunora-build/Cargo.toml",
        files: &["README.md", "src"],
    },
    Package {
        name: "lunora-cli",
        manifest: "crates/lunora-cli/Cargo.toml",
        files: &["README.md", "src", "template"],
    },
    Package {
        name: "lunora-client",
        manifest: "crates/lunora-client/Cargo.toml",
        files: &["README.md", "src"],
    },
    Package {
        name: "lunora-codegen",
        manifest: "crates/lunora-codegen/Cargo.toml",
        files: &["README.md", "src"],
    },
    Package {
        name: "lunora-dev",
        manifest: "crates/lunora-dev/Cargo.toml",
        files: &["README.md", "src"],
    },
];

/// Files that cargo adds to every package.
const ADDED: [&str; 4] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];

const REQUIRED: [&str; 6] =
    ["description", "license", "readme", "keywords", "categories", "rust-version"];

/// Checks every manifest, and packages what is for crates.io without building it.
pub(crate) fn check() -> Result<()> {
    let manifests = output(program("git").args(["ls-files", "*Cargo.toml"]))?;
    let mut problems = Vec::new();
    for file in manifests.lines() {
        let text = fs::read_to_string(root().join(file))?;
        let is_published = PACKAGES.iter().any(|package| package.manifest == file);
        problems.extend(problems_of(file, &text, is_published));
    }
    for package in &PACKAGES {
        let args = ["package", "--list", "--allow-dirty", "--offline", "--package", package.name];
        problems.extend(unexpected(package, &output(&mut cargo(args))?));
    }
    ensure!(problems.is_empty(), "packages are not ready:\n  {}", problems.join("\n  "));

    // Together, so that those that are not published yet find each other.
    let mut command = cargo(["package", "--quiet", "--no-verify", "--allow-dirty", "--offline"]);
    run(command.args(PACKAGES.iter().flat_map(|package| ["--package", package.name])))?;
    if !names_repository()? {
        println!("note: no `repository` in Cargo.toml; set it before you publish");
    }
    println!("{} packages in target/package", PACKAGES.len());
    Ok(())
}

/// Whether the crates name the address of their repository.
pub(crate) fn names_repository() -> Result<bool> {
    let workspace = fs::read_to_string(root().join("Cargo.toml"))?;
    Ok(workspace.lines().any(|line| line.starts_with("repository")))
}

/// The problems of a manifest's `[package]`.
fn problems_of(file: &str, text: &str, is_published: bool) -> Vec<String> {
    let package = text.lines().skip_while(|line| *line != "[package]").skip(1);
    let package: Vec<&str> = package.take_while(|line| !line.starts_with('[')).collect();
    let has = |key: &str| {
        let key_of = |line: &str| line.split(['=', '.']).next().unwrap_or_default().trim() == key;
        package.iter().any(|line| key_of(line))
    };
    let is_private = package.contains(&"publish = false");
    if is_published && is_private {
        return vec![format!("{file} is for crates.io, and has `publish = false`")];
    }
    if !is_published {
        let problem = || format!("{file} is not for crates.io; add `publish = false`");
        return (!is_private).then(problem).into_iter().collect();
    }
    let missing = REQUIRED.iter().filter(|key| !has(key));
    missing.map(|key| format!("{file} has no `{key}` in `[package]`")).collect()
}

/// The top-level names of a package's file list that are not expected, and those that are missing.
fn unexpected(package: &Package, list: &str) -> Vec<String> {
    let found: BTreeSet<&str> = list.lines().filter_map(|file| file.split('/').next()).collect();
    let expected: BTreeSet<&str> = package.files.iter().chain(&ADDED).copied().collect();
    let name = package.name;
    let extra = found.difference(&expected);
    let extra = extra.map(|file| format!("the package {name} has `{file}`; see `include`"));
    let missing = package.files.iter().filter(|file| !found.contains(*file));
    extra.chain(missing.map(|file| format!("the package {name} has no `{file}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = "[package]\nname = \"a\"\ndescription = \"A.\"\nlicense.workspace = true\n\
        readme = \"README.md\"\nkeywords = []\ncategories = []\nrust-version.workspace = true\n";

    #[test]
    fn rejects_a_published_manifest_without_metadata() {
        assert_eq!(problems_of("Cargo.toml", COMPLETE, true), [""; 0]);
        let without = COMPLETE.replace("license.workspace = true\n", "");
        assert_eq!(
            problems_of("Cargo.toml", &without, true),
            ["Cargo.toml has no `license` in `[package]`"]
        );
        // That of another table does not count.
        let elsewhere = format!("{without}\n[dependencies]\nlicense = \"1\"\n");
        assert_eq!(problems_of("Cargo.toml", &elsewhere, true).len(), 1);
    }

    #[test]
    fn rejects_an_unlisted_manifest_that_could_be_published() {
        assert_eq!(problems_of("a/Cargo.toml", COMPLETE, false).len(), 1);
        let private = COMPLETE.replace("keywords = []", "publish = false");
        assert_eq!(problems_of("a/Cargo.toml", &private, false), [""; 0]);
        assert_eq!(problems_of("a/Cargo.toml", &private, true).len(), 1);
    }

    #[test]
    fn rejects_files_that_are_not_listed() {
        let list = "Cargo.toml\nCHANGELOG.md\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\ndocs/wire.md\nsrc/lib.rs\n";
        assert_eq!(unexpected(&PACKAGES[0], list), [""; 0]);
        assert_eq!(
            unexpected(&PACKAGES[0], &list.replace("README.md", "e2e/package.json")),
            [
                "the package lunora has `e2e`; see `include`",
                "the package lunora has no `README.md`"
            ]
        );
    }
}

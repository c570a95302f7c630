//! The source of the crates of lunora, for the manifest of a new application.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// A source of the crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A git repository, at a commit if one is known.
    Git { url: String, rev: Option<String> },
    /// A checkout.
    Folder(PathBuf),
    /// The registry, at the version of this tool.
    Registry,
}

impl Origin {
    /// Parses a source: a URL, or the folder of a checkout.
    pub(crate) fn parse(source: &str) -> Result<Self, Failure> {
        let folder = Path::new(source);
        if is_checkout(folder) {
            let path = std::path::absolute(folder);
            return path.map(Self::Folder).map_err(|error| Failure::file(folder, error));
        }
        let is_url = source.contains("://") || source.starts_with("git@");
        if !is_url || source.contains(['"', '\\', ' ']) || source.chars().any(char::is_control) {
            return Err(Failure::Usage(format!(
                "invalid source `{source}`: expected a git URL or a folder with lunora's Cargo.toml"
            )));
        }
        Ok(Self::Git { url: source.to_owned(), rev: None })
    }

    /// Returns the source that this tool was compiled from.
    pub(crate) fn of_this_tool() -> Result<Self, Failure> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let is_part_of = |folder: &str| own.components().any(|part| part.as_os_str() == folder);
        if is_part_of("registry") {
            return Ok(Self::Registry);
        }
        if is_part_of("checkouts") {
            // Cargo's copy of a repository; only cargo knows its URL.
            let installed = installed().and_then(|list| Self::of_install(&list));
            return installed.ok_or_else(unknown);
        }
        let root = own.ancestors().nth(2).filter(|root| is_checkout(root));
        root.map(|root| Self::Folder(root.to_owned())).ok_or_else(unknown)
    }

    /// Parses the output of `cargo install --list`: `lunora-cli v0.1.0 (https://host/lunora#abc123):`.
    fn of_install(list: &str) -> Option<Self> {
        let line = list.lines().find(|line| line.starts_with("lunora-cli v"))?;
        let (_, source) = line.split_once(" (")?;
        let source = source.strip_suffix("):")?;
        let (address, rev) = source.split_once('#')?;
        let url = address.split_once('?').map_or(address, |(url, _)| url);
        Some(Self::Git { url: url.to_owned(), rev: Some(rev.to_owned()) })
    }

    /// Returns the keys of a dependency on one of the crates.
    pub(crate) fn dependency(&self, krate: &str) -> String {
        match self {
            Self::Git { url, rev: None } => format!("git = {url:?}"),
            Self::Git { url, rev: Some(rev) } => format!("git = {url:?}, rev = {rev:?}"),
            Self::Folder(root) => {
                let folder = match krate {
                    "lunora" => root.clone(),
                    krate => root.join("crates").join(krate),
                };
                format!("path = {folder:?}")
            }
            Self::Registry => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
        }
    }
}

fn is_checkout(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line == r#"name = "lunora""#)
}

fn installed() -> Option<String> {
    let output = Command::new("cargo").args(["install", "--list"]).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn unknown() -> Failure {
    Failure::Usage(
        "unknown source of the lunora crates: pass `--lunora <git URL or folder>`".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_source_of_an_install() {
        let list = "cargo-deny v0.19.0:\n    cargo-deny\n\
            lunora-cli v0.1.0 (https://git.example/lunora?branch=main#0a1b2c3d):\n    lunora\n";
        let origin = Origin::of_install(list);
        let url = "https://git.example/lunora".to_owned();
        assert_eq!(origin, Some(Origin::Git { url, rev: Some("0a1b2c3d".into()) }));
        let dependency = origin.map(|it| it.dependency("lunora-codegen"));
        let expected = r#"git = "https://git.example/lunora", rev = "0a1b2c3d""#;
        assert_eq!(dependency.as_deref(), Some(expected));
        assert_eq!(Origin::of_install("lunora-cli v0.1.0:\n    lunora\n"), None);
    }

    #[test]
    fn takes_a_url_or_a_checkout_and_nothing_else() {
        let url = "https://git.example/lunora";
        assert!(matches!(Origin::parse(url), Ok(Origin::Git { url: it, rev: None }) if it == url));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert!(matches!(Origin::parse(&root.to_string_lossy()), Ok(Origin::Folder(_))));
        for refused in ["lunora", "/nowhere", "https://a\" }", "1.0"] {
            assert!(Origin::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_folder_holds_the_other_crates_below_it() {
        let folder = Origin::Folder("/l".into());
        assert_eq!(folder.dependency("lunora"), r#"path = "/l""#);
        assert_eq!(folder.dependency("lunora-codegen"), r#"path = "/l/crates/lunora-codegen""#);
    }
}

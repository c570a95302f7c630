//! The applications that `lunora new` makes: the files of `template/base`, and those that a kind puts in
//! their place.

use clap::ValueEnum;

/// The part that answers requests for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Static files.
    Plain,
    /// Pages that are rendered on the server, by maud.
    Pages,
    /// A router of axum.
    Axum,
}

/// A file's path in the application, and its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($dir:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../template/", $dir, "/", $path)))),*]
    };
}

const BASE: &[File] = files!["base":
    ".dev.vars.liquid",
    ".gitignore",
    "Cargo.toml.liquid",
    "README.md",
    "build.rs",
    "package.json",
    "public/app.js",
    "public/index.html",
    "public/style.css",
    "rust-toolchain.toml",
    "src/lib.rs",
    "src/page.rs",
    "src/tasks.rs",
    "wrangler.jsonc",
];
const PAGES: &[File] = files!["pages": "Cargo.toml.liquid", "src/lib.rs", "src/page.rs"];
const AXUM: &[File] = files!["axum": "Cargo.toml.liquid", "src/lib.rs", "src/page.rs"];

impl Kind {
    fn own(self) -> &'static [File] {
        match self {
            Self::Plain => &[],
            Self::Pages => PAGES,
            Self::Axum => AXUM,
        }
    }

    /// Returns every file of such an application: its path, and its text with the placeholders filled
    /// in.
    pub(crate) fn files(
        self,
        name: &str,
        dependency: &dyn Fn(&str) -> String,
    ) -> Vec<(&'static str, String)> {
        let replaced = |path: &str| self.own().iter().find(|(own, _)| *own == path);
        let is_used = |path: &str| self != Self::Pages || path != "public/index.html";
        let files = BASE.iter().filter(|(path, _)| is_used(path));
        let files = files.map(|base| replaced(base.0).unwrap_or(base));
        // With the suffix, cargo takes no file for a manifest, and git ignores none.
        let finished = |(path, text): &File| match path.strip_suffix(".liquid").unwrap_or(path) {
            "Cargo.toml" => ("Cargo.toml", manifest(text, name, dependency)),
            path => (path, text.replace("{{project-name}}", name)),
        };
        files.map(finished).collect()
    }
}

/// Returns the manifest, with the source of the lunora crates in its dependencies.
fn manifest(text: &str, name: &str, dependency: &dyn Fn(&str) -> String) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(" = { ") {
        Some((krate, _)) => line.replace(r#"git = "{{lunora}}""#, &dependency(krate)),
        None => line.to_owned(),
    });
    lines.collect::<String>().replace("{{project-name}}", name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, io, path::Path};

    use super::*;

    const KINDS: [Kind; 3] = [Kind::Plain, Kind::Pages, Kind::Axum];

    fn on_disk(dir: &Path, below: &Path, found: &mut BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                on_disk(&path, below, found)?;
            } else if let Ok(path) = path.strip_prefix(below) {
                found.insert(path.to_string_lossy().replace('\\', "/"));
            }
        }
        Ok(())
    }

    #[test]
    fn holds_every_file_of_the_template() -> io::Result<()> {
        for (name, files) in [("base", BASE), ("pages", PAGES), ("axum", AXUM)] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("template").join(name);
            let mut found = BTreeSet::new();
            on_disk(&dir, &dir, &mut found)?;
            // It is for `cargo generate` alone.
            found.remove("cargo-generate.toml");
            let held: BTreeSet<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(held, found, "{name}");
        }
        Ok(())
    }

    #[test]
    fn leaves_no_placeholder() {
        for kind in KINDS {
            for (path, text) in kind.files("my-app", &|krate| format!("path = \"/l/{krate}\"")) {
                assert!(!text.contains("{{"), "{kind} {path}");
            }
        }
    }

    #[test]
    fn names_where_each_crate_comes_from() {
        let files = Kind::Plain.files("my-app", &|krate| format!("path = \"/l/{krate}\""));
        let manifest = files.iter().find(|(path, _)| *path == "Cargo.toml").map(|(_, text)| text);
        for line in [
            "name = \"my-app\"",
            "lunora = { path = \"/l/lunora\", features = [\"shard\"] }",
            "lunora-codegen = { path = \"/l/lunora-codegen\" }",
        ] {
            assert!(manifest.is_some_and(|text| text.lines().any(|it| it == line)), "{line}");
        }
    }
}

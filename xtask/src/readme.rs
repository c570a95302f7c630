//! The application of the README, made of exactly the text that a reader sees.

use std::fs;

use anyhow::{Context, Result};

use crate::{build, shell::root, template};

/// The files that the README shows, each after a line with its name.
const FILES: [&str; 4] = ["Cargo.toml", "src/lib.rs", "wrangler.jsonc", ".dev.vars"];

/// Writes the application to `target/template/readme`, and builds it to wasm. The end-to-end tests run it.
pub(crate) fn check() -> Result<()> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    let dir = template::vacate("readme")?;
    fs::create_dir_all(dir.join("src"))?;
    for file in FILES {
        let text = block(&readme, file).with_context(|| format!("README.md shows no `{file}`"))?;
        let text = match file {
            "Cargo.toml" => manifest(text),
            _ => text.to_owned(),
        };
        fs::write(dir.join(file), text)?;
    }
    template::share_builds(&dir)?;
    build::one(&dir, true).map(drop)
}

/// The block of code after the line that names the file.
fn block<'r>(readme: &'r str, file: &str) -> Option<&'r str> {
    let (_, rest) = readme.split_once(&format!("\n`{file}`:\n\n```"))?;
    let (_, code) = rest.split_once('\n')?;
    Some(code.split_once("\n```\n").map_or(code, |(code, _)| code))
}

/// The manifest, over the crates of this checkout and as a workspace of its own.
fn manifest(text: &str) -> String {
    let here = format!("path = {:?}", root());
    let text = text.replace(r#"git = "<this repository>""#, &here);
    format!("{text}\n\n[workspace]\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_every_file() -> Result<()> {
        let readme = fs::read_to_string(root().join("README.md"))?;
        for file in FILES {
            assert!(block(&readme, file).is_some_and(|text| !text.is_empty()), "{file}");
        }
        Ok(())
    }

    /// The versions that it names are those that the tool reads.
    #[test]
    fn the_readme_pins_the_version_that_the_tool_reads() -> Result<()> {
        let line = |file: &str, start: &str| -> Result<String> {
            let text = fs::read_to_string(root().join(file))?;
            let line = text.lines().find(|line| line.starts_with(start)).map(str::to_owned);
            line.with_context(|| format!("{file} has no `{start}`"))
        };
        let ours = line("Cargo.toml", "wasm-bindgen-cli-support = ")?;
        let shown = line("README.md", "wasm-bindgen = ")?;
        assert!(shown.starts_with(&ours.replace("-cli-support", "")), "{shown} {ours}");
        Ok(())
    }
}

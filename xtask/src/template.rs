//! The template of `template/`, made into an application as `cargo generate` does it, over the crates
//! of this checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{
    build,
    shell::{program, root, run},
};

/// Where the end-to-end tests find it.
const NAME: &str = "made-from-template";

/// Makes the application, runs its own tests, and builds it to wasm.
pub(crate) fn check() -> Result<()> {
    let dir = instantiate()?;
    run(program("cargo").args(["test", "--quiet"]).current_dir(&dir))?;
    build::one(&dir, true).map(drop)
}

fn instantiate() -> Result<PathBuf> {
    let dir = root().join("target/template").join(NAME);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    copy(&root().join("template"), &dir)?;

    let manifest = dir.join("Cargo.toml");
    let workspace = fs::read_to_string(root().join("Cargo.toml"))?;
    // Its own workspace, as it is where users have it; and compiled as the rest is, so that its
    // dependencies are there already.
    let (_, profile) = workspace.split_once("[profile.dev]").context("[profile.dev]")?;
    let own = fs::read_to_string(&manifest)?;
    fs::write(&manifest, format!("{own}\n[workspace]\n\n[profile.dev]{profile}"))?;
    fs::copy(root().join("Cargo.lock"), dir.join("Cargo.lock"))?;
    fs::create_dir(dir.join(".cargo"))?;
    let target = root().join("target");
    fs::write(dir.join(".cargo/config.toml"), format!("[build]\ntarget-dir = {target:?}\n"))?;
    Ok(dir)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // `cargo generate` drops the suffix. With it, cargo does not take the file for a manifest.
        let (source, target) =
            (entry.path(), to.join(name.strip_suffix(".liquid").unwrap_or(&name)));
        if name == "cargo-generate.toml" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
            continue;
        }
        let text = fill(&fs::read_to_string(&source)?);
        ensure!(!text.contains("{{"), "{} has a placeholder that is unknown", source.display());
        fs::write(target, text)?;
    }
    Ok(())
}

/// What `cargo generate` puts in, but for the crates, which are those of this checkout.
fn fill(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(" = { git = ") {
        Some((name, _)) => {
            let at = if name == "lunora" { root() } else { root().join("crates").join(name) };
            let path = format!(" = {{ path = {at:?}");
            line.replace(" = { git = \"{{lunora}}\"", &path)
        }
        None => line.to_owned(),
    });
    let text: String = lines.collect();
    text.replace("{{project-name}}", NAME).replace("{{lunora}}", "https://git.example/lunora")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::shell::{output, program, root};

    /// Cargo reads every `Cargo.toml` of a git dependency, and prints an error for an invalid one.
    #[test]
    fn no_manifest_has_placeholders() -> anyhow::Result<()> {
        let files = output(program("git").args(["ls-files", "*Cargo.toml"]))?;
        assert!(files.lines().any(|file| file == "xtask/Cargo.toml"), "{files}");
        for file in files.lines() {
            let text = fs::read_to_string(root().join(file))?;
            assert!(!text.contains("{{"), "{file} has a placeholder; append `.liquid` to its name");
        }
        Ok(())
    }

    /// A template that pins another version could not be built by `lunora-build`.
    #[test]
    fn the_template_is_of_this_version() {
        let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
        let line = |file: &str, start: &str| {
            read(file).lines().find(|line| line.starts_with(start)).map(str::to_owned)
        };
        for (ours, theirs, start) in [
            ("rust-toolchain.toml", "template/rust-toolchain.toml", "channel = "),
            ("Cargo.toml", "template/Cargo.toml.liquid", "wasm-bindgen = "),
        ] {
            assert!(line(ours, start).is_some());
            assert_eq!(line(theirs, start), line(ours, start));
        }
    }
}

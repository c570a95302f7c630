//! The applications that `lunora new` makes, over the crates of this checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    build,
    shell::{cargo, program, root, run},
};

/// Each kind, and the name of its application, by which the end-to-end tests find it.
const KINDS: [(&str, &str); 3] =
    [("plain", "new-plain"), ("pages", "new-pages"), ("axum", "new-axum")];

/// Makes the applications, runs their own tests, and builds them to wasm.
pub(crate) fn check() -> Result<()> {
    for (kind, name) in KINDS {
        let dir = vacate(name)?;
        let path = dir.to_string_lossy();
        let new = ["run", "--quiet", "--package", "lunora-cli", "--", "new", &path, "--with", kind];
        run(&mut cargo(new))?;
        // Its own workspace, as it is where users have it; but with the versions, the profile and the folder
        // of the rest, so that its dependencies are compiled already.
        let manifest = dir.join("Cargo.toml");
        let workspace = fs::read_to_string(root().join("Cargo.toml"))?;
        let (_, profile) = workspace.split_once("[profile.dev]").context("[profile.dev]")?;
        let own = fs::read_to_string(&manifest)?;
        let own = own.split_once("\n# Quick to compile").map_or(&*own, |(own, _)| own);
        fs::write(&manifest, format!("{own}\n[workspace]\n\n[profile.dev]{profile}"))?;
        share_builds(&dir)?;
        run(program("cargo").args(["test", "--quiet"]).current_dir(&dir))?;
        build::one(&dir, true)?;
    }
    Ok(())
}

/// Removes what an earlier run left of an application, and returns its folder.
pub(crate) fn vacate(name: &str) -> Result<PathBuf> {
    let dir = root().join("target/template").join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    Ok(dir)
}

/// Gives an application the locked versions and the target folder of this checkout.
pub(crate) fn share_builds(dir: &Path) -> Result<()> {
    fs::copy(root().join("Cargo.lock"), dir.join("Cargo.lock"))?;
    fs::create_dir(dir.join(".cargo"))?;
    let target = root().join("target");
    fs::write(dir.join(".cargo/config.toml"), format!("[build]\ntarget-dir = {target:?}\n"))?;
    Ok(())
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

    /// A template that pins another version could not be built by `lunora build`.
    #[test]
    fn the_templates_are_of_this_version() {
        let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
        let line = |file: &str, start: &str| {
            read(file).lines().find(|line| line.starts_with(start)).map(str::to_owned)
        };
        let manifest = |kind: &str| format!("{kind}/Cargo.toml.liquid");
        let cli_support = line("Cargo.toml", "wasm-bindgen-cli-support = ").unwrap_or_default();
        for kind in ["base", "pages", "axum"] {
            let pin =
                line(&format!("crates/lunora-cli/template/{}", manifest(kind)), "wasm-bindgen = ");
            assert_eq!(
                pin.map(|pin| pin.replace("gen = ", "gen-cli-support = ")).as_ref(),
                Some(&cli_support)
            );
        }
        for (ours, theirs, start) in [
            ("rust-toolchain.toml", "base/rust-toolchain.toml".to_owned(), "channel = "),
            ("Cargo.toml", manifest("base"), "opt-level = "),
            ("Cargo.toml", manifest("pages"), "opt-level = "),
            ("Cargo.toml", manifest("axum"), "opt-level = "),
        ] {
            assert!(line(ours, start).is_some());
            let theirs = format!("crates/lunora-cli/template/{theirs}");
            assert_eq!(line(&theirs, start), line(ours, start), "{theirs}");
        }
    }
}

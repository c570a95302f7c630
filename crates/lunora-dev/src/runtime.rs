//! Node, and the Miniflare that it runs.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use etcetera::BaseStrategy;
use serde_json::Value;

use crate::Error;

/// The oldest major version of Node that works.
pub const OLDEST_NODE: u32 = 20;

/// The major version of Miniflare whose options the server speaks.
const MINIFLARE: &str = "4.";

/// The package that is installed if the crate has no Miniflare: the newest that [`OLDEST_NODE`] can
/// run.
const PACKAGE: &str = include_str!("runtime/package.json");
const LOCK: &str = include_str!("runtime/package-lock.json");

/// Checks that Node is installed, and recent enough.
///
/// # Errors
///
/// [`Error::Node`] if not.
pub fn check_node() -> Result<(), Error> {
    let output = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let version = output.ok().filter(|output| output.status.success());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match version {
        Some(version) if major(&version) >= Some(OLDEST_NODE) => Ok(()),
        found => Err(Error::Node {
            found: found.map(|version| format!(", found {version}")).unwrap_or_default(),
        }),
    }
}

fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Finds the folder whose `node_modules` holds Miniflare: that of the crate or above it, else one in
/// the user's cache, which is installed if it is missing.
pub(crate) fn find(dir: &Path) -> Result<PathBuf, Error> {
    check_node()?;
    let dir =
        std::path::absolute(dir).map_err(|source| Error::File { path: dir.into(), source })?;
    let own = dir.ancestors().find(|dir| has_miniflare(dir)).map(Path::to_owned);
    own.map_or_else(cached, Ok)
}

fn has_miniflare(dir: &Path) -> bool {
    let manifest = fs::read_to_string(dir.join("node_modules/miniflare/package.json"));
    let manifest = manifest.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    manifest.is_some_and(|it| it["version"].as_str().is_some_and(|it| it.starts_with(MINIFLARE)))
}

/// Returns the folder in the user's cache, named by the version that it holds.
fn cached() -> Result<PathBuf, Error> {
    let pinned: Value = serde_json::from_str(PACKAGE).unwrap_or_default();
    let version = pinned["dependencies"]["miniflare"].as_str().unwrap_or_default();
    let cache = etcetera::choose_base_strategy().map(|base| base.cache_dir());
    let cache = cache.unwrap_or_else(|_| env::temp_dir()).join("lunora");
    let dir = cache.join(format!("miniflare-{version}"));
    if !has_miniflare(&dir) {
        install(&dir)?;
    }
    Ok(dir)
}

/// Installs beside the folder and renames, so that an interrupted install does not count.
#[allow(clippy::print_stdout, reason = "it is what `lunora dev` shows")]
fn install(dir: &Path) -> Result<(), Error> {
    println!("Installing Miniflare in {} (once)", dir.display());
    let staging = dir.with_extension(process::id().to_string());
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| Error::File { path, source }
    };
    fs::create_dir_all(&staging).map_err(file(&staging))?;
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        fs::write(staging.join(name), text).map_err(file(&staging))?;
    }
    // On Windows npm is a script.
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(npm);
    command.args(["ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]);
    let status = command.current_dir(&staging).stdin(Stdio::null()).status();
    let failure = match status {
        Ok(status) if status.success() => None,
        Ok(status) => Some(status.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let installed = match failure {
        Some(reason) => Err(Error::Install(reason)),
        // Another process may have been quicker.
        None => fs::rename(&staging, dir)
            .or_else(|error| if has_miniflare(dir) { Ok(()) } else { Err(file(dir)(error)) }),
    };
    let _ = fs::remove_dir_all(&staging);
    installed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_node() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("nightly"), None);
    }

    #[test]
    fn takes_a_miniflare_of_the_crate_or_above_whose_options_it_speaks() -> io::Result<()> {
        let root = tempfile::tempdir()?;
        let app = root.path().join("a/b");
        let package = root.path().join("node_modules/miniflare");
        fs::create_dir_all(&package)?;
        fs::create_dir_all(&app)?;
        let found = |version: &str| -> io::Result<Option<PathBuf>> {
            fs::write(package.join("package.json"), format!(r#"{{"version":"{version}"}}"#))?;
            Ok(app.ancestors().find(|dir| has_miniflare(dir)).map(Path::to_owned))
        };
        assert_eq!(found("4.20260426.0")?.as_deref(), Some(root.path()));
        assert_eq!(found("5.20261117.0-beta")?, None);
        Ok(())
    }

    #[test]
    fn the_lock_file_holds_the_pinned_version() {
        let version = |text: &str, pointer: &str| -> Option<String> {
            let value: Value = serde_json::from_str(text).ok()?;
            Some(value.pointer(pointer)?.as_str()?.to_owned())
        };
        let pinned = version(PACKAGE, "/dependencies/miniflare");
        assert!(pinned.as_ref().is_some_and(|it| it.starts_with(MINIFLARE)), "{pinned:?}");
        assert_eq!(version(LOCK, "/packages/node_modules~1miniflare/version"), pinned);
    }
}

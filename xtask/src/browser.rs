//! A Chromium for the tests of pages: the named one, one that is there, one from Debian.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use crate::shell::{output, program, run};

/// The variable that names the browser, here and in `e2e/browser.test.mjs`.
pub(crate) const VARIABLE: &str = "LUNORA_BROWSER";

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// Finds a browser, and installs one as root on Debian. Without one the tests of pages are
/// skipped, which is an error where `CI` is set.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os(VARIABLE) {
        ensure!(Path::new(&named).exists(), "{VARIABLE} names {}: no such file", named.display());
        return Ok(Some(named.into()));
    }
    if let Some(found) = installed() {
        return Ok(Some(found));
    }
    if can_install() {
        println!("Installing Chromium …");
        run(program("apt-get").args(["update", "--quiet=2"]))?;
        let packages = ["install", "--quiet=2", "--yes", "--no-install-recommends", "chromium"];
        run(program("apt-get").args(packages).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    let found = installed();
    if found.is_none() {
        let advice = format!("install Chromium or name it in {VARIABLE}");
        if env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false") {
            bail!("no Chromium for the tests of pages: {advice}");
        }
        println!("No Chromium: the tests of pages are skipped. To run them, {advice}.");
    }
    Ok(found)
}

fn installed() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = |name| env::split_paths(&path).map(move |dir| dir.join(name));
    let mut candidates = NAMES.into_iter().flat_map(on_path).chain([MAC.into()]);
    candidates.find(|candidate| candidate.is_file())
}

fn can_install() -> bool {
    let root = output(program("id").arg("-u")).is_ok_and(|id| id == "0");
    root && Path::new("/usr/bin/apt-get").exists()
}

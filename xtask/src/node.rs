//! The npm packages of `e2e/`.

use std::{fs, path::Path, time::SystemTime};

use anyhow::Result;

use crate::{
    shell::{program, root, run},
    steps::step,
};

const LOCK: &str = "package-lock.json";

/// A copy of the lock file whose packages are installed; npm removes it with the folder.
const INSTALLED: &str = "node_modules/.installed-lock.json";

/// Makes `e2e/` ready to run.
pub(crate) fn install() -> Result<()> {
    lunora_dev::check_node()?;
    let e2e = root().join("e2e");
    if !is_installed(&e2e) {
        step("Installing the npm packages of e2e/", || {
            run(program("npm").arg("ci").current_dir(&e2e))
        })?;
        fs::copy(e2e.join(LOCK), e2e.join(INSTALLED))?;
    }
    Ok(())
}

/// Compares the lock file with the one that was last installed. A checkout changes the time of the
/// file but not its content; a folder that npm wrote by hand has only its time.
fn is_installed(dir: &Path) -> bool {
    match fs::read(dir.join(INSTALLED)) {
        Ok(installed) => fs::read(dir.join(LOCK)).is_ok_and(|wanted| wanted == installed),
        Err(_) => {
            let installed = modified(&dir.join("node_modules/.package-lock.json"));
            installed.is_some() && installed >= modified(&dir.join(LOCK))
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn installs_again_only_if_the_lock_file_has_another_content() -> Result<()> {
        let dir = env::temp_dir().join(format!("xtask-node-{}", process::id()));
        fs::create_dir_all(dir.join("node_modules"))?;
        fs::write(dir.join(LOCK), "one")?;
        assert!(!is_installed(&dir));
        fs::copy(dir.join(LOCK), dir.join(INSTALLED))?;
        fs::write(dir.join(LOCK), "one")?;
        assert!(is_installed(&dir));
        fs::write(dir.join(LOCK), "two")?;
        assert!(!is_installed(&dir));
        fs::remove_dir_all(&dir)?;
        Ok(())
    }
}

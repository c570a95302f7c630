//! What the tests over whole crates share.

use std::{fs, io, path::PathBuf};

/// A crate of these files.
pub(crate) fn krate(name: &str, files: &[(&str, &str)]) -> io::Result<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&dir))?;
        fs::write(path, text)?;
    }
    Ok(dir)
}

//! Recognizes a dev build whose result would be the one that is already in the output folder.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    env, fs,
    hash::{Hash, Hasher},
    path::Path,
};

use crate::Error;

/// Holds the fingerprint, in the output folder. Nothing imports it, so no deployment contains it.
const FILE: &str = ".fingerprint";

const MODULES: [&str; 4] = ["shim.js", "contain.js", "index.js", "index_bg.wasm"];

/// Hashes everything that the output depends on: cargo's wasm, the options and this program.
pub(crate) fn fingerprint(
    wasm: &Path,
    names: bool,
    versions: &BTreeMap<String, u32>,
    wasm_opt: Option<&Path>,
) -> Result<String, Error> {
    let failed = |source| Error::File { path: wasm.into(), source };
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(wasm).map_err(failed)?);
    (names, versions, wasm_opt, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
    if let Ok(program) = env::current_exe().and_then(fs::metadata) {
        (program.len(), program.modified().ok()).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Checks whether `dir` holds a whole build with this fingerprint.
pub(crate) fn is_current(dir: &Path, fingerprint: &str) -> bool {
    MODULES.iter().all(|module| dir.join(module).exists())
        && fs::read_to_string(dir.join(FILE)).is_ok_and(|found| found == fingerprint)
}

/// Stores the fingerprint with a finished build.
pub(crate) fn record(dir: &Path, fingerprint: &str) -> Result<(), Error> {
    let path = dir.join(FILE);
    fs::write(&path, fingerprint).map_err(|source| Error::File { path, source })
}

#[cfg(test)]
mod tests {
    use std::{io, process};

    use super::*;

    #[test]
    fn reuses_a_whole_build_of_the_same_wasm_only() -> io::Result<()> {
        let dir = env::temp_dir().join(format!("lunora-build-reuse-{}", process::id()));
        fs::create_dir_all(&dir)?;
        let wasm = dir.join("in.wasm");
        let of = |bytes: &str, names| {
            fs::write(&wasm, bytes)?;
            fingerprint(&wasm, names, &BTreeMap::new(), None).map_err(io::Error::other)
        };
        let first = of("first", true)?;
        for module in MODULES {
            assert!(!is_current(&dir, &first), "{module} is missing");
            fs::write(dir.join(module), "")?;
        }
        assert!(!is_current(&dir, &first));
        record(&dir, &first).map_err(io::Error::other)?;
        assert!(is_current(&dir, &of("first", true)?));
        assert!(!is_current(&dir, &of("first", false)?));
        assert!(!is_current(&dir, &of("second", true)?));
        fs::remove_dir_all(&dir)
    }
}

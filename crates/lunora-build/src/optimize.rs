//! `wasm-opt`, where it is found, and the sizes a build ends with.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};

use crate::{Error, cargo::run, order};

/// The `wasm-opt` to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WasmOpt {
    /// The program that `WASM_OPT_BIN` names, else that of npm's `binaryen` in a `node_modules` of the
    /// crate's folder or of one above it, else no program.
    #[default]
    Find,
    /// This program.
    Program(PathBuf),
    /// No program: a faster build, a larger Worker.
    Off,
}

/// The size of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Without compression.
    pub raw: u64,
    /// After gzip, which is what a Worker's size limit counts. A dev build does not measure it.
    pub gzip: Option<u64>,
}

// The proposals rustc and wasm-bindgen use. wasm-opt would take them from the module, were they in it.
const FEATURES: [&str; 7] = [
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-exception-handling",
];

impl WasmOpt {
    /// Returns the program to run for a crate in `dir`, if any.
    pub(crate) fn program(&self, dir: &Path) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::Program(path) => Some(path.clone()),
            Self::Find => env::var_os("WASM_OPT_BIN").map(PathBuf::from).or_else(|| {
                let mut candidates =
                    dir.ancestors().map(|dir| dir.join("node_modules/.bin/wasm-opt"));
                candidates.find(|candidate| candidate.exists())
            }),
        }
    }
}

/// How `wasm-opt` makes the module smallest after gzip. It may assume that no sum of a pointer and an offset wraps into
/// the first kilobyte: there the stack ends. A function moved into its only caller would compete with it for locals.
const SMALLER: [&str; 3] =
    ["-O", "--low-memory-unused", "--one-caller-inline-max-function-size=50"];

/// Makes a wasm file smaller, in place. `names` keeps the names of functions.
pub(crate) fn optimize(program: &Path, wasm: &Path, names: bool) -> Result<(), Error> {
    let mut command = Command::new(program);
    command
        .args(SMALLER)
        .args(names.then_some("--debuginfo"))
        .args(FEATURES)
        .arg(wasm)
        .arg("-o")
        .arg(wasm);
    run(&mut command)
}

/// Brings the functions of a wasm file, in place, into the order in which gzip makes most of them.
pub(crate) fn reorder(wasm: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: wasm.into(), source };
    let bytes = fs::read(wasm).map_err(failed)?;
    let reordered =
        order::reorder(&bytes).map_err(|reason| Error::Order { path: wasm.into(), reason })?;
    fs::write(wasm, reordered).map_err(failed)
}

impl Size {
    pub(crate) fn of(path: &Path, with_gzip: bool) -> Result<Self, Error> {
        let failed = |source| Error::File { path: path.into(), source };
        if !with_gzip {
            let raw = fs::metadata(path).map_err(failed)?.len();
            return Ok(Self { raw, gzip: None });
        }
        let bytes = fs::read(path).map_err(failed)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        io::copy(&mut bytes.as_slice(), &mut encoder).map_err(failed)?;
        let gzip = encoder.finish().map_err(failed)?;
        Ok(Self { raw: bytes.len() as u64, gzip: Some(gzip.len() as u64) })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.raw)?;
        self.gzip.map_or(Ok(()), |gzip| write!(f, ", {gzip} after gzip"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_names_what_was_measured() {
        let size = Size { raw: 3, gzip: Some(2) };
        assert_eq!(size.to_string(), "3 bytes, 2 after gzip");
        assert_eq!(Size { gzip: None, ..size }.to_string(), "3 bytes");
    }

    #[test]
    fn an_explicit_choice_is_not_searched_for() {
        assert_eq!(WasmOpt::Off.program(Path::new("/")), None);
        let named = WasmOpt::Program("/opt/wasm-opt".into());
        assert_eq!(named.program(Path::new("/")), Some("/opt/wasm-opt".into()));
    }
}

//! The sources of a crate that are scanned.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::Scan;
use crate::{Place, Problem, wrangler::Expected};

/// The needs of the sources of a crate that can be read.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) expected: Expected,
    /// A problem for each file that was skipped.
    pub(crate) unread: Vec<Problem>,
}

/// Reads the needs of every source below `src/` of the crate in `dir`.
pub(crate) fn sources(dir: &Path) -> Sources {
    let mut paths = Vec::new();
    let (mut unread, mut scans, mut only_tests) = (Vec::new(), Vec::new(), BTreeSet::new());
    if let Err(error) = rust_files(&dir.join("src"), &mut paths) {
        let place = Place { file: "src".into(), line: 1 };
        let message = format!("cannot list the sources: {error}");
        let unread = vec![Problem::new(place, message, "run this in a crate with `src/`")];
        return Sources { unread, ..Sources::default() };
    }
    let of_other_programs = other_programs(dir);
    paths.retain(|path| !of_other_programs.iter().any(|other| path.starts_with(other)));
    paths.sort();
    for path in paths {
        let file = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("cannot read the source: {error}");
                let place = Place { file, line: 1 };
                unread.push(Problem::new(place, message, "make it readable UTF-8"));
                continue;
            }
        };
        match Scan::of(&file, &text) {
            Ok(scan) => {
                let modules = modules_of(&path);
                for name in &scan.test_modules {
                    only_tests.insert(modules.join(name));
                    only_tests.insert(modules.join(format!("{name}.rs")));
                }
                for file in &scan.test_files {
                    only_tests.insert(path.with_file_name(file));
                }
                scans.push((path, scan));
            }
            Err(error) => unread.push(Problem::new(
                Place { file, line: error.span().start().line.max(1) },
                "invalid Rust syntax, so what the source needs is unknown",
                "fix the error that `cargo check` reports",
            )),
        }
    }
    let mut expected = Expected::new();
    for (path, scan) in scans {
        if !path.ancestors().any(|part| only_tests.contains(part)) {
            scan.add_to(&mut expected);
        }
    }
    Sources { expected, unread }
}

/// Returns the paths that are not part of the Worker: programs beside its library.
fn other_programs(dir: &Path) -> Vec<PathBuf> {
    let src = dir.join("src");
    let main = src.join("lib.rs").is_file().then(|| src.join("main.rs"));
    std::iter::once(src.join("bin")).chain(main).collect()
}

pub(crate) fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Returns the folder of the modules that `file` declares.
fn modules_of(file: &Path) -> PathBuf {
    let root =
        file.file_stem().is_some_and(|stem| stem == "lib" || stem == "main" || stem == "mod");
    if root { file.parent().unwrap_or(file).into() } else { file.with_extension("") }
}

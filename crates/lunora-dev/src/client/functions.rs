//! The functions of a crate, as the tests of `shard!` write them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use lunora_codegen::typescript::Function;
use tempfile::TempDir;

use super::compiling::temporary;
use crate::Error;

/// Names the folder into which the tests of `shard!` write.
const FOLDER: &str = "LUNORA_FUNCTIONS_DIR";

/// Returns the functions of `shards`, which their tests in `program` write.
pub(super) fn of(krate: &Path, program: &Path, shards: &[String]) -> Result<Vec<Function>, Error> {
    let folder = TempDir::new().map_err(temporary)?;
    let listed = run(Command::new(program).args(["--list", "--format", "terse"]), krate)?;
    let tests = tests(&listed, shards)?;
    run(Command::new(program).arg("--exact").args(tests).env(FOLDER, folder.path()), krate)?;
    let mut found: BTreeMap<String, Function> = BTreeMap::new();
    for entry in fs::read_dir(folder.path()).map_err(temporary)? {
        let text = fs::read_to_string(entry.map_err(temporary)?.path()).map_err(temporary)?;
        let list = Function::list(&text).ok_or_else(|| {
            error(
                "the functions of the crate have an unknown form",
                "use the tool of the same version as the crate's `lunora`",
            )
        })?;
        for function in list {
            let path = function.path.clone();
            let before = found.insert(path.clone(), function);
            if before.is_some_and(|before| found.get(&path) != Some(&before)) {
                return Err(error(
                    &format!("two shards have a function `{path}` with different types"),
                    "rename one of them",
                ));
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Runs the tests as cargo would, and returns what they print.
fn run(program: &mut Command, krate: &Path) -> Result<String, Error> {
    let ran = program.current_dir(krate).output().map_err(Error::Cargo)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if ran.status.success() {
        return Ok(text(&ran.stdout));
    }
    Err(Error::Tests {
        reason: "the functions of the crate cannot be described".into(),
        fix: "fix the failed test".into(),
        output: text(&ran.stdout) + &text(&ran.stderr),
    })
}

/// Returns the tests that write the functions of `shards`, of those that the library lists.
fn tests<'l>(listed: &'l str, shards: &[String]) -> Result<Vec<&'l str>, Error> {
    let names: Vec<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let test = |shard: &String| {
        let of_shard = names.iter().find(|name| name.rsplit("::").next() == Some(shard));
        of_shard.copied().ok_or_else(|| {
            error(
                &format!(
                    "the library has no `shard!` named `{shard}` when it is compiled for tests"
                ),
                "remove the `cfg` that excludes it, or the declaration in a file that is no module",
            )
        })
    };
    shards.iter().map(test).collect()
}

fn error(reason: &str, fix: &str) -> Error {
    Error::Tests { reason: reason.into(), fix: fix.into(), output: String::new() }
}

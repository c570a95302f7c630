//! The typed client of a crate: `api.js` and `api.d.ts`.

mod compiling;
mod functions;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use lunora_codegen::{
    Place, Problem, Severity,
    typescript::{self, Api},
};

pub(crate) use self::compiling::Compiling;
use crate::Error;

/// The module that the generated types import.
const MODULE: &str = "lunora-client";

/// The file that only a typed client has.
const TYPES: &str = "api.d.ts";

/// Generates `api.js` and `api.d.ts` from the functions of `shard!`, without a Worker.
///
/// It runs the tests of the crate that `shard!` makes, so that each type of a function derives
/// `schemars::JsonSchema`.
///
/// ```no_run
/// let client = lunora_dev::TypedClient::new("examples/chat");
/// let written = client.write(&client.generate()?)?;
/// println!("{} files changed", written.len());
/// # Ok::<(), lunora_dev::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TypedClient {
    krate: PathBuf,
    out: PathBuf,
}

impl TypedClient {
    /// Takes the crate whose `Cargo.toml` is in `dir`. The output folder is its `client/`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let krate = dir.into();
        Self { out: krate.join("client"), krate }
    }

    /// Chooses the output folder.
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out = dir.into();
        self
    }

    /// Returns the output folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.out
    }

    /// Returns whether the output folder has an `api.d.ts`.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.out.join(TYPES).is_file()
    }

    /// Generates the text of the files. Cargo's progress goes to the standard error.
    ///
    /// # Errors
    ///
    /// Returns an error if the crate has no `shard!`, if its tests do not compile or fail, or if a type of a
    /// function has no JSON Schema.
    pub fn generate(&self) -> Result<Api, Error> {
        self.of(Compiling::start(&self.krate, Stdio::inherit())?)
    }

    /// Begins to compile the tests of the crate, without any output.
    pub(crate) fn compile(&self) -> Result<Compiling, Error> {
        Compiling::start(&self.krate, Stdio::null())
    }

    /// Generates the text of the files from tests that are compiled, or waits until they are.
    pub(crate) fn of(&self, compiling: Compiling) -> Result<Api, Error> {
        let shards = typescript::shards(&self.krate).map_err(Error::Sources)?;
        let program = compiling.finish()?;
        let functions = functions::of(&self.krate, &program, &shards)?;
        let untyped = typescript::untyped(&self.krate, &functions);
        if untyped.is_empty() {
            Ok(typescript::api(&functions, MODULE))
        } else {
            Err(Error::Sources(untyped))
        }
    }

    /// Writes the files that differ from `api`, and returns them.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder or a file cannot be written.
    pub fn write(&self, api: &Api) -> Result<Vec<PathBuf>, Error> {
        let differing = files(api).map(|(name, text)| (self.out.join(name), text));
        let differing = differing.into_iter().filter(|(file, text)| read(file) != *text);
        let mut written = Vec::new();
        for (file, text) in differing {
            let at = |source| Error::File { path: file.clone(), source };
            fs::create_dir_all(&self.out).map_err(at)?;
            fs::write(&file, text).map_err(at)?;
            written.push(file);
        }
        Ok(written)
    }

    /// Returns a problem for each file that differs from `api`.
    #[must_use]
    pub fn stale(&self, api: &Api) -> Vec<Problem> {
        let differing = files(api).into_iter().filter_map(|(name, text)| {
            let file = self.out.join(name);
            Some(Problem {
                place: Place::of_difference(file.display().to_string(), &read(&file), text)?,
                message: "differs from the functions of the crate".to_owned(),
                fix: "run `lunora codegen client` with the same `--out`".to_owned(),
                severity: Severity::Error,
            })
        });
        differing.collect()
    }
}

fn files(api: &Api) -> [(&'static str, &str); 2] {
    [("api.js", &api.js), (TYPES, &api.dts)]
}

/// Returns the text of a file, empty if it cannot be read.
fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn api(js: &str, dts: &str) -> Api {
        Api { js: js.into(), dts: dts.into() }
    }

    #[test]
    fn writes_only_files_that_differ() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let client = TypedClient::new(dir.path());
        let file = |name: &str| dir.path().join("client").join(name);
        assert!(!client.is_written());
        assert_eq!(client.write(&api("a", "b"))?, [file("api.js"), file("api.d.ts")]);
        assert!(client.is_written());
        assert_eq!(client.write(&api("a", "b"))?, [] as [PathBuf; 0]);
        assert_eq!(client.write(&api("a", "c"))?, [file("api.d.ts")]);
        assert_eq!(fs::read_to_string(file("api.d.ts"))?, "c");
        Ok(())
    }

    #[test]
    fn a_crate_without_a_shard_keeps_its_files() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        fs::create_dir(dir.path().join("src"))?;
        fs::write(dir.path().join("src/lib.rs"), "")?;
        fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"none\"\n")?;
        let client = TypedClient::new(dir.path());
        assert!(matches!(client.generate(), Err(Error::Sources(_))));
        assert!(!client.is_written());
        Ok(())
    }
}

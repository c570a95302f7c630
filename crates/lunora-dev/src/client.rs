//! The typed client of a crate: `api.js` and `api.d.ts`, and a file of Rust.

mod compiling;
mod functions;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use lunora_codegen::{Place, Problem, Severity, rust, typescript};

pub(crate) use self::compiling::Compiling;
use crate::Error;

/// The module that the generated types import.
const MODULE: &str = "lunora-client";

/// The file that only a typed client has.
const TYPES: &str = "api.d.ts";

/// Generates `api.js` and `api.d.ts`, or a file of Rust, from the functions of `shard!`, without a Worker.
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
    out: Option<PathBuf>,
    rust: Option<PathBuf>,
}

/// The files of a typed client, and the text of each.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct Api(Vec<(PathBuf, String)>);

impl TypedClient {
    /// Takes the crate whose `Cargo.toml` is in `dir`. The output folder is its `client/`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { krate: dir.into(), out: None, rust: None }
    }

    /// Chooses the output folder.
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out = Some(dir.into());
        self
    }

    /// Generates a file of Rust for the crate `lunora-client`. The files of the output folder are generated beside it
    /// only if [`out`](Self::out) chooses that.
    pub fn rust(mut self, file: impl Into<PathBuf>) -> Self {
        self.rust = Some(file.into());
        self
    }

    /// Returns the output folder.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| self.krate.join("client"))
    }

    /// Returns the files that are generated.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let typescript =
            self.has_typescript().then(|| ["api.js", TYPES].map(|name| self.dir().join(name)));
        typescript.into_iter().flatten().chain(self.rust.clone()).collect()
    }

    fn has_typescript(&self) -> bool {
        self.out.is_some() || self.rust.is_none()
    }

    /// Returns whether the output folder has an `api.d.ts`.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.dir().join(TYPES).is_file()
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
            let typescript = typescript::api(&functions, MODULE);
            let typescript =
                [typescript.js, typescript.dts].into_iter().filter(|_| self.has_typescript());
            let texts = typescript.chain(self.rust.as_ref().map(|_| rust::api(&functions)));
            Ok(Api(self.files().into_iter().zip(texts).collect()))
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
        let differing = api.0.iter().filter(|(file, text)| read(file) != *text);
        let mut written = Vec::new();
        for (file, text) in differing {
            let at = |source| Error::File { path: file.clone(), source };
            fs::create_dir_all(file.parent().unwrap_or(Path::new(""))).map_err(at)?;
            fs::write(file, text).map_err(at)?;
            written.push(file.clone());
        }
        Ok(written)
    }

    /// Returns a problem for each file that differs from `api`.
    #[must_use]
    pub fn stale(&self, api: &Api) -> Vec<Problem> {
        let differing = api.0.iter().filter_map(|(file, text)| {
            Some(Problem {
                place: Place::of_difference(file.display().to_string(), &read(file), text)?,
                message: "differs from the functions of the crate".to_owned(),
                fix: "run `lunora codegen client` with the same `--out` and `--rust`".to_owned(),
                severity: Severity::Error,
            })
        });
        differing.collect()
    }
}

/// Returns the text of a file, empty if it cannot be read.
fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn writes_only_files_that_differ() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let client = TypedClient::new(dir.path());
        let file = |name: &str| dir.path().join("client").join(name);
        let api = |js: &str, dts: &str| {
            Api(vec![(file("api.js"), js.to_owned()), (file("api.d.ts"), dts.to_owned())])
        };
        assert!(!client.is_written());
        assert_eq!(client.write(&api("a", "b"))?, [file("api.js"), file("api.d.ts")]);
        assert!(client.is_written());
        assert_eq!(client.write(&api("a", "b"))?, [] as [PathBuf; 0]);
        assert_eq!(client.write(&api("a", "c"))?, [file("api.d.ts")]);
        assert_eq!(fs::read_to_string(file("api.d.ts"))?, "c");
        Ok(())
    }

    #[test]
    fn a_file_of_rust_replaces_the_others_unless_a_folder_is_chosen() {
        let client = TypedClient::new("app");
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(client.files(), paths(&["app/client/api.js", "app/client/api.d.ts"]));
        let rust = client.rust("src/api.rs");
        assert_eq!(rust.files(), paths(&["src/api.rs"]));
        assert_eq!(rust.out("js").files(), paths(&["js/api.js", "js/api.d.ts", "src/api.rs"]));
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

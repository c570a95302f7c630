//! The typed client during development: rewritten behind the server, from the last good build.

use std::path::{Path, PathBuf};

use crate::{Error, TypedClient, client::Compiling};

/// Follows the functions of the crate with its typed client.
#[derive(Debug)]
pub(crate) struct Types {
    krate: PathBuf,
    /// The folder of `api.js` and `api.d.ts`, written even where there are none.
    dir: Option<PathBuf>,
    /// The file of Rust.
    rust: Option<PathBuf>,
    compiling: Option<(TypedClient, Compiling)>,
    /// The functions may differ from the files.
    stale: bool,
}

impl Types {
    /// Takes the folder and the file of Rust that were asked for. Without a folder it is `client/` of the crate, if
    /// that has the files.
    pub(crate) fn new(krate: &Path, dir: Option<&Path>, rust: Option<&Path>) -> Self {
        let [dir, rust] = [dir, rust].map(|path| path.map(Path::to_owned));
        Self { krate: krate.to_owned(), dir, rust, compiling: None, stale: true }
    }

    /// Returns the client to write; `None` if there is none.
    fn client(&self) -> Option<TypedClient> {
        let client = TypedClient::new(&self.krate);
        let found = || client.is_written().then(|| client.dir());
        match (self.dir.clone().or_else(found), self.rust.clone()) {
            (None, None) => None,
            (Some(dir), None) => Some(client.out(dir)),
            (None, Some(file)) => Some(client.rust(file)),
            (Some(dir), Some(file)) => Some(client.out(dir).rust(file)),
        }
    }

    /// Lets the build of the Worker go first, which waits for the same lock of cargo.
    pub(crate) fn pause(&mut self, stale: bool) {
        self.stale |= stale;
        self.compiling = None;
    }

    /// Begins to compile the tests if the files may be stale, unless it has begun, and returns at once.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        if let Some(client) = self.client().filter(|_| self.stale && self.compiling.is_none()) {
            let compiling = client.compile().map_err(|error| self.kept(&client, error))?;
            self.compiling = Some((client, compiling));
        }
        Ok(())
    }

    /// Returns whether the tests are compiled, or cannot be.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.compiling.as_mut().is_some_and(|(_, compiling)| !compiling.is_running())
    }

    /// Writes the files that changed, and returns them.
    pub(crate) fn write(&mut self) -> Result<Vec<PathBuf>, Error> {
        let Some((client, compiling)) = self.compiling.take() else { return Ok(Vec::new()) };
        self.stale = false;
        let written = client.of(compiling).and_then(|api| client.write(&api));
        written.map_err(|error| self.kept(&client, error))
    }

    /// Shortens an error to one line that says which files are as they were.
    fn kept(&self, client: &TypedClient, error: Error) -> Error {
        let place = match client.files().as_slice() {
            [file] => file.clone(),
            _ => client.dir(),
        };
        let place = place.strip_prefix(&self.krate).unwrap_or(&place).to_owned();
        Error::NotTyped { place, source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;

    #[test]
    fn a_crate_without_a_client_gets_none() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut types = Types::new(dir.path(), None, None);
        assert!(types.start().is_ok());
        assert!(types.compiling.is_none());
        Ok(())
    }

    #[test]
    fn a_crate_with_a_client_or_a_folder_for_it_has_its_tests_compiled() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let out = dir.path().join("elsewhere");
        let mut asked = Types::new(dir.path(), Some(&out), None);
        assert!(asked.start().is_ok());
        assert!(asked.compiling.is_some());

        fs::create_dir(dir.path().join("client"))?;
        fs::write(dir.path().join("client/api.d.ts"), "")?;
        let mut found = Types::new(dir.path(), None, None);
        assert!(found.start().is_ok());
        assert!(found.compiling.is_some());
        Ok(())
    }

    #[test]
    fn a_file_of_rust_that_was_asked_for_is_written_beside_the_client_of_the_crate()
    -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("tool/src/api.rs");
        let mut types = Types::new(dir.path(), None, Some(&file));
        let files = |types: &Types| types.client().map(|client| client.files());
        assert_eq!(files(&types), Some(vec![file.clone()]));
        assert!(types.start().is_ok());
        let error = types.write().map_err(|error| error.to_string());
        let message = error.err().unwrap_or_default();
        assert!(message.starts_with("tool/src/api.rs is not rewritten"), "{message}");

        fs::create_dir(dir.path().join("client"))?;
        let [js, dts] = ["client/api.js", "client/api.d.ts"].map(|name| dir.path().join(name));
        fs::write(&dts, "")?;
        assert_eq!(files(&types), Some(vec![js, dts, file]));
        Ok(())
    }

    #[test]
    fn a_compilation_that_a_build_ended_begins_again() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut types = Types::new(dir.path(), Some(dir.path()), None);
        assert!(types.start().is_ok());
        types.pause(false);
        assert!(types.compiling.is_none());
        assert!(types.start().is_ok());
        assert!(types.compiling.is_some());
        Ok(())
    }

    #[test]
    fn a_failure_is_one_line_and_keeps_the_files() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("api.d.ts"), "good")?;
        let mut types = Types::new(dir.path(), Some(dir.path()), None);
        assert!(types.start().is_ok());
        let error = types.write().map_err(|error| error.to_string());
        let message = error.err().unwrap_or_default();
        assert!(message.contains("is not rewritten") && !message.contains('\n'), "{message}");
        assert_eq!(fs::read_to_string(dir.path().join("api.d.ts"))?, "good");
        // Nothing changed since.
        types.pause(false);
        assert!(types.start().is_ok());
        assert!(types.compiling.is_none());
        Ok(())
    }
}

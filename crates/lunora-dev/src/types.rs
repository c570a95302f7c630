//! The typed client during development: rewritten behind the server, from the last good build.

use std::path::{Path, PathBuf};

use crate::{Error, TypedClient, client::Compiling};

/// Follows the functions of the crate with its typed client.
#[derive(Debug)]
pub(crate) struct Types {
    krate: PathBuf,
    client: TypedClient,
    /// Write the files even where there are none.
    is_asked_for: bool,
    compiling: Option<Compiling>,
    /// The functions may differ from the files.
    stale: bool,
}

impl Types {
    /// Takes the folder that was asked for, or else `client/` of the crate if it has the files.
    pub(crate) fn new(krate: &Path, asked_for: Option<&Path>) -> Self {
        let client = TypedClient::new(krate);
        let client = asked_for.map_or(client.clone(), |dir| client.out(dir));
        let krate = krate.to_owned();
        Self { krate, client, is_asked_for: asked_for.is_some(), compiling: None, stale: true }
    }

    /// Lets the build of the Worker go first, which waits for the same lock of cargo.
    pub(crate) fn pause(&mut self, stale: bool) {
        self.stale |= stale;
        self.compiling = None;
    }

    /// Begins to compile the tests if the files may be stale, and returns at once.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        if self.stale && (self.is_asked_for || self.client.is_written()) {
            self.compiling = Some(self.client.compile().map_err(|error| self.kept(error))?);
        }
        Ok(())
    }

    /// Returns whether the tests are compiled, or cannot be.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.compiling.as_mut().is_some_and(|compiling| !compiling.is_running())
    }

    /// Writes the files that changed, and returns them.
    pub(crate) fn write(&mut self) -> Result<Vec<PathBuf>, Error> {
        let Some(compiling) = self.compiling.take() else { return Ok(Vec::new()) };
        self.stale = false;
        let written = self.client.of(compiling).and_then(|api| self.client.write(&api));
        written.map_err(|error| self.kept(error))
    }

    /// Shortens an error to one line that says which files are as they were.
    fn kept(&self, error: Error) -> Error {
        let dir = self.client.dir();
        let dir = dir.strip_prefix(&self.krate).unwrap_or(&dir).to_owned();
        Error::NotTyped { dir, source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;

    #[test]
    fn a_crate_without_a_client_gets_none() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut types = Types::new(dir.path(), None);
        assert!(types.start().is_ok());
        assert!(types.compiling.is_none());
        Ok(())
    }

    #[test]
    fn a_crate_with_a_client_or_a_folder_for_it_has_its_tests_compiled() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let out = dir.path().join("elsewhere");
        let mut asked = Types::new(dir.path(), Some(&out));
        assert!(asked.start().is_ok());
        assert!(asked.compiling.is_some());

        fs::create_dir(dir.path().join("client"))?;
        fs::write(dir.path().join("client/api.d.ts"), "")?;
        let mut found = Types::new(dir.path(), None);
        assert!(found.start().is_ok());
        assert!(found.compiling.is_some());
        Ok(())
    }

    #[test]
    fn a_compilation_that_a_build_ended_begins_again() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut types = Types::new(dir.path(), Some(dir.path()));
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
        let mut types = Types::new(dir.path(), Some(dir.path()));
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

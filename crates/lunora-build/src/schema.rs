//! The schema lock: a build must not make stored documents unreadable.

mod advice;
mod compare;
mod layout;
mod lock;
pub(crate) mod module;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use self::lock::Lock;
use crate::Error;

/// What a build does with `lunora.schema.lock`, which says how stored documents look.
///
/// A change that needs a migration, and has none, is an error, except with [`Warn`](Self::Warn) and
/// [`Ignore`](Self::Ignore).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaLock {
    /// Writes the file. The default of a release build.
    Update,
    /// Writes nothing, and fails if the file is there and would change. The default of a release build where
    /// the environment variable `CI` is set: a lock that is written there is lost.
    Frozen,
    /// Writes nothing, and prints what would fail. The default of a dev build.
    Warn,
    /// Does not look at it.
    Ignore,
}

/// The checked schema of a build.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// The versions of the classes.
    pub(crate) versions: BTreeMap<String, u32>,
    /// Lines for the user.
    pub(crate) notes: Vec<String>,
    /// The file to write, once the build is done.
    write: Option<(PathBuf, Lock)>,
}

impl Schema {
    /// Compares the classes of a module with the lock of the crate in `dir`.
    pub(crate) fn check(dir: &Path, wasm: &Path, mode: SchemaLock) -> Result<Self, Error> {
        if mode == SchemaLock::Ignore {
            return Ok(Self::default());
        }
        let bytes = fs::read(wasm).map_err(|source| Error::File { path: wasm.into(), source })?;
        let layouts = module::layouts(wasm, &bytes)?;
        let path = dir.join(lock::FILE);
        let found = Lock::read(&path)?;
        if found.is_none() && layouts.is_empty() {
            return Ok(Self::default());
        }
        let is_new = found.is_none();
        let found = found.unwrap_or_default();
        let (next, problems) = found.next(layouts);
        let text = || problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        match mode {
            SchemaLock::Warn => Ok(Self {
                versions: found.versions(),
                notes: problems.iter().map(|problem| format!("warning: {problem}")).collect(),
                write: None,
            }),
            _ if !problems.is_empty() => Err(Error::Schema(text())),
            _ if next == found => Ok(Self { versions: found.versions(), ..Self::default() }),
            SchemaLock::Frozen if is_new => Ok(Self {
                notes: vec![format!(
                    "note: there is no {}, so no change of stored documents is noticed; run `lunora build` on \
                     your machine, and commit it",
                    lock::FILE
                )],
                ..Self::default()
            }),
            SchemaLock::Frozen => Err(Error::SchemaStale(path)),
            _ => Ok(Self {
                versions: next.versions(),
                notes: vec![format!("Wrote {}: commit it.", lock::FILE)],
                write: Some((path, next)),
            }),
        }
    }

    /// Writes the lock if it changed.
    pub(crate) fn write(&self) -> Result<(), Error> {
        self.write.as_ref().map_or(Ok(()), |(path, lock)| lock.write(path))
    }
}

impl Lock {
    fn versions(&self) -> BTreeMap<String, u32> {
        self.classes.iter().map(|(name, class)| (name.clone(), class.version)).collect()
    }
}

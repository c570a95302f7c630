//! `lunora.schema.lock`: how stored documents look, and the version of each class.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    advice::Problem,
    compare::{self, Change},
    layout::{Layout, Table},
};
use crate::Error;

/// The name of the file, beside `Cargo.toml`.
pub(crate) const FILE: &str = "lunora.schema.lock";

const ABOUT: &str = "Written by `lunora build`: how stored documents look. Commit it.";

/// The content of the file.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    about: String,
    pub(crate) classes: BTreeMap<String, Class>,
}

/// A class of shards.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    /// It grows whenever an older build could not read what a newer one writes. A shard refuses data of
    /// a newer version.
    pub(crate) version: u32,
    migrations: BTreeSet<String>,
    tables: BTreeMap<String, Table>,
}

impl Lock {
    /// Reads the file; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|source| Error::SchemaLock { path: path.into(), source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path: path.into(), source }),
        }
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| Error::SchemaLock { path: path.into(), source })?;
        fs::write(path, text + "\n").map_err(|source| Error::File { path: path.into(), source })
    }

    /// Returns the lock after this one, for classes that look as `layouts` say, and what must not be so.
    pub(crate) fn next(&self, layouts: Vec<Layout>) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let gone = self.classes.keys();
        let gone = gone.filter(|class| layouts.iter().all(|layout| layout.class != **class));
        problems.extend(gone.map(|class| Problem::Class(class.clone())));
        let classes = layouts.into_iter().map(|layout| {
            let name = layout.class.clone();
            let class = match self.classes.get(&name) {
                Some(class) => class.next(layout, &mut problems),
                None => Class::new(1, layout),
            };
            (name, class)
        });
        let classes = classes.collect();
        (Self { about: ABOUT.to_owned(), classes }, problems)
    }
}

impl Class {
    fn new(version: u32, layout: Layout) -> Self {
        let migrations = layout.migrations.into_iter().map(|migration| migration.id).collect();
        Self { version, migrations, tables: layout.tables }
    }

    fn next(&self, layout: Layout, problems: &mut Vec<Problem>) -> Self {
        let before = problems.len();
        let mut is_readable = true;
        for (name, old) in &self.tables {
            let Some(new) = layout.tables.get(name) else {
                is_readable = false;
                self.require_drop(&layout, name, problems);
                continue;
            };
            for index in old.indexes.iter().filter(|index| !new.indexes.contains(index)) {
                self.require_drop(&layout, &format!("{name}.{index}"), problems);
            }
            is_readable &= compare::reads(&old.documents, &new.documents);
            let changes = compare::changes(&old.documents, &new.documents);
            is_readable &= changes.is_empty();
            if !changes.is_empty() && !self.has_migration(&layout, name) {
                problems.push(self.problem(&layout, name, old, new, changes));
            }
        }
        if problems.len() > before {
            return self.clone();
        }
        Self::new(self.version + u32::from(!is_readable), layout)
    }

    /// Returns whether a migration of the table is there that was not there before.
    fn has_migration(&self, layout: &Layout, table: &str) -> bool {
        layout.migrations.iter().any(|migration| {
            migration.table.as_deref() == Some(table) && !self.migrations.contains(&migration.id)
        })
    }

    fn require_drop(&self, layout: &Layout, name: &str, problems: &mut Vec<Problem>) {
        let is_dropped = layout.migrations.iter().any(|migration| {
            migration.drops.as_deref() == Some(name) && !self.migrations.contains(&migration.id)
        });
        if !is_dropped {
            let (class, name) = (layout.class.clone(), name.to_owned());
            problems.push(Problem::Dropped { class, name });
        }
    }

    fn problem(
        &self,
        layout: &Layout,
        table: &str,
        old: &Table,
        new: &Table,
        changes: Vec<Change>,
    ) -> Problem {
        Problem::Documents {
            class: layout.class.clone(),
            table: table.to_owned(),
            version: self.version,
            old: old.documents.clone(),
            new: new.documents.clone(),
            changes,
        }
    }
}

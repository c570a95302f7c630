//! Reading documents.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{Document, Sql, StoredJson, TableQuery};
use crate::{
    errors::LunoraError,
    faults::Impossible,
    shard::{recent::Stored, run::Run, table::Table},
};

/// The documents, to read.
///
/// Reads are recorded: a live query runs again when they change.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub(super) run: &'a Run<'a>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self { run }
    }

    /// Returns the document of this id.
    ///
    /// # Errors
    /// If the document is not a `T`, or the shard has no such table.
    pub fn get<T: DeserializeOwned>(
        &self,
        table: Table<T>,
        id: &str,
    ) -> Result<Option<Document<T>>, LunoraError> {
        let stored = self.stored(table.name(), id)?;
        stored.map(|stored| Document::read(table.name(), &stored.json)).transpose()
    }

    /// Returns the document of this id as the text that is stored; see [`StoredJson`].
    ///
    /// # Errors
    /// If the shard has no such table.
    pub fn get_json<T>(
        &self,
        table: Table<T>,
        id: &str,
    ) -> Result<Option<StoredJson<Document<T>>>, LunoraError> {
        let stored = self.stored(table.name(), id)?;
        stored.map(|stored| StoredJson::new(table.name(), stored.json.to_string())).transpose()
    }

    /// Returns the document as it is stored, unless it is deleted, and records the read.
    fn stored(&self, table: &str, id: &str) -> Result<Option<Stored>, LunoraError> {
        let spec = self.run.state.table(table)?;
        self.run.reads().note_document(spec.name, id);
        Ok(self.run.state.stored(&spec, id)?.filter(|stored| stored.deleted_at.is_none()))
    }

    /// Returns a query over the documents of a table, which sets order and bounds.
    pub fn table<T>(&self, table: Table<T>) -> TableQuery<'a, T> {
        TableQuery::new(self.run, table)
    }

    /// Returns a raw SQL statement that only reads.
    ///
    /// A document is a row of its table with the columns `_id`, `_creationTime` and `doc`, its JSON
    /// text: `SELECT doc->>'author' AS author, count(*) AS n FROM messages GROUP BY 1`.
    pub fn sql(&self, sql: &'a str) -> Sql<'a> {
        Sql::reading(self.run, sql)
    }
}

/// A [`Writer`](super::Writer), which a query lacks.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a query cannot write",
    label = "only the `ctx.db()` of a mutation writes",
    note = "make the function a mutation: `fn(ctx: &Mutation<'_>, ..)`, and `mutation \"..\" => ..` in `shard!`"
)]
pub trait Writes<T>: Impossible {}

macro_rules! refused {
    ($($name:ident($($kind:ident),*) -> $answer:ty;)*) => {
        /// The methods of a [`Writer`](super::Writer), so that the compile error names what a query
        /// cannot do.
        impl<'a> Reader<'a> {$(
            #[doc(hidden)]
            pub fn $name<T $(, $kind)*>(
                &self,
                _: Table<T>,
                $(_: $kind),*
            ) -> Result<$answer, LunoraError>
            where
                Reader<'a>: Writes<T>,
            {
                self.never()
            }
        )*}
    };
}

refused! {
    insert(Value) -> Document<T>;
    insert_with_id(Id, Value) -> Document<T>;
    patch(Id, Fields) -> Document<T>;
    replace(Id, Value) -> Document<T>;
    delete(Id) -> bool;
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

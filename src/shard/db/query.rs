//! Documents of a table, in an order and within bounds.

use std::{fmt, marker::PhantomData};

use serde::de::DeserializeOwned;

use super::{
    Document, StoredJson, key,
    selection::{Plan, Selection, only, setters},
};
use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::{cells, malformed, to_count},
        run::Run,
        sql::SqlValue,
        table::{Table, TableSpec},
    },
};

/// Documents of a table, in an order and within bounds.
///
/// Without an index the order is that of creation. With one, `eq` fixes its first fields in their
/// order, and `gt`, `gte`, `lt` and `lte` bound the field after them; the documents come by the
/// index's other fields and then by creation. [`IndexValue`](super::IndexValue) documents the order of
/// values of several types; a bound compares in it too.
///
/// ```
/// # use lunora::{LunoraError, coordinator::Direction, shard::{Document, Query, Table, table}};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Message { author: String }
/// # const MESSAGES: Table<Message> = table!("messages").index("by_author", &["author"]);
/// fn newest_of(ctx: &Query<'_>, author: &str) -> Result<Vec<Document<Message>>, LunoraError> {
///     ctx.db().table(MESSAGES).index("by_author").eq("author", author).order(Direction::Desc).take(20)
/// }
/// ```
#[must_use = "a query does nothing until its documents are asked for"]
pub struct TableQuery<'a, T> {
    pub(super) run: &'a Run<'a>,
    pub(super) selection: Selection,
    of: PhantomData<fn() -> T>,
}

impl<'a, T> TableQuery<'a, T> {
    pub(super) fn new(run: &'a Run<'a>, table: Table<T>) -> Self {
        Self { run, selection: Selection::new(table.name()), of: PhantomData }
    }

    setters!();

    /// Counts the documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn count(self) -> Result<u64, LunoraError> {
        let plan = self.plan()?;
        let sql = plan.count(self.selection.table);
        let count = self.run.state.database.exec_value(&sql, &cells(&plan.values))?;
        Ok(to_count(count.as_ref()))
    }

    /// Returns every document as the text that is stored; see [`StoredJson`].
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn collect_json(self) -> Result<StoredJson<Vec<Document<T>>>, LunoraError> {
        self.json(None)
    }

    /// Returns the first `limit` documents as the text that is stored; see [`StoredJson`].
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn take_json(self, limit: u32) -> Result<StoredJson<Vec<Document<T>>>, LunoraError> {
        self.json(Some(limit))
    }

    fn json(&self, limit: Option<u32>) -> Result<StoredJson<Vec<Document<T>>>, LunoraError> {
        let list = ["[", &self.documents(limit)?.join(","), "]"].concat();
        StoredJson::new(self.selection.table, list)
    }

    fn documents(&self, limit: Option<u32>) -> Result<Vec<String>, LunoraError> {
        let plan = self.plan()?;
        let sql = plan.documents(self.selection.table, limit);
        let rows = self.run.state.database.exec(&sql, &cells(&plan.values))?.rows;
        rows.into_iter().map(|row| self.document(row.into_iter().next())).collect()
    }

    pub(super) fn document(&self, cell: Option<SqlCell>) -> Result<String, LunoraError> {
        match cell {
            Some(SqlCell::Text(json)) => Ok(json),
            _ => Err(malformed(self.selection.table)),
        }
    }

    /// Returns the order and the conditions, and records the reads.
    pub(super) fn plan(&self) -> Result<Plan, LunoraError> {
        let spec = self.run.state.table(self.selection.table)?;
        let mut plan = self.selection.plan(&spec)?;
        self.note_reads(&spec, std::mem::take(&mut plan.matching));
        Ok(plan)
    }

    /// Records a look-up by the values of fields as such, unless SQLite may write a value in
    /// another way than it was stored.
    fn note_reads(&self, spec: &TableSpec, matching: Vec<(&'static str, SqlValue)>) {
        let telling = |value: &SqlValue| !key::is_text_of_json(value);
        let mut reads = self.run.reads();
        if !matching.is_empty() && matching.iter().all(|(_, value)| telling(value)) {
            reads.note_matching(spec.name, matching);
        } else {
            reads.note_table(spec.name);
        }
    }
}

impl<T: DeserializeOwned> TableQuery<'_, T> {
    /// Returns every document. If there may be many, use [`paginate`](Self::paginate).
    ///
    /// # Errors
    /// If the shard has no such table or index, the bounds do not fit the index, or a document is
    /// not a `T`.
    pub fn collect(self) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(None)
    }

    /// Returns the first `limit` documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn take(self, limit: u32) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(Some(limit))
    }

    /// Returns the first document.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn first(self) -> Result<Option<Document<T>>, LunoraError> {
        Ok(self.take(1)?.into_iter().next())
    }

    /// Returns the only document.
    ///
    /// # Errors
    /// 400 `NOT_UNIQUE` if several documents match; else as [`collect`](Self::collect).
    pub fn unique(self) -> Result<Option<Document<T>>, LunoraError> {
        let table = self.selection.table;
        only(table, self.take(2)?)
    }

    fn read(&self, limit: Option<u32>) -> Result<Vec<Document<T>>, LunoraError> {
        let documents = self.documents(limit)?;
        documents.iter().map(|json| Document::read(self.selection.table, json)).collect()
    }
}

impl<T> fmt::Debug for TableQuery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableQuery").field("selection", &self.selection).finish_non_exhaustive()
    }
}

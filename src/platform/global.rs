//! Tables that belong to no shard: a database of D1, or its stand-in in a test.

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{GlobalChanges, GlobalChangesQuery};
use crate::errors::{Code, LunoraError};

/// The tables that belong to no shard, as operators inspect, export, import and back them up.
///
/// `worker::D1Database` is such a set of tables: `env.d1("DB")?`.
pub trait GlobalTables: 'static {
    /// Returns every table, by name.
    fn tables(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalTable>, LunoraError>>;

    /// Checks that the database answers, for health. Default: it counts as up.
    fn ping(&self) -> LocalBoxFuture<'_, Result<(), LunoraError>> {
        Box::pin(async { Ok(()) })
    }

    /// Rows of a table.
    ///
    /// # Errors
    /// 404 `UNKNOWN_TABLE` for a table that is not one of [`tables`](Self::tables), 400
    /// `BAD_REQUEST` for a column that it does not have.
    fn page<'a>(
        &'a self,
        query: &'a GlobalQuery,
    ) -> LocalBoxFuture<'a, Result<GlobalPage, LunoraError>>;

    /// Counts each value of a column, the most frequent first.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    fn facet<'a>(
        &'a self,
        query: &'a GlobalQuery,
        column: &'a str,
    ) -> LocalBoxFuture<'a, Result<GlobalFacet, LunoraError>>;

    /// Returns the tables whose rows exports, imports and backups move, each after the tables to
    /// which its rows refer. The rows of sessions and codes of sign-in are not moved, even if their
    /// tables are listed. Default: none, so that backups name every table as left out.
    fn schemas(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalSchema>, LunoraError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Reads some rows of a table in the order of a key that does not change: those after `after`,
    /// which is the [`next`](GlobalRows::next) of the rows before. Default: not supported.
    ///
    /// # Errors
    /// If the database fails.
    fn rows<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalRows, LunoraError>> {
        let _ = (schema, after);
        unsupported()
    }

    /// Writes rows of one table, and returns what became of each. Rows are written in one
    /// transaction, or one by one if some are refused. Default: not supported.
    ///
    /// # Errors
    /// If the database fails.
    fn write<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        writes: &'a [GlobalWrite],
    ) -> LocalBoxFuture<'a, Result<Vec<GlobalWritten>, LunoraError>> {
        let _ = (schema, writes);
        unsupported()
    }

    /// Returns the changes of rows after a position of a change log. Default: `None`, since the database
    /// has no such log.
    ///
    /// # Errors
    /// 409 `CDC_LOG_TRIMMED` if the log no longer reaches back that far; if the database fails.
    fn changes<'a>(
        &'a self,
        query: &'a GlobalChangesQuery,
    ) -> LocalBoxFuture<'a, Result<Option<GlobalChanges>, LunoraError>> {
        let _ = query;
        Box::pin(async { Ok(None) })
    }

    /// Deletes every row of these tables in one transaction, and returns the number per table.
    /// Default: not supported.
    ///
    /// # Errors
    /// If the database fails; then no row is deleted.
    fn clear<'a>(
        &'a self,
        tables: &'a [String],
    ) -> LocalBoxFuture<'a, Result<Vec<u64>, LunoraError>> {
        let _ = tables;
        unsupported()
    }
}

fn unsupported<'a, T>() -> LocalBoxFuture<'a, Result<T, LunoraError>> {
    Box::pin(async {
        let message = "the global tables of this deployment cannot be exported or imported";
        Err(LunoraError::new(Code::NotImplemented, message))
    })
}

/// The columns of a table whose rows can be moved.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GlobalSchema {
    /// The name.
    pub name: String,
    /// The columns that can be written, in their order.
    pub columns: Vec<String>,
    /// The columns of the primary key; empty if the table has none, and a row is known by its
    /// [`rowid`](GlobalRow::rowid).
    pub key: Vec<String>,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalRow {
    /// The number of the row, in a table without a primary key.
    pub rowid: Option<i64>,
    /// The columns with their values.
    pub columns: Vec<(String, GlobalValue)>,
}

/// Some rows of a table, in the order of its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalRows {
    /// The rows.
    pub rows: Vec<GlobalRow>,
    /// The position after the last row; `None` if it is the last row of the table.
    pub next: Option<String>,
}

/// A row to write.
#[derive(Clone, Debug, PartialEq)]
pub enum GlobalWrite {
    /// Adds a row, unless the table has one with its key.
    Insert(GlobalRow),
    /// Adds a row, or sets its columns in the row that has its key.
    Put(GlobalRow),
    /// Deletes the row that has the values of this one.
    Delete(GlobalRow),
}

/// What became of a row that was to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GlobalWritten {
    /// It was written.
    Done,
    /// Nothing changed: its key exists already, or no row has its key.
    Unchanged,
    /// The table does not accept it; the reason is for the operator.
    Refused(String),
    /// It refers to a row that does not exist; the reason is for the operator. It is written again
    /// after the other rows.
    Waits(String),
}

/// A table and its size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GlobalTable {
    /// The name.
    pub name: String,
    /// The number of rows.
    pub row_count: u64,
}

/// A selection of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalQuery {
    /// The table.
    pub table: String,
    /// The values that columns must equal, all of them.
    pub filters: Vec<(String, GlobalValue)>,
    /// The maximum number of rows, or values, in the answer.
    pub limit: u32,
    /// The number of rows to skip; a facet ignores it.
    pub offset: u64,
}

/// A value of a column.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum GlobalValue {
    /// No value.
    Null,
    /// A whole number; a boolean is 0 or 1.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Some rows of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalPage {
    /// The columns, in their order.
    pub columns: Vec<String>,
    /// The rows, by column.
    pub rows: Vec<Map<String, Value>>,
    /// The total number of rows that match the filters.
    pub total: u64,
}

/// The counts of each value of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalFacet {
    /// The values with their counts, the most frequent first.
    pub values: Vec<(Value, u64)>,
    /// `true` if more values exist than were requested.
    pub truncated: bool,
}

//! Tables that belong to no shard: a database of D1, or its stand-in in a test.

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::errors::LunoraError;

/// The tables that belong to no shard, as operators inspect them.
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

/// A value that a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum GlobalValue {
    /// No value.
    Null,
    /// A whole number; a boolean is 0 or 1.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text.
    Text(String),
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

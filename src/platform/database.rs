//! A database of D1, or its stand-in in a test, as the framework's own functions use it.

use std::borrow::Cow;

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value};

use super::SqlCell;
use crate::errors::LunoraError;

/// The rows that a statement returned, each by column. Bytes are a list of numbers.
pub type DatabaseRows = Vec<Map<String, Value>>;

/// A statement of SQLite, and the values that it binds.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseStatement {
    /// The statement. It is never made of anything that a request sent.
    pub sql: Cow<'static, str>,
    /// The values of `?`, or of `?1`, `?2` and so on.
    pub values: Vec<SqlCell>,
}

/// Returns the text of a column, or an empty one.
pub(crate) fn text<'a>(row: &'a Map<String, Value>, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the number of a column, if it has one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time or a count is whole, not negative and below 2^53"
)]
pub(crate) fn number(row: &Map<String, Value>, column: &str) -> Option<u64> {
    row.get(column).and_then(Value::as_f64).map(|number| number as u64)
}

/// A database that belongs to no shard: of sessions, and of documents.
///
/// `worker::D1Database` is one: `env.d1("DB")?`.
#[cfg_attr(
    all(feature = "shard-testing", not(target_arch = "wasm32")),
    doc = "[`MemoryDatabase`](crate::testing::MemoryDatabase) is one for tests."
)]
pub trait GlobalDatabase: 'static {
    /// Runs statements in one transaction, in their order, and returns the rows of each. If one
    /// fails, none has an effect.
    ///
    /// # Errors
    /// If the database fails.
    fn run(
        &self,
        statements: Vec<DatabaseStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<DatabaseRows>, LunoraError>>;
}

//! The host of a shard: its Durable Object.

use std::rc::Rc;

use futures::future::{LocalBoxFuture, ready};

use super::{Env, ShardNamespace, SqlCell};
use crate::errors::LunoraError;

/// The host of a shard: SQLite, transactions, the time, and the key of the shard.
///
/// One object is the only writer: nothing else touches the database while a call runs.
pub trait ShardHost: 'static {
    /// Runs one statement to its end, and returns all its rows.
    ///
    /// A number is bound as a real, as the platform does it; write `CAST(? AS INTEGER)` around a
    /// text for an integer.
    ///
    /// # Errors
    /// The error of SQLite.
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure>;

    /// Runs `work` in a transaction that commits if it returns `true` and is rolled back otherwise.
    /// Transactions do not nest.
    ///
    /// # Errors
    /// If the transaction could not begin or commit; it is rolled back then.
    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure>;

    /// Returns the size of the database.
    fn database_bytes(&self) -> u64;

    /// Returns the key of the shard, which is the object's name; empty if the object has no name.
    fn shard_key(&self) -> String;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Returns unpredictable bytes.
    fn random_seed(&self) -> [u8; 32];

    /// Records, outside of the instance, that a call with this id begins to run, and returns how
    /// often an instance died under it. By default nothing is recorded.
    fn begin_call(&self, id: &str) -> u32 {
        let _ = id;
        0
    }

    /// Records that the call that began last has ended.
    fn end_call(&self) {}

    /// Returns the bookmark of the database at a time in milliseconds since 1970, or of now. By default
    /// `None`: the host has no point-in-time recovery.
    ///
    /// # Errors
    /// If the platform fails, for example because the time is too long ago.
    fn bookmark(
        &self,
        at_ms: Option<u64>,
    ) -> LocalBoxFuture<'_, Result<Option<String>, LunoraError>> {
        let _ = at_ms;
        Box::pin(ready(Ok(None)))
    }

    /// Has the next start of the host begin with the database of a bookmark, and returns the bookmark
    /// that undoes it. By default `None`: the host has no point-in-time recovery.
    ///
    /// # Errors
    /// If the platform fails or does not know the bookmark.
    fn restore_bookmark<'a>(
        &'a self,
        bookmark: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>> {
        let _ = bookmark;
        Box::pin(ready(Ok(None)))
    }

    /// Ends the host soon after the current call is answered; the next call starts it anew.
    fn restart(&self) {}

    /// Returns a variable or a secret.
    fn var(&self, name: &str) -> Option<String>;

    /// Returns the bindings, if the host has any.
    fn env(&self) -> Option<&Env>;

    /// Returns the Durable Objects behind a binding.
    ///
    /// # Errors
    /// If the binding does not exist.
    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError>;
}

/// The result of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value per column.
    pub rows: Vec<Vec<SqlCell>>,
    /// The number of rows written, including those of indexes; 0 for a read.
    pub rows_written: u64,
}

/// The failure of a statement, in SQLite's words. They name tables and columns: not for clients.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SqlFailure(pub String);

impl SqlFailure {
    /// Returns whether a row or a value was too large.
    #[must_use]
    pub fn is_too_big(&self) -> bool {
        self.0.contains("SQLITE_TOOBIG") || self.0.contains("too big")
    }

    /// Returns whether a constraint was violated, such as that of a key.
    #[must_use]
    pub fn is_constraint(&self) -> bool {
        self.0.contains("SQLITE_CONSTRAINT") || self.0.contains("constraint failed")
    }
}

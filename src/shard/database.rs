//! The database of a shard: statements, their cells, and transactions.

use std::{cell::Cell, rc::Rc};

use super::sql::SqlValue;
use crate::{
    errors::{Code, LunoraError},
    platform::{ShardHost, SqlCell, SqlFailure, SqlRows},
};

/// Quotes a name for a statement.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The database of one object, which its host supplies.
pub(crate) struct Database {
    host: Rc<dyn ShardHost>,
    in_transaction: Cell<bool>,
    transactions: Cell<u64>,
}

impl Database {
    pub(crate) fn new(host: Rc<dyn ShardHost>) -> Self {
        Self { host, in_transaction: Cell::new(false), transactions: Cell::new(0) }
    }

    pub(crate) fn host(&self) -> &Rc<dyn ShardHost> {
        &self.host
    }

    /// Runs a statement of the shard's own.
    pub(crate) fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, LunoraError> {
        self.host.exec(sql, params).map_err(|failure| to_error(&failure))
    }

    /// Returns the only value of a statement's first row.
    pub(crate) fn exec_value(
        &self,
        sql: &str,
        params: &[SqlCell],
    ) -> Result<Option<SqlCell>, LunoraError> {
        let rows = self.exec(sql, params)?.rows;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()))
    }

    /// Runs `work` in a transaction of the host, without anything around it.
    pub(crate) fn atomically<T>(
        &self,
        work: impl FnOnce() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        self.transaction(true, work)
    }

    /// Runs `work` in a transaction that is rolled back, also if it succeeds.
    pub(crate) fn without_effect<T>(
        &self,
        work: impl FnOnce() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        self.transaction(false, work)
    }

    fn transaction<T>(
        &self,
        commit: bool,
        work: impl FnOnce() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        if self.in_transaction.get() {
            let message = "a transaction was begun within another one";
            return Err(LunoraError::new(Code::NestedTransaction, message));
        }
        let (mut work, mut result) = (Some(work), None);
        self.in_transaction.set(true);
        self.transactions.set(self.transactions.get() + 1);
        let ended = self.host.transaction(&mut || {
            result = work.take().map(|work| work());
            commit && matches!(result, Some(Ok(_)))
        });
        self.in_transaction.set(false);
        match (result, ended) {
            // The function's own error is more specific than that of the transaction.
            (Some(Err(error)), _) => Err(error),
            (_, Err(failure)) => Err(to_error(&failure)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(LunoraError::internal("the transaction did not run")),
        }
    }

    /// Returns how many transactions have begun.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.get()
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction.get()
    }
}

/// Converts a failure of SQLite for a client: it reveals only failures that the client can fix.
pub(crate) fn to_error(failure: &SqlFailure) -> LunoraError {
    if failure.is_too_big() {
        let message = "a document, or another row, is larger than the 2 MB that SQLite takes";
        return LunoraError::new(Code::PayloadTooLarge, message).with_source(failure.clone());
    }
    LunoraError::new(Code::RpcFailed, "the database failed").with_source(failure.clone())
}

pub(crate) fn malformed(table: &str) -> LunoraError {
    let message = format!("a row of {table:?} is not what a shard wrote");
    LunoraError::new(Code::RpcFailed, message)
}

pub(crate) fn text(text: &str) -> SqlCell {
    SqlCell::Text(text.to_owned())
}

#[allow(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]
pub(crate) fn count(number: u64) -> SqlCell {
    SqlCell::Number(number as f64)
}

/// Reads a count or a position from a result.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, positive and far below 2^53"
)]
pub(crate) fn to_count(cell: Option<&SqlCell>) -> u64 {
    match cell {
        Some(SqlCell::Number(number)) => *number as u64,
        _ => 0,
    }
}

pub(crate) fn to_text(cell: SqlCell) -> Option<String> {
    match cell {
        SqlCell::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the cells of values, for a statement that has their placeholders.
pub(crate) fn cells(values: &[SqlValue]) -> Vec<SqlCell> {
    values.iter().map(SqlValue::to_cell).collect()
}

//! Global tables in exports, imports and backups.
//!
//! [`GlobalData`] is a trait object, so that a Worker links [`Moved`] only if it has global tables.

#[cfg(feature = "admin")]
mod convert;
#[cfg(feature = "admin")]
mod moved;
mod reading;

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;
use serde_json::value::RawValue;

pub(crate) use self::reading::GlobalPosition;
pub(super) use self::reading::GlobalReading;
#[cfg(feature = "admin")]
pub(crate) use self::{convert::to_column, moved::Moved};
use super::{ChangeError, RowError};
use crate::{
    errors::{Code, LunoraError},
    platform::{GLOBAL_CHANGES, GlobalChanges, GlobalChangesQuery},
};

/// The rows of the global tables, as lines.
pub(crate) trait GlobalData {
    /// Returns the tables, as they are now.
    fn catalog(&self) -> LocalBoxFuture<'_, Result<GlobalCatalog, LunoraError>>;

    /// Reads the rows of a table after a position.
    fn page<'a>(
        &'a self,
        table: &'a str,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalLines, LunoraError>>;

    /// Inserts rows. After a failure of the database the rest is not written.
    fn insert(&self, rows: Vec<GlobalLine>) -> LocalBoxFuture<'_, GlobalInserted>;

    /// Deletes every row of these tables.
    fn clear<'a>(
        &'a self,
        tables: &'a [String],
    ) -> LocalBoxFuture<'a, Result<BTreeMap<String, u64>, LunoraError>>;

    /// Returns changes of rows, if the database has a log of them.
    fn changes<'a>(
        &'a self,
        query: &'a GlobalChangesQuery,
    ) -> LocalBoxFuture<'a, Result<Option<GlobalChanges>, LunoraError>>;

    /// Applies changes in their order.
    fn apply<'a>(
        &'a self,
        changes: &'a [Box<RawValue>],
    ) -> LocalBoxFuture<'a, Result<GlobalApplied, LunoraError>>;
}

/// The names of the global tables.
#[derive(Default)]
pub(crate) struct GlobalCatalog {
    /// The tables whose rows can be moved, each after those to which it refers.
    pub(crate) tables: Vec<String>,
    /// The other tables.
    pub(crate) left_out: Vec<String>,
}

/// The lines of some rows.
pub(crate) struct GlobalLines {
    pub(crate) lines: Vec<u8>,
    pub(crate) rows: u64,
    pub(crate) next: Option<String>,
}

/// A line of an import whose row belongs to a global table.
#[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "read by the admin plane only"))]
pub(crate) struct GlobalLine {
    pub(super) number: u64,
    pub(super) table: String,
    pub(super) rowid: Option<i64>,
    pub(super) doc: Box<RawValue>,
}

/// The outcome of rows that were to be inserted.
#[derive(Default)]
pub(crate) struct GlobalInserted {
    pub(super) inserted: BTreeMap<String, u64>,
    pub(super) conflicts: u64,
    pub(super) errors: Vec<RowError>,
    /// The rows that refer to rows which do not exist yet, each with the error if that remains so.
    pub(super) waiting: Vec<(GlobalLine, RowError)>,
    /// The line of the first row that was not written since the database failed, and its error.
    pub(super) failure: Option<(u64, LunoraError)>,
}

/// The outcome of changes.
#[derive(Default)]
pub(crate) struct GlobalApplied {
    pub(super) applied: u64,
    pub(super) errors: Vec<ChangeError>,
}

/// Returns the error for rows of global tables in a deployment that has none.
pub(crate) fn not_configured(what: &str) -> LunoraError {
    LunoraError::new(
        Code::GlobalNotConfigured,
        format!(
            "{what} of a global table, and this deployment has none: call `.global_tables(..)` on the builder"
        ),
    )
}

/// Returns whether the rows of a table live for a while only, so that exports, imports, backups and restores pass
/// them by: a restore must not bring back a session that was ended, or a code that was used, and it adds to
/// the log of changes.
pub(crate) fn is_transient(table: &str) -> bool {
    ["lunora_sessions", "lunora_codes", "lunora_code_limits", GLOBAL_CHANGES].contains(&table)
}

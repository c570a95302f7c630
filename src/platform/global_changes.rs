//! The change log of tables that belong to no shard.

use serde::Serialize;
use serde_json::value::RawValue;

/// The table of the log of changes of documents, which triggers write with each change.
pub(crate) const GLOBAL_CHANGES: &str = "lunora_global_changes";

/// The changes to read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GlobalChangesQuery {
    /// The position after which they begin; 0 for the first.
    pub after: u64,
    /// The maximum number of changes.
    pub limit: u32,
    /// The tables; every one by default.
    pub tables: Option<Vec<String>>,
}

/// Changes of rows, in the order in which they were made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GlobalChanges {
    /// The changes, each `{"seq","table","id","op","doc"?,"ts"}`; `doc` has a field per column.
    pub changes: Vec<Box<RawValue>>,
    /// The position after the last change.
    pub cursor: u64,
}

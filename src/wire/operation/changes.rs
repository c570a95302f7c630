//! Arguments and answers about the change log.

use serde::{Deserialize, Serialize};

/// The part of the change log to return.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CdcSyncArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    #[serde(default)]
    pub(crate) since_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until_ts: Option<f64>,
}

/// A page of the change log.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CdcSyncPage<L> {
    pub(crate) changes: L,
    pub(crate) cursor: u64,
}

/// Changes to apply.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ApplyCdcArgs<L> {
    pub(crate) changes: L,
}

/// The outcome of the changes.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ApplyCdcAnswer {
    pub(crate) applied: u64,
    /// The changes that were skipped: no query could read what they would store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<ChangeError>,
}

/// An error in a change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeError {
    /// The error code.
    pub code: String,
    /// The id of the document.
    pub id: String,
    /// The message.
    pub message: String,
    /// The sequence number, where the change has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The table.
    pub table: String,
}

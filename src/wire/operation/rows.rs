//! Arguments and answers about documents and tables.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};

/// The part of an export to return.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportShardArgs<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch_size: Option<u32>,
    /// Present, even as null, if a page is requested instead of everything.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tables: Option<Cow<'a, [String]>>,
}

fn present<'de, 'a, D: Deserializer<'de>>(
    cursor: D,
) -> Result<Option<Option<Cow<'a, str>>>, D::Error> {
    Option::deserialize(cursor).map(Some)
}

/// A page of an export.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportShardPage<L> {
    /// `{"table","doc"}` each.
    #[serde(default)]
    pub(crate) rows: L,
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// Absent in the answer of a shard that does not support pages.
    #[serde(default)]
    pub(crate) is_done: Option<bool>,
    #[serde(default)]
    pub(crate) seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) other_tables: Vec<String>,
}

/// Every document at once.
#[cfg(feature = "shard")]
#[derive(Debug, Serialize)]
pub(crate) struct WholeExport<L> {
    /// `{"table","doc"}` each.
    pub(crate) rows: L,
}

/// Documents to store.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportShardArgs<L> {
    /// `{"table","doc"}` each.
    pub(crate) rows: L,
    /// The number of the first row in errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_line: Option<u64>,
}

/// The outcome of the rows.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct ImportShardAnswer {
    pub(crate) conflicts: u64,
    pub(crate) errors: Vec<ImportedError>,
    pub(crate) inserted: BTreeMap<Cow<'static, str>, u64>,
}

/// A row that was not stored.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ImportedError {
    pub(crate) code: String,
    pub(crate) line: u64,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) table: String,
}

/// A table of a shard.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TableInfo {
    pub(crate) name: Cow<'static, str>,
    /// The number of documents that a query sees, if the shard counts them.
    #[serde(default)]
    pub(crate) row_count: Value,
}

/// The documents to delete or to change.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct DeleteArgs<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    pub(crate) table: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filters: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// Only the named documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ids: Option<Vec<String>>,
}

/// The number of documents that were deleted or changed.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deleted {
    pub(crate) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
    pub(crate) has_more: bool,
}

//! The operations of operators on a shard: the name, the arguments and the answer of each, for the
//! coordinator that calls them and the shard that runs them (docs/wire.md, "Operations of a shard").
//!
//! A list of documents crosses both sides as text. Its type is a parameter here: a caller writes
//! what a shard reads as its own type, and [`fill`] writes a list that is text already.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

/// An operation of a shard.
pub(crate) trait Operation {
    /// The path of the operation behind [`ADMIN_PREFIX`](super::paths::ADMIN_PREFIX).
    const NAME: &'static str;
    /// `true` if several calls have the effect of one, so that a call may be repeated.
    const REPEATABLE: bool;
}

/// The type of the arguments of an operation.
pub(crate) trait ArgsOf<O: Operation> {}

/// The type of the answer of an operation.
pub(crate) trait AnswerOf<O: Operation> {}

macro_rules! operations {
    ($($(#[$about:meta])* $type:ident, $name:literal, repeatable: $repeatable:literal;)+) => {$(
        $(#[$about])*
        pub(crate) enum $type {}

        impl Operation for $type {
            const NAME: &'static str = $name;
            const REPEATABLE: bool = $repeatable;
        }
    )+};
}

operations! {
    /// Returns every document, whole or page by page.
    ExportShard, "exportShard", repeatable: true;
    /// Stores documents with their ids.
    ImportShard, "importShard", repeatable: false;
    /// Returns the client records in rounds.
    ExportClients, "exportClients", repeatable: true;
    /// Restores client records.
    ImportClients, "importClients", repeatable: true;
    /// Clears the record of the shard's announcement.
    ForgetAnnouncement, "forgetAnnouncement", repeatable: true;
    /// Deletes everything in the shard of a drill.
    EmptyScratch, "emptyScratch", repeatable: true;
    /// Returns a page of the change log.
    CdcSync, "cdcSync", repeatable: true;
    /// Applies changes of another log.
    ApplyCdc, "applyCdc", repeatable: true;
    /// Returns the counters of the shard.
    GetMetrics, "getMetrics", repeatable: true;
    /// Counts the documents before a position in a rank index.
    RankBefore, "rankBefore", repeatable: true;
    /// Returns the documents after a position in a rank index.
    RankPage, "rankPage", repeatable: true;
    /// Runs or continues a migration.
    RunMigration, "runMigration", repeatable: false;
    /// Returns the progress of migrations.
    MigrationStatus, "migrationStatus", repeatable: true;
    /// Returns the tables with their numbers of documents.
    ListTables, "listTables", repeatable: true;
    /// Deletes documents of a table permanently.
    ClearTable, "clearTable", repeatable: true;
}

#[cfg(feature = "shard")]
operations! {
    /// Returns a page of a table.
    ReadTablePage, "readTablePage", repeatable: true;
    /// Writes one document.
    WriteRow, "writeRow", repeatable: false;
    /// Deletes documents by their ids.
    DeleteRows, "deleteRows", repeatable: true;
}

#[cfg(feature = "admin")]
operations! {
    /// Returns a bookmark of point-in-time recovery; no operation of a shard of this crate.
    GetPitrBookmark, "getPitrBookmark", repeatable: true;
    /// Restores a bookmark; no operation of a shard of this crate.
    PitrRestore, "pitrRestore", repeatable: false;
}

macro_rules! pair {
    ($trait:ident; $($operation:ident $(<$($parameter:tt),+>)?: $type:ty;)+) => {$(
        impl $(<$($parameter),+>)? $trait<$operation> for $type {}
    )+};
}

pair! { ArgsOf;
    ExportShard <'a>: ExportShardArgs<'a>;
    ImportShard <L>: ImportShardArgs<L>;
    ExportClients <'a>: ExportClientsArgs<'a>;
    ImportClients <L>: ImportClientsArgs<L>;
    ForgetAnnouncement: NoArgs;
    EmptyScratch: NoArgs;
    CdcSync: CdcSyncArgs;
    ApplyCdc <L>: ApplyCdcArgs<L>;
    GetMetrics: NoArgs;
    RankBefore <'a, L>: RankBeforeArgs<'a, L>;
    RankPage <'a, K, D>: RankPageArgs<'a, K, D>;
    RunMigration: RawValue;
    MigrationStatus: RawValue;
    ListTables: NoArgs;
    ClearTable <'a>: DeleteArgs<'a>;
}

pair! { AnswerOf;
    ExportShard <L>: ExportShardPage<L>;
    ImportShard: ImportShardAnswer;
    ExportClients <L>: ExportClientsPage<L>;
    CdcSync <L>: CdcSyncPage<L>;
    ApplyCdc: ApplyCdcAnswer;
    GetMetrics: Traffic;
    RankBefore: ShardRank;
    RankPage <L, D>: RankPageAnswer<L, D>;
    RunMigration: Box<RawValue>;
    MigrationStatus: Box<RawValue>;
    ListTables <T>: Vec<T>;
    ClearTable: Deleted;
}

#[cfg(feature = "shard")]
pair! { AnswerOf;
    ExportShard <L>: WholeExport<L>;
    ImportClients: ImportClientsAnswer;
    ForgetAnnouncement: Done;
    EmptyScratch: Done;
}

/// A list without elements, for [`fill`].
pub(crate) type Unfilled = [(); 0];

/// Writes a value whose first field is [`Unfilled`], with elements in that list: JSON text that
/// stays as it is, byte for byte.
pub(crate) fn fill(value: &impl Serialize, elements: &str) -> serde_json::Result<String> {
    let mut json = serde_json::to_string(value)?;
    // The name of a field has no bracket.
    if let Some(at) = json.find('[') {
        json.insert_str(at + 1, elements);
    }
    Ok(json)
}

/// No arguments.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct NoArgs {}

/// The answer of an operation that returns nothing.
#[cfg(feature = "shard")]
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    pub(crate) ok: bool,
}

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

/// The page of a round of client records.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ExportClientsArgs<'a> {
    /// The number of the previous round; absent in the first round.
    #[serde(default)]
    pub(crate) since: u64,
    /// The position on the previous page; absent on the first page of a round.
    pub(crate) cursor: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
}

/// A page of client records.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportClientsPage<L> {
    /// A [`ClientLine`](super::client_line::ClientLine) each.
    pub(crate) lines: L,
    pub(crate) cursor: Option<String>,
    pub(crate) is_done: bool,
    /// The number of the round, on its first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) round: Option<u64>,
    pub(crate) seq: u64,
}

/// Client records to restore.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ImportClientsArgs<L> {
    /// A [`ClientLine`](super::client_line::ClientLine) each.
    #[serde(default)]
    pub(crate) lines: L,
    /// `true` to delete the shard's client records first.
    #[serde(default)]
    pub(crate) reset: bool,
}

/// The number of client records that were received.
#[cfg(feature = "shard")]
#[derive(Debug, Serialize)]
pub(crate) struct ImportClientsAnswer {
    pub(crate) received: u64,
}

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

/// The counter of a shard that the coordinator reads.
#[derive(Debug, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
}

/// A position in a rank index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankBeforeArgs<'a, L> {
    pub(crate) table: Cow<'a, str>,
    pub(crate) index: Cow<'a, str>,
    #[serde(default)]
    pub(crate) partition_key: Cow<'a, str>,
    pub(crate) row_id: Cow<'a, str>,
    pub(crate) sort_values: L,
}

/// The count of one shard.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShardRank {
    /// The number of its documents that come before.
    pub before: u64,
    /// The number of documents that it has in the partition.
    pub total: u64,
}

/// The part of a rank index to return.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankPageArgs<'a, K, D = IgnoredAny> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<K>,
    /// The directions of the index, for shards that do not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directions: Option<D>,
    pub(crate) index: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition_key: Option<Cow<'a, str>>,
    pub(crate) table: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) take: Option<u32>,
}

/// A page of a rank index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankPageAnswer<L, D> {
    /// `{"doc","key"}` each.
    pub(crate) rows: L,
    #[serde(default)]
    pub(crate) has_more: bool,
    #[serde(default)]
    pub(crate) directions: D,
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

/// The documents to delete.
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
    /// Only the named documents are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ids: Option<Vec<String>>,
}

/// The number of documents that were deleted.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deleted {
    pub(crate) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
    pub(crate) has_more: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn fills_the_first_list_and_no_other() {
        let page = ExportShardPage {
            rows: Unfilled::default(),
            cursor: Some("[]".to_owned()),
            is_done: Some(false),
            seq: Some(7),
            other_tables: Vec::new(),
        };
        assert_eq!(
            fill(&page, "1, [2]").unwrap(),
            r#"{"rows":[1, [2]],"cursor":"[]","isDone":false,"seq":7}"#
        );
    }
}

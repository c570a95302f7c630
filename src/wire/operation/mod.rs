//! The operations of operators on a shard: the name, the arguments and the answer of each, for the
//! coordinator that calls them and the shard that runs them (docs/wire.md, "Operations of a shard").
//!
//! A list of documents crosses both sides as text. Its type is a parameter here: a caller writes
//! what a shard reads as its own type, and [`fill`] writes a list that is text already.

mod changes;
mod clients;
#[cfg(any(feature = "admin", feature = "shard"))]
mod filters;
mod ranks;
mod rows;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) use self::filters::{Filter, FilterOp};
pub use self::{changes::ChangeError, ranks::ShardRank};
pub(crate) use self::{
    changes::{ApplyCdcAnswer, ApplyCdcArgs, CdcSyncArgs, CdcSyncPage},
    clients::{ExportClientsArgs, ExportClientsPage, ImportClientsArgs},
    ranks::{RankBeforeArgs, RankPageAnswer, RankPageArgs, Traffic},
    rows::{
        DeleteArgs, Deleted, ExportShardArgs, ExportShardPage, ImportShardAnswer, ImportShardArgs,
        ImportedError, TableInfo,
    },
};
#[cfg(feature = "shard")]
pub(crate) use self::{clients::ImportClientsAnswer, rows::WholeExport};

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

#[cfg(any(feature = "admin", feature = "shard"))]
operations! {
    /// Returns a page of a table.
    ReadTablePage, "readTablePage", repeatable: true;
    /// Deletes documents by their ids, or selected ones.
    DeleteRows, "deleteRows", repeatable: false;
    /// Sets fields of several documents.
    PatchRows, "patchRows", repeatable: false;
}

#[cfg(feature = "shard")]
operations! {
    /// Writes one document.
    WriteRow, "writeRow", repeatable: false;
    /// Returns a table as it is declared.
    DescribeTable, "describeTable", repeatable: true;
    /// Returns every table as it is declared.
    DescribeTables, "describeTables", repeatable: true;
    /// Returns the indexes of a table.
    ListTableIndexes, "listTableIndexes", repeatable: true;
    /// Returns the indexes of every table.
    ListTablesIndexes, "listTablesIndexes", repeatable: true;
    /// Returns the latest failures of functions.
    GetLogs, "getLogs", repeatable: true;
    /// Returns the live subscriptions.
    ListSubscriptions, "listSubscriptions", repeatable: true;
    /// Returns the counters of the functions.
    GetFunctionStats, "getFunctionStats", repeatable: true;
    /// Runs a statement that reads.
    RunSql, "runSql", repeatable: true;
}

#[cfg(any(feature = "admin", feature = "shard"))]
operations! {
    /// Returns a bookmark of point-in-time recovery.
    GetPitrBookmark, "getPitrBookmark", repeatable: true;
    /// Restores a bookmark.
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

#[cfg(feature = "shard")]
pair! { ArgsOf;
    DeleteRows <'a>: DeleteArgs<'a>;
    PatchRows <'a>: DeleteArgs<'a>;
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

#[cfg(any(feature = "admin", feature = "shard"))]
pair! { AnswerOf;
    DeleteRows: Deleted;
    PatchRows: Deleted;
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

//! Runs migrations on every shard of a table.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{AdminCall, ShardAdmin, ShardOutcome, outcome::tally, read};
use crate::{
    errors::LunoraError,
    wire::{
        operation::{self, Operation, RunMigration},
        paths,
    },
};

/// An operation on a migration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MigrationOperation {
    /// Runs or continues it.
    Run,
    /// Reports its progress.
    Status,
}

impl MigrationOperation {
    /// Returns the operation with this path on a shard, such as `__lunora_admin__:runMigration`.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        match path.strip_prefix(paths::ADMIN_PREFIX)? {
            RunMigration::NAME => Some(Self::Run),
            operation::MigrationStatus::NAME => Some(Self::Status),
            _ => None,
        }
    }
}

/// A migration of one table, with the arguments that every shard receives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MigrationRequest {
    /// The table whose shards are asked.
    pub table: String,
    /// The operation.
    pub operation: MigrationOperation,
    /// The arguments, a JSON object: `{"id","direction","dryRun","batchSize"?,"maxBatches"?}`.
    pub args: Box<RawValue>,
}

impl MigrationRequest {
    /// Creates a request for an operation on the shards of `table`.
    pub fn new(
        table: impl Into<String>,
        operation: MigrationOperation,
        args: Box<RawValue>,
    ) -> Self {
        Self { table: table.into(), operation, args }
    }
}

/// The progress of a migration over all shards.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationStatus {
    /// Every shard finished.
    Completed,
    /// A shard reports that its run failed.
    Failed,
    /// A shard is not done, or gave no answer; the run can be continued.
    InProgress,
}

/// The result of a migration (docs/wire.md, "Across shards").
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The number of documents that changed.
    pub changed: u64,
    /// The number of shards without a result.
    pub failed: usize,
    /// The number of shards with a result.
    pub ok: usize,
    /// The number of documents that were processed.
    pub processed: u64,
    /// Each shard's own report, in the registry's order.
    pub shards: Vec<ShardOutcome<Box<RawValue>>>,
    /// The progress over all shards.
    pub status: MigrationStatus,
}

impl ShardAdmin {
    /// Runs a migration on every shard of a table, or queries its progress.
    ///
    /// # Errors
    /// If the shards cannot be listed. A shard that fails is part of the report.
    pub async fn migrate(
        &self,
        request: &MigrationRequest,
    ) -> Result<MigrationReport, LunoraError> {
        let call = match request.operation {
            MigrationOperation::Run => AdminCall::of::<RunMigration>(&*request.args),
            MigrationOperation::Status => {
                AdminCall::of::<operation::MigrationStatus>(&*request.args)
            }
        }?;
        let keys = self.shards_of(&request.table).await?;
        let mut report = MigrationReport {
            changed: 0,
            failed: 0,
            ok: 0,
            processed: 0,
            shards: Vec::with_capacity(keys.len()),
            status: MigrationStatus::Completed,
        };
        for (key, answer) in self.ask_all(keys, &call).await {
            let result =
                answer.and_then(|result| read::<RunMigration, Box<RawValue>>(&key, &result));
            report.add(result.as_deref().ok());
            report.shards.push(ShardOutcome::new(key, result));
        }
        (report.ok, report.failed) = tally(&report.shards);
        Ok(report)
    }
}

impl MigrationReport {
    /// Adds one shard's run; `None` for a shard without an answer.
    fn add(&mut self, run: Option<&RawValue>) {
        /// The counts of a run, wherever the shard puts them.
        #[derive(Default, Deserialize)]
        struct Run {
            #[serde(default)]
            changed: Value,
            #[serde(default)]
            processed: Value,
            #[serde(default)]
            status: Value,
        }

        let Some(run) = run else {
            self.lower(MigrationStatus::InProgress);
            return;
        };
        let run: Run = serde_json::from_str(run.get()).unwrap_or_default();
        self.changed = self.changed.saturating_add(run.changed.as_u64().unwrap_or(0));
        self.processed = self.processed.saturating_add(run.processed.as_u64().unwrap_or(0));
        match run.status.as_str() {
            Some("failed") => self.lower(MigrationStatus::Failed),
            Some("in_progress") => self.lower(MigrationStatus::InProgress),
            _ => {}
        }
    }

    /// Lowers the status: a failure outweighs what is in progress, which outweighs what is done.
    fn lower(&mut self, status: MigrationStatus) {
        if self.status != MigrationStatus::Failed {
            self.status = status;
        }
    }
}

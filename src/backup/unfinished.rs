//! Runs that are too long for one invocation: their stored progress, and how they are resumed.

use std::{cell::Cell, collections::BTreeMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    BackupTrigger, Backups, SnapshotName, counts::Counts, failure::unreadable, failure::unwritten,
    writer::SuspendedObject,
};
use crate::{
    coordinator::{GlobalPosition, ShardPosition},
    errors::{Code, LunoraError},
    log,
    platform::{ObjectInfo, ObjectMetadata, PutOptions, StoreError, SuspendedUpload, millis},
};

/// The part of a run that one invocation may do.
pub(super) struct Budget {
    until_ms: u64,
    calls: Cell<u64>,
}

impl Budget {
    /// Returns whether the invocation has to stop after `calls` more calls.
    pub(super) fn is_spent(&self, now_ms: u64, calls: u64) -> bool {
        now_ms >= self.until_ms || calls >= self.calls.get()
    }

    /// Subtracts calls, for the next run of the same invocation.
    pub(super) fn spend(&self, calls: u64) {
        self.calls.set(self.calls.get().saturating_sub(calls));
    }
}

/// The progress of a run that one invocation could not finish.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnfinishedRun {
    /// The id of the snapshot that it takes.
    pub id: String,
    /// The time that the snapshot is for, in milliseconds since 1970.
    pub scheduled_time: i64,
    /// The trigger that started the run; absent in a manual run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time at which the last invocation left it, in ISO form.
    pub left_at: String,
    /// The number of shards that it has read.
    pub shards: u64,
    /// The number of rows that it has read.
    pub rows: u64,
    /// The number of bytes that it has written.
    pub bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
}

impl UnfinishedRun {
    const METADATA: &str = "lunoraBackupUnfinished";

    fn of_object(object: &ObjectInfo) -> Option<Self> {
        serde_json::from_str(object.metadata.custom.get(Self::METADATA)?).ok()
    }

    fn trigger(&self) -> BackupTrigger {
        BackupTrigger { time_ms: self.scheduled_time, cron: self.cron.clone() }
    }
}

/// The state from which another invocation continues: `….ndjson.unfinished`, a line of JSON and
/// then the bytes that are not yet in any part of the upload.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unfinished {
    pub(super) created_at: String,
    pub(super) tables: Option<String>,
    /// The mark of the last restore when the run began.
    pub(super) restore: Option<String>,
    pub(super) deployment: Option<String>,
    pub(super) counts: Counts,
    pub(super) shard: Option<ShardPosition>,
    #[serde(default)]
    pub(super) global: Option<GlobalPosition>,
    pub(super) object: SuspendedObject,
}

impl Unfinished {
    /// The size of the largest part, and a head that names many shards.
    const MAX_BYTES: usize = 128 * 1024 * 1024;

    fn read(text: &Bytes) -> Option<Self> {
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let mut unfinished: Self = serde_json::from_slice(text.get(..end)?).ok()?;
        unfinished.object.rest = text.slice(end + 1..);
        Some(unfinished)
    }

    fn write(&self) -> Result<Bytes, LunoraError> {
        let mut text = serde_json::to_vec(self).map_err(LunoraError::internal)?;
        text.push(b'\n');
        text.extend_from_slice(&self.object.rest);
        Ok(text.into())
    }
}

impl Backups {
    /// Returns the budget of one invocation, from now on.
    pub(super) fn budget(&self) -> Budget {
        let time = millis(self.config.run_time());
        Budget {
            until_ms: self.clock.now_ms().saturating_add(time),
            calls: Cell::new(self.config.run_calls().into()),
        }
    }

    /// Returns the runs of this deployment that another invocation is to continue, oldest first.
    pub(super) fn unfinished_runs(
        &self,
        objects: &BTreeMap<String, ObjectInfo>,
    ) -> Vec<UnfinishedRun> {
        let is_open = |key: &str| {
            SnapshotName::unfinished_object(key)
                .is_some_and(|rows| !objects.contains_key(&SnapshotName::manifest_of(rows)))
        };
        objects
            .iter()
            .filter(|(key, _)| is_open(key))
            .filter_map(|(_, object)| UnfinishedRun::of_object(object))
            .filter(|run| !self.is_foreign(run.deployment.as_deref()))
            .collect()
    }

    /// Continues the runs that other invocations left; `due` is taken after them. A run that a
    /// later snapshot of its trigger has overtaken is given up.
    pub(super) async fn go_on(
        &self,
        budget: &Budget,
        due: Option<&BackupTrigger>,
    ) -> Result<(), LunoraError> {
        let objects = self.objects().await?;
        let runs = self.unfinished_runs(&objects);
        if runs.is_empty() {
            return Ok(());
        }
        let taken = self.summaries(&objects).await?;
        for run in runs.iter().filter(|run| due.is_none_or(|due| due.time_ms != run.scheduled_time))
        {
            let is_overtaken = taken.iter().any(|taken| {
                taken.id > run.id && taken.cron == run.cron && self.is_own_snapshot(taken)
            });
            let trigger = run.trigger();
            if is_overtaken {
                log::info(&format!("backup {}: abandoned, since a later one exists", run.id));
                let name = SnapshotName::of_time(self.config.prefix(), run.scheduled_time);
                let left = self.read_unfinished(&name).await?;
                self.discard(&name, left.and_then(|left| left.object.into_upload())).await?;
                continue;
            }
            match self.run_within(&trigger, budget).await {
                // Another invocation is continuing it.
                Err(error) if error.code() == Code::BackupInProgress.as_str() => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Returns what an earlier invocation left of a run; `None` if it cannot be continued: the
    /// settings have changed, or a restore came between.
    pub(super) async fn take_up(
        &self,
        name: &SnapshotName,
        tables: Option<&str>,
        restore: Option<&str>,
    ) -> Result<Option<Unfinished>, LunoraError> {
        let Some(left) = self.read_unfinished(name).await? else { return Ok(None) };
        let is_same = left.tables.as_deref() == tables
            && left.restore.as_deref() == restore
            && !self.is_foreign(left.deployment.as_deref());
        if is_same {
            return Ok(Some(left));
        }
        self.discard(name, left.object.into_upload()).await?;
        Ok(None)
    }

    async fn read_unfinished(
        &self,
        name: &SnapshotName,
    ) -> Result<Option<Unfinished>, LunoraError> {
        let found = self.config.store().get(&name.unfinished()).await.map_err(unreadable)?;
        let Some(object) = found else { return Ok(None) };
        let text = object.body.into_bytes(Unfinished::MAX_BYTES).await.map_err(unreadable)?;
        Ok(Unfinished::read(&text))
    }

    /// Leaves a run for another invocation, and returns its progress.
    pub(super) async fn leave(
        &self,
        name: &SnapshotName,
        trigger: &BackupTrigger,
        left: Unfinished,
    ) -> Result<UnfinishedRun, LunoraError> {
        let run = UnfinishedRun {
            id: name.id.clone(),
            scheduled_time: trigger.time_ms,
            cron: trigger.cron.clone(),
            left_at: self.now(),
            shards: left.counts.shards.len() as u64,
            rows: left.counts.rows(),
            bytes: left.object.bytes(),
            deployment: left.deployment.clone(),
        };
        let summary = serde_json::to_string(&run).map_err(LunoraError::internal)?;
        let metadata = ObjectMetadata::new()
            .with_content_type("application/octet-stream")
            .with_custom(UnfinishedRun::METADATA, summary);
        let options = PutOptions::new().with_metadata(metadata);
        let put = self.config.store().put(&name.unfinished(), left.write()?, options).await;
        if let Err(error) = put {
            self.abort(name, left.object.into_upload()).await;
            return Err(unwritten(error));
        }
        Ok(run)
    }

    /// Gives up what an invocation left.
    pub(super) async fn discard(
        &self,
        name: &SnapshotName,
        upload: Option<SuspendedUpload>,
    ) -> Result<(), LunoraError> {
        self.abort(name, upload).await;
        self.forget_unfinished(name).await
    }

    pub(super) async fn forget_unfinished(&self, name: &SnapshotName) -> Result<(), LunoraError> {
        self.config.store().delete(&[name.unfinished()]).await.map_err(unwritten)
    }

    /// Aborts an upload. An upload that is gone is not a failure, and the store eventually deletes
    /// one that stays.
    async fn abort(&self, name: &SnapshotName, upload: Option<SuspendedUpload>) {
        let Some(upload) = upload else { return };
        let aborted = async {
            self.config.store().resume_multipart(&name.object, upload).await?.abort().await
        };
        if let Err(error) = aborted.await {
            log::warn(&format!("the parts of a backup could not be deleted: {error}"));
        }
    }
}

/// Returns whether the upload to continue does not exist any more.
pub(super) fn is_upload_gone(error: &LunoraError) -> bool {
    let source = std::error::Error::source(error);
    source
        .and_then(|source| source.downcast_ref::<StoreError>())
        .is_some_and(|error| matches!(error, StoreError::UploadGone { .. }))
}

/// Returns the error of an invocation that stopped before the end.
pub(super) fn unfinished(run: &UnfinishedRun) -> LunoraError {
    let message = format!(
        "the backup `{}` is not finished: {} rows of {} shards are written, and the next call for the \
         same time, or the trigger `.resume(..)`, goes on with it",
        run.id, run.rows, run.shards
    );
    LunoraError::new(Code::BackupUnfinished, message)
}

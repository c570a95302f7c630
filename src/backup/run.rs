//! One backup: every row of every shard into one object, and a manifest when all of it is there.

use std::collections::BTreeSet;

use super::{
    Backups, Manifest, SnapshotName, SnapshotSummary,
    claim::Claim,
    continuity::Found,
    counts::Counts,
    deployment::DEPLOYMENT_METADATA,
    snapshots::CRON_METADATA,
    unfinished::{Budget, Unfinished, is_upload_gone, unfinished},
    writer::{ObjectWriter, Written},
};
use crate::{
    coordinator::{Export, ExportRequest, ShardPosition},
    errors::{Code, LunoraError},
    platform::{ObjectMetadata, PutOptions, log},
    wire::iso::to_iso,
};

/// Why a snapshot is taken, and for which time.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackupOccasion {
    /// The time that the snapshot is for, in milliseconds since 1970.
    pub time_ms: i64,
    /// The trigger, if there is one; retention counts the snapshots of its own trigger only.
    pub cron: Option<String>,
}

impl BackupOccasion {
    /// The trigger `cron` was due at `time_ms`.
    pub fn scheduled(cron: impl Into<String>, time_ms: i64) -> Self {
        Self { time_ms, cron: Some(cron.into()) }
    }

    /// Somebody asked for it at `time_ms`; no retention ever deletes it.
    #[must_use]
    pub fn by_hand(time_ms: i64) -> Self {
        Self { time_ms, cron: None }
    }
}

impl Backups {
    /// How many times a run reads the shards whose change logs are cut meanwhile.
    const ATTEMPTS: u32 = 3;

    /// Takes a snapshot: every row, or an error and no snapshot at all.
    ///
    /// It holds each shard at one sequence number: the rows are followed by the watermarks of clients
    /// and the stored answers of mutations, and by the changes that were written meanwhile. A run
    /// whose changes are not in a shard's log any more begins again, three times at most.
    ///
    /// Rows go shard by shard and page by page into the store; memory holds one page and one part.
    /// The manifest is written last. A snapshot that is there already for the same time is left as
    /// it is, so that running again is safe.
    ///
    /// One call stops between two pages after [`BackupConfig::run_time`](crate::BackupConfig::run_time)
    /// or [`run_calls`](crate::BackupConfig::run_calls), before the platform stops it in the middle:
    /// the error is `BACKUP_UNFINISHED` then, and taking the snapshot for the same time again goes on.
    ///
    /// # Errors
    /// 503 `BACKUP_UNFINISHED` where another call has to go on;
    /// 409 `RESTORE_IN_PROGRESS` or `RESTORE_UNFINISHED` while a restore is, or was left, between
    /// two states; 409 `BACKUP_IN_PROGRESS` while another run takes the same snapshot; 409
    /// `BACKUP_PREFIX_SHARED` where another deployment has taken one of the same name; 404
    /// `UNKNOWN_TABLE` for a table that does not exist; 409 `REGISTRY_EMPTY` when the registry lists
    /// no shards; 409 `BACKUP_SHRUNK` when a scheduled run misses what the last one held; 409
    /// `CDC_LOG_TRIMMED` when a shard's log keeps fewer changes than come in while it is read. When a shard
    /// or the store fails, or gives no answer in time; the message names the shard. What was
    /// written shows nowhere then.
    pub async fn take(&self, occasion: &BackupOccasion) -> Result<Manifest, LunoraError> {
        self.take_within(occasion, &self.budget()).await
    }

    /// Takes a snapshot as far as the budget allows.
    async fn take_within(
        &self,
        occasion: &BackupOccasion,
        budget: &Budget,
    ) -> Result<Manifest, LunoraError> {
        let guard = Guard::NoRestore { mark: self.refuse_open_restore().await?, budget };
        self.take_tables(occasion, self.config.tables(), &guard).await
    }

    /// Takes a snapshot of `tables`; of every one by default.
    pub(super) async fn take_tables(
        &self,
        occasion: &BackupOccasion,
        tables: Option<&[String]>,
        guard: &Guard<'_>,
    ) -> Result<Manifest, LunoraError> {
        let name = SnapshotName::of_time(self.config.prefix(), occasion.time_ms);
        if let Some(done) = self.taken(&name).await? {
            return Ok(done);
        }
        let mut claim = self.claim(&name).await?;
        let taken = self.take_claimed(&name, occasion, tables, guard, &mut claim).await;
        self.release_claim(claim).await;
        taken
    }

    async fn take_claimed(
        &self,
        name: &SnapshotName,
        occasion: &BackupOccasion,
        tables: Option<&[String]>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Manifest, LunoraError> {
        // The run that held the claim before may have finished.
        if let Some(done) = self.taken(name).await? {
            return Ok(done);
        }
        let mut attempts = 1;
        loop {
            let taken = self.attempt(name, occasion, tables, guard, claim).await;
            if attempts == Self::ATTEMPTS || !taken.as_ref().is_err_and(begins_anew) {
                return taken;
            }
            attempts += 1;
        }
    }

    async fn attempt(
        &self,
        name: &SnapshotName,
        occasion: &BackupOccasion,
        tables: Option<&[String]>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Manifest, LunoraError> {
        let mut request = ExportRequest::new().tables(tables.unwrap_or_default());
        request.with_changes = true;
        request.page_rows = self.config.page_rows();
        // What is restored into an empty deployment is restored all the same.
        request.allow_empty_registry =
            self.config.allow_empty_registry() || matches!(guard, Guard::OwnRestore);
        let tables = tables.map(|tables| tables.join(","));
        let left = match guard {
            Guard::NoRestore { mark, .. } => {
                self.take_up(name, tables.as_deref(), mark.as_deref()).await?
            }
            Guard::OwnRestore => None,
        };
        let is_rest = left.is_some();
        let (about, mut reading, mut writer) =
            self.begin(name, occasion, tables, request, left).await?;
        let taken = self.finish(name, about, &mut reading, &mut writer, guard, claim).await;
        match taken {
            Ok(Taken::Whole(manifest)) => {
                if is_rest {
                    self.forget_unfinished(name).await?;
                }
                Ok(*manifest)
            }
            Ok(Taken::Part(about, shard)) => {
                let left = Unfinished {
                    created_at: about.created_at,
                    tables: about.tables,
                    restore: guard.mark(),
                    deployment: self.deployment(),
                    counts: reading.counts,
                    shard,
                    object: writer.suspend().await?,
                };
                Err(unfinished(&self.leave(name, occasion, left).await?))
            }
            // What an earlier invocation wrote stays, for the next one.
            Err(error) if is_rest && !begins_anew(&error) => Err(error),
            Err(error) => {
                give_up(&mut writer).await;
                if is_rest {
                    self.forget_unfinished(name).await?;
                }
                Err(error)
            }
        }
    }

    /// Begins a run, or takes up what an earlier invocation left of it.
    async fn begin<'a>(
        &'a self,
        name: &'a SnapshotName,
        occasion: &'a BackupOccasion,
        tables: Option<String>,
        request: ExportRequest,
        left: Option<Unfinished>,
    ) -> Result<(About<'a>, Reading, ObjectWriter<'a>), LunoraError> {
        let (store, metadata) =
            (&**self.config.store(), self.metadata("application/x-ndjson", occasion));
        let Some(left) = left else {
            let about = About { occasion, created_at: self.now(), tables };
            let export = self.admin.export(request).await?;
            let reading = Reading { export, counts: Counts::new() };
            let part_bytes = self.config.part_size().bytes();
            let writer = ObjectWriter::new(store, &name.object, metadata, part_bytes)?;
            return Ok((about, reading, writer));
        };
        let Unfinished { created_at, counts, shard, object, .. } = left;
        let done = counts.shards.iter().map(|shard| &*shard.shard_key).collect();
        let export = self.admin.export_rest(request, &done, shard).await?;
        let writer = ObjectWriter::resume(store, &name.object, metadata, object).await?;
        Ok((About { occasion, created_at, tables }, Reading { export, counts }, writer))
    }

    /// Writes the rows, and the manifest where that is all of them.
    async fn finish<'a>(
        &self,
        name: &SnapshotName,
        about: About<'a>,
        reading: &mut Reading,
        writer: &mut ObjectWriter<'_>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Taken<'a>, LunoraError> {
        if let Some(shard) = self.copy(reading, writer, guard, claim).await? {
            return Ok(Taken::Part(about, shard));
        }
        if let Guard::NoRestore { mark, .. } = guard
            && self.refuse_open_restore().await? != *mark
        {
            let message = "a snapshot was restored while the rows were read: take the backup again";
            return Err(LunoraError::new(Code::RestoreInProgress, message));
        }
        let mut counts = std::mem::take(&mut reading.counts);
        counts.left_out.global_tables = self.global_table_names().await;
        let found =
            Found { tables: &counts.tables, shards: &counts.shards, created_at: &about.created_at };
        self.refuse_loss(name, about.occasion, about.tables.as_deref(), &found).await?;
        self.renew_claim(claim, true).await?;
        // A manifest that is not intact would speak for what is written now.
        self.delete(&name.manifest).await?;
        let written = writer.finish().await?;
        let manifest = self.publish(name, about, counts, written).await?;
        Ok(Taken::Whole(Box::new(manifest)))
    }

    /// What the trigger runs: the rest of what earlier invocations left, and a snapshot; and after
    /// each success what the retention lets go.
    pub(crate) async fn run_scheduled(&self, cron: &str, time_ms: i64) -> Result<(), LunoraError> {
        let (budget, due) = (self.budget(), BackupOccasion::scheduled(cron, time_ms));
        if let Err(error) = self.go_on(&budget, Some(&due)).await {
            log::warn(&format!("an earlier backup was not finished: {}", error.to_log_line()));
        }
        self.run_within(&due, &budget).await
    }

    /// What the trigger of the rest runs.
    pub(crate) async fn run_rest(&self) -> Result<(), LunoraError> {
        self.go_on(&self.budget(), None).await
    }

    /// Takes a snapshot as far as the budget allows. To stop there is a failure only where no trigger
    /// goes on.
    pub(super) async fn run_within(
        &self,
        occasion: &BackupOccasion,
        budget: &Budget,
    ) -> Result<(), LunoraError> {
        let manifest = match self.take_within(occasion, budget).await {
            Ok(manifest) => manifest,
            Err(error)
                if error.code() == Code::BackupUnfinished.as_str()
                    && self.config.resume().is_some() =>
            {
                log::info(error.message());
                return Ok(());
            }
            Err(error) => {
                let message = format!("the backup failed: {}", error.message());
                return Err(LunoraError::custom(
                    error.code().to_owned(),
                    error.status().as_u16(),
                    message,
                )
                .with_source(error));
            }
        };
        let Manifest { file, rows, bytes, .. } = &manifest;
        log::info(&format!("backup {file}: {rows} rows, {bytes} bytes"));
        self.prune_quietly().await;
        Ok(())
    }

    /// Copies rows until there are no more, or the invocation has to stop: then it returns where.
    async fn copy(
        &self,
        reading: &mut Reading,
        writer: &mut ObjectWriter<'_>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Option<Option<ShardPosition>>, LunoraError> {
        let Reading { export, counts } = reading;
        let parts_before = writer.parts();
        while let Some(chunk) = export.step().await? {
            counts.note_changes(&chunk, writer.bytes());
            writer.write(&chunk.lines).await?;
            self.renew_claim(claim, false).await?;
            counts.add(chunk);
            let calls = export.calls() + u64::from(writer.parts() - parts_before);
            if let Guard::NoRestore { budget, .. } = guard
                && budget.is_spent(self.clock.now_ms(), calls)
                && let Some(shard) = export.leave()
            {
                budget.spend(calls);
                return Ok(Some(shard));
            }
        }
        if let Guard::NoRestore { budget, .. } = guard {
            budget.spend(export.calls() + u64::from(writer.parts() - parts_before));
        }
        Ok(None)
    }

    /// The tables that belong to no shard. Where they cannot be listed, the snapshot is taken all the
    /// same: it would not have them.
    async fn global_table_names(&self) -> BTreeSet<String> {
        let Some(tables) = &self.global_tables else { return BTreeSet::new() };
        tables.names().await.map(BTreeSet::from_iter).unwrap_or_else(|error| {
            log::warn(&format!(
                "the global tables, which backups leave out, could not be listed: {}",
                error.to_log_line()
            ));
            BTreeSet::new()
        })
    }

    pub(super) fn now(&self) -> String {
        i64::try_from(self.clock.now_ms()).map(to_iso).unwrap_or_default()
    }

    async fn publish(
        &self,
        name: &SnapshotName,
        about: About<'_>,
        counts: Counts,
        written: Written,
    ) -> Result<Manifest, LunoraError> {
        let About { occasion, created_at, tables } = about;
        let (sha256, segments) = match written.segments {
            segments if segments.len() > 1 => (None, segments),
            one => (one.into_iter().next().map(|segment| segment.sha256), Vec::new()),
        };
        let manifest = Manifest {
            bytes: written.bytes,
            changes: counts.changes,
            consistent: counts.consistent,
            created_at,
            cron: occasion.cron.clone(),
            deployment: self.deployment(),
            etag: Some(written.info.etag.clone()).filter(|etag| !etag.is_empty()),
            file: name.object.clone(),
            finished_at: Some(self.now()),
            id: name.id.clone(),
            left_out: counts.left_out,
            replies: counts.replies,
            rows: counts.tables.values().sum(),
            rows_by_table: counts.tables,
            scheduled_time: occasion.time_ms,
            sha256,
            segments,
            shards: counts.shards,
            tables,
            watermarks: counts.watermarks,
        };
        self.check_object(&manifest).await?;
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(LunoraError::internal)?;
        text.push(b'\n');
        let metadata = self.metadata("application/json", occasion);
        let metadata = SnapshotSummary::from(&manifest).add_to(metadata);
        let options = PutOptions::new().with_metadata(metadata);
        if let Err(error) = self.config.store().put(&name.manifest, text.into(), options).await {
            // It may have arrived all the same: then the run failed and its snapshot is whole.
            return Err(unwritten(error));
        }
        // Whoever replaced the object in the meantime writes a manifest of their own.
        self.check_object(&manifest).await?;
        if let Some(warning) = manifest.left_out.to_warning() {
            log::warn(&format!("backup {}: {warning}", manifest.file));
        }
        Ok(manifest)
    }

    /// Refuses when the object is not the one that was written.
    async fn check_object(&self, manifest: &Manifest) -> Result<(), LunoraError> {
        let found = self.config.store().head(&manifest.file).await.map_err(unwritten)?;
        let is_ours = found.is_some_and(|info| manifest.describes(&info));
        if is_ours {
            return Ok(());
        }
        Err(unwritten(format!(
            "`{}` is not what was written: another run replaced it",
            manifest.file
        )))
    }

    /// The snapshot of this name, if this deployment has it.
    async fn taken(&self, name: &SnapshotName) -> Result<Option<Manifest>, LunoraError> {
        let Some(manifest) = self.intact(name).await? else { return Ok(None) };
        if self.is_foreign(manifest.deployment.as_deref()) {
            let message = format!(
                "`{}` is the snapshot of another deployment: give each deployment a `.prefix(..)` of its own",
                manifest.file
            );
            return Err(LunoraError::new(Code::BackupPrefixShared, message));
        }
        Ok(Some(manifest))
    }

    /// What a listing shows of the objects of a snapshot.
    fn metadata(&self, content_type: &str, occasion: &BackupOccasion) -> ObjectMetadata {
        let mut metadata = ObjectMetadata::new().with_content_type(content_type);
        if let Some(deployment) = self.deployment() {
            metadata = metadata.with_custom(DEPLOYMENT_METADATA, deployment);
        }
        match &occasion.cron {
            Some(cron) => metadata.with_custom(CRON_METADATA, cron),
            None => metadata,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), LunoraError> {
        self.config.store().delete(&[key.to_owned()]).await.map_err(unwritten)
    }
}

/// What keeps a snapshot from holding a state between two.
pub(super) enum Guard<'a> {
    /// The mark of the last restore, which must be the same when the rows are read, and how much the
    /// invocation does of the run.
    NoRestore { mark: Option<String>, budget: &'a Budget },
    /// The restore that takes the snapshot holds the lease. It takes it whole.
    OwnRestore,
}

impl Guard<'_> {
    fn mark(&self) -> Option<String> {
        match self {
            Self::NoRestore { mark, .. } => mark.clone(),
            Self::OwnRestore => None,
        }
    }
}

/// What came of an attempt.
enum Taken<'a> {
    Whole(Box<Manifest>),
    /// Another invocation goes on: in the middle of a shard, or with the next one.
    Part(About<'a>, Option<ShardPosition>),
}

/// What a manifest says beside the rows.
struct About<'a> {
    occasion: &'a BackupOccasion,
    created_at: String,
    tables: Option<String>,
}

/// The rows under way, and what was read of them.
struct Reading {
    export: Export,
    counts: Counts,
}

/// Whether a run has to be begun anew: what it read, or wrote, is not there any more.
fn begins_anew(error: &LunoraError) -> bool {
    error.code() == Code::CdcLogTrimmed.as_str() || is_upload_gone(error)
}

async fn give_up(writer: &mut ObjectWriter<'_>) {
    if let Err(error) = writer.abort().await {
        log::warn(&format!("the parts of a backup that failed could not be deleted: {error}"));
    }
}

pub(super) fn unwritten(error: impl Into<Box<dyn std::error::Error + 'static>>) -> LunoraError {
    LunoraError::new(Code::Internal, "the backup could not be written").with_source(error)
}

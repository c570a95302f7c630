//! One backup: every row of every shard into one object, and a manifest when all of it is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Backups, LeftOut, Manifest, ManifestShard, SnapshotName, SnapshotSummary,
    claim::Claim,
    continuity::Found,
    deployment::DEPLOYMENT_METADATA,
    snapshots::CRON_METADATA,
    writer::{ObjectWriter, Written},
};
use crate::{
    coordinator::{Export, ExportRequest},
    errors::{Code, LunoraError},
    platform::{ObjectMetadata, PutOptions, hex, log},
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
    /// # Errors
    /// 409 `RESTORE_IN_PROGRESS` or `RESTORE_UNFINISHED` while a restore is, or was left, between
    /// two states; 409 `BACKUP_IN_PROGRESS` while another run takes the same snapshot; 409
    /// `BACKUP_PREFIX_SHARED` where another deployment has taken one of the same name; 404
    /// `UNKNOWN_TABLE` for a table that does not exist; 409 `REGISTRY_EMPTY` when the registry lists
    /// no shards; 409 `BACKUP_SHRUNK` when a scheduled run misses what the last one held; 409
    /// `CDC_LOG_TRIMMED` when a shard's log keeps fewer changes than come in while it is read. When a shard
    /// or the store fails, or gives no answer in time; the message names the shard. What was
    /// written shows nowhere then.
    pub async fn take(&self, occasion: &BackupOccasion) -> Result<Manifest, LunoraError> {
        let guard = Guard::NoRestore(self.refuse_open_restore().await?);
        self.take_tables(occasion, self.config.tables(), &guard).await
    }

    /// Takes a snapshot of `tables`; of every one by default.
    pub(super) async fn take_tables(
        &self,
        occasion: &BackupOccasion,
        tables: Option<&[String]>,
        guard: &Guard,
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
        guard: &Guard,
        claim: &mut Claim,
    ) -> Result<Manifest, LunoraError> {
        // The run that held the claim before may have finished.
        if let Some(done) = self.taken(name).await? {
            return Ok(done);
        }
        let mut attempts = 1;
        loop {
            let taken = self.attempt(name, occasion, tables, guard, claim).await;
            let is_trimmed = |error: &LunoraError| error.code() == Code::CdcLogTrimmed.as_str();
            if attempts == Self::ATTEMPTS || !taken.as_ref().is_err_and(is_trimmed) {
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
        guard: &Guard,
        claim: &mut Claim,
    ) -> Result<Manifest, LunoraError> {
        let created_at = self.now();
        let mut request = ExportRequest::new().tables(tables.unwrap_or_default());
        request.with_changes = true;
        request.page_rows = self.config.page_rows();
        // What is restored into an empty deployment is restored all the same.
        request.allow_empty_registry =
            self.config.allow_empty_registry() || matches!(guard, Guard::OwnRestore);
        let export = self.admin.export(request).await?;
        let mut writer = ObjectWriter::new(
            &**self.config.store(),
            &name.object,
            self.metadata("application/x-ndjson", occasion),
            self.config.part_size().bytes(),
        )?;
        let tables = tables.map(|tables| tables.join(","));
        let about = About { occasion, created_at, tables };
        match self.write(name, &about, export, &mut writer, guard, claim).await {
            Ok((counts, written)) => self.publish(name, about, counts, &written).await,
            Err(error) => {
                give_up(&mut writer).await;
                Err(error)
            }
        }
    }

    /// Writes the rows.
    async fn write(
        &self,
        name: &SnapshotName,
        about: &About<'_>,
        export: Export,
        writer: &mut ObjectWriter<'_>,
        guard: &Guard,
        claim: &mut Claim,
    ) -> Result<(Counts, Written), LunoraError> {
        let counts = self.copy(export, writer, claim).await?;
        if let Guard::NoRestore(before) = guard
            && self.refuse_open_restore().await? != *before
        {
            let message = "a snapshot was restored while the rows were read: take the backup again";
            return Err(LunoraError::new(Code::RestoreInProgress, message));
        }
        let found = Found { tables: &counts.tables, shards: &counts.shards };
        self.refuse_loss(name, about.occasion, about.tables.as_deref(), &found).await?;
        self.renew_claim(claim, true).await?;
        // A manifest that is not intact would speak for what is written now.
        self.delete(&name.manifest).await?;
        let written = writer.finish().await?;
        Ok((counts, written))
    }

    /// What the trigger runs: a snapshot, and after a success what the retention lets go.
    pub(crate) async fn run_scheduled(&self, cron: &str, time_ms: i64) -> Result<(), LunoraError> {
        let manifest =
            self.take(&BackupOccasion::scheduled(cron, time_ms)).await.map_err(|error| {
                let message = format!("the backup failed: {}", error.message());
                LunoraError::custom(error.code().to_owned(), error.status().as_u16(), message)
                    .with_source(error)
            })?;
        let Manifest { file, rows, bytes, .. } = &manifest;
        log::info(&format!("backup {file}: {rows} rows, {bytes} bytes"));
        self.prune_quietly().await;
        Ok(())
    }

    async fn copy(
        &self,
        mut export: Export,
        writer: &mut ObjectWriter<'_>,
        claim: &mut Claim,
    ) -> Result<Counts, LunoraError> {
        let mut counts = Counts { consistent: true, ..Counts::default() };
        let (mut rows_of_shard, mut changes, mut changes_at) = (0, 0, 0);
        let (mut watermarks, mut replies) = (0, 0);
        while let Some(chunk) = export.next().await? {
            if chunk.changes > 0 && changes == 0 {
                changes_at = writer.bytes();
            }
            changes += chunk.changes;
            watermarks += chunk.watermarks;
            replies += chunk.replies;
            writer.write(&chunk.lines).await?;
            self.renew_claim(claim, false).await?;
            for (table, rows) in chunk.rows {
                *counts.tables.entry(table).or_default() += rows;
                rows_of_shard += rows;
            }
            if let Some(end) = chunk.end_of_shard {
                counts.consistent &= end.consistent;
                counts.left_out.shard_tables.extend(end.other_tables);
                counts.changes += changes;
                counts.watermarks += watermarks;
                counts.replies += replies;
                counts.shards.push(ManifestShard {
                    changes: std::mem::take(&mut changes),
                    changes_at: std::mem::take(&mut changes_at),
                    replies: std::mem::take(&mut replies),
                    rows: std::mem::take(&mut rows_of_shard),
                    seq: end.seq,
                    shard_key: chunk.shard_key.as_str().to_owned(),
                    watermarks: std::mem::take(&mut watermarks),
                });
            }
        }
        counts.left_out.global_tables = self.global_table_names().await;
        Ok(counts)
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
        written: &Written,
    ) -> Result<Manifest, LunoraError> {
        let About { occasion, created_at, tables } = about;
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
            sha256: Some(hex(&written.sha256)),
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
pub(super) enum Guard {
    /// The mark of the last restore: it must be the same when the rows are read.
    NoRestore(Option<String>),
    /// The restore that takes the snapshot holds the lease.
    OwnRestore,
}

/// What a manifest says beside the rows.
struct About<'a> {
    occasion: &'a BackupOccasion,
    created_at: String,
    tables: Option<String>,
}

/// How many rows of what.
#[derive(Default)]
struct Counts {
    tables: BTreeMap<String, u64>,
    shards: Vec<ManifestShard>,
    left_out: LeftOut,
    changes: u64,
    watermarks: u64,
    replies: u64,
    consistent: bool,
}

async fn give_up(writer: &mut ObjectWriter<'_>) {
    if let Err(error) = writer.abort().await {
        log::warn(&format!("the parts of a backup that failed could not be deleted: {error}"));
    }
}

pub(super) fn unwritten(error: impl Into<Box<dyn std::error::Error + 'static>>) -> LunoraError {
    LunoraError::new(Code::Internal, "the backup could not be written").with_source(error)
}

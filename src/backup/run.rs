//! One backup: every row of every shard in one object, then the manifest.

use futures::future::LocalBoxFuture;

use super::{
    BackupTrigger, Backups, Manifest, SnapshotName,
    claim::Claim,
    continuity::Found,
    counts::Counts,
    publish::About,
    unfinished::{Budget, Unfinished, is_upload_gone, unfinished},
    writer::ObjectWriter,
};
use crate::{
    coordinator::{Export, ExportPosition, ExportRequest},
    errors::{Code, LunoraError},
    log,
    wire::iso::to_iso,
};

impl Backups {
    /// The number of times that a run reads the shards if their change logs are trimmed meanwhile.
    const ATTEMPTS: u32 = 3;

    /// Takes a snapshot: every row, or an error and no snapshot at all.
    ///
    /// It holds each shard at one sequence number: the rows are followed by the watermarks of
    /// clients and the stored answers of mutations, and by the changes that were written meanwhile.
    /// A run whose changes are not in a shard's log any more begins again, at most three times.
    ///
    /// Rows are copied shard by shard and page by page into the store; memory holds one page and
    /// one part. The manifest is written last. An existing snapshot for the same time is left as it
    /// is, so that running again is safe.
    ///
    /// One call stops between two pages after
    /// [`BackupConfig::run_time`](crate::backup::BackupConfig::run_time) or
    /// [`run_calls`](crate::backup::BackupConfig::run_calls), before the platform stops it in the middle.
    /// The error is then `BACKUP_UNFINISHED`, and taking the snapshot for the same time again
    /// continues the run.
    ///
    /// # Errors
    /// 503 `BACKUP_UNFINISHED` if another call has to continue; 409 `RESTORE_IN_PROGRESS` or
    /// `RESTORE_UNFINISHED` while a restore is in progress or unfinished; 409 `BACKUP_IN_PROGRESS`
    /// while another run takes the same snapshot; 409 `BACKUP_PREFIX_SHARED` if another deployment
    /// has taken one of the same name; 404 `UNKNOWN_TABLE` for a table that does not exist; 409
    /// `REGISTRY_EMPTY` if the registry lists no shards; 409 `BACKUP_SHRUNK` if a scheduled run
    /// lacks what the last one held; 409 `CDC_LOG_TRIMMED` if a shard's log keeps fewer changes
    /// than arrive while it is read. If a shard or the store fails or times out, the message names
    /// the shard, and nothing of what was written is visible.
    pub async fn take(&self, trigger: &BackupTrigger) -> Result<Manifest, LunoraError> {
        self.take_within(trigger, &self.budget()).await
    }

    /// Takes a snapshot as far as the budget allows.
    pub(super) async fn take_within(
        &self,
        trigger: &BackupTrigger,
        budget: &Budget,
    ) -> Result<Manifest, LunoraError> {
        let guard = Guard::NoRestore { mark: self.refuse_open_restore().await?, budget };
        self.take_tables(trigger, self.config.tables(), &guard).await
    }

    /// Takes a snapshot of `tables`; of every table by default.
    ///
    /// A box: backups and restores share one copy of the whole run in the wasm.
    pub(super) fn take_tables<'a>(
        &'a self,
        trigger: &'a BackupTrigger,
        tables: Option<&'a [String]>,
        guard: &'a Guard<'a>,
    ) -> LocalBoxFuture<'a, Result<Manifest, LunoraError>> {
        Box::pin(async move {
            let name = SnapshotName::of_time(self.config.prefix(), trigger.time_ms);
            if let Some(done) = self.taken(&name).await? {
                return Ok(done);
            }
            let mut claim = self.claim(&name).await?;
            let taken = self.take_claimed(&name, trigger, tables, guard, &mut claim).await;
            self.release_claim(claim).await;
            taken
        })
    }

    async fn take_claimed(
        &self,
        name: &SnapshotName,
        trigger: &BackupTrigger,
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
            let taken = self.attempt(name, trigger, tables, guard, claim).await;
            if attempts == Self::ATTEMPTS || !taken.as_ref().is_err_and(begins_anew) {
                return taken;
            }
            attempts += 1;
        }
    }

    async fn attempt(
        &self,
        name: &SnapshotName,
        trigger: &BackupTrigger,
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
            self.begin(name, trigger, tables, request, left).await?;
        let taken = self.finish(name, about, &mut reading, &mut writer, guard, claim).await;
        match taken {
            Ok(Taken::Whole(manifest)) => {
                if is_rest {
                    self.forget_unfinished(name).await?;
                }
                Ok(*manifest)
            }
            Ok(Taken::Part(about, position)) => {
                let left = Unfinished {
                    created_at: about.created_at,
                    tables: about.tables,
                    restore: guard.mark(),
                    deployment: self.deployment.clone(),
                    counts: reading.counts,
                    shard: position.shard,
                    global: position.global,
                    object: writer.suspend().await?,
                };
                Err(unfinished(&self.leave(name, trigger, left).await?))
            }
            // Keeps what an earlier invocation wrote, for the next one.
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

    /// Begins a run, or resumes what an earlier invocation left of it.
    async fn begin<'a>(
        &'a self,
        name: &'a SnapshotName,
        trigger: &'a BackupTrigger,
        tables: Option<String>,
        request: ExportRequest,
        left: Option<Unfinished>,
    ) -> Result<(About<'a>, Reading, ObjectWriter<'a>), LunoraError> {
        let (store, metadata) =
            (&**self.config.store(), self.metadata("application/x-ndjson", trigger));
        let Some(left) = left else {
            let about = About { trigger, created_at: self.now(), tables };
            let export = self.admin.export(request).await?;
            let reading = Reading { export, counts: Counts::new() };
            let part_bytes = self.config.part_size().bytes();
            let writer = ObjectWriter::new(store, &name.object, metadata, part_bytes)?;
            return Ok((about, reading, writer));
        };
        let Unfinished { created_at, counts, shard, global, object, .. } = left;
        let done = counts.shards.iter().map(|shard| &*shard.shard_key).collect();
        let export =
            self.admin.export_rest(request, &done, ExportPosition { shard, global }).await?;
        let writer = ObjectWriter::resume(store, &name.object, metadata, object).await?;
        Ok((About { trigger, created_at, tables }, Reading { export, counts }, writer))
    }

    /// Writes the rows, and then the manifest if those are all.
    async fn finish<'a>(
        &self,
        name: &SnapshotName,
        about: About<'a>,
        reading: &mut Reading,
        writer: &mut ObjectWriter<'_>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Taken<'a>, LunoraError> {
        if let Some(position) = self.copy(reading, writer, guard, claim).await? {
            return Ok(Taken::Part(about, Box::new(position)));
        }
        if let Guard::NoRestore { mark, .. } = guard
            && self.refuse_open_restore().await? != *mark
        {
            let message = "a snapshot was restored while the rows were read: take the backup again";
            return Err(LunoraError::new(Code::RestoreInProgress, message));
        }
        let mut counts = std::mem::take(&mut reading.counts);
        counts.left_out.global_tables = reading.export.left_out().iter().cloned().collect();
        let found =
            Found { tables: &counts.tables, shards: &counts.shards, created_at: &about.created_at };
        self.refuse_loss(name, about.trigger, about.tables.as_deref(), &found).await?;
        self.renew_claim(claim, true).await?;
        // A manifest that is not intact would speak for what is written now.
        self.delete(&name.manifest).await?;
        let written = writer.finish().await?;
        let manifest = self.publish(name, about, counts, written).await?;
        Ok(Taken::Whole(Box::new(manifest)))
    }

    /// Copies rows to the end, or until the invocation has to stop: then it returns the position.
    async fn copy(
        &self,
        reading: &mut Reading,
        writer: &mut ObjectWriter<'_>,
        guard: &Guard<'_>,
        claim: &mut Claim,
    ) -> Result<Option<ExportPosition>, LunoraError> {
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
                && let Some(position) = export.leave()
            {
                budget.spend(calls);
                return Ok(Some(position));
            }
        }
        if let Guard::NoRestore { budget, .. } = guard {
            budget.spend(export.calls() + u64::from(writer.parts() - parts_before));
        }
        Ok(None)
    }

    pub(super) fn now(&self) -> String {
        i64::try_from(self.clock.now_ms()).map(to_iso).unwrap_or_default()
    }
}

/// Guards a snapshot against the partial state of a restore.
pub(super) enum Guard<'a> {
    /// The mark of the last restore, which must be the same after the rows are read, and the budget
    /// of the invocation.
    NoRestore { mark: Option<String>, budget: &'a Budget },
    /// The restore that takes the snapshot holds the lease. It takes the whole snapshot.
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

/// The result of an attempt.
enum Taken<'a> {
    Whole(Box<Manifest>),
    /// Another invocation continues from the position.
    Part(About<'a>, Box<ExportPosition>),
}

/// The export in progress, and what was read of it.
struct Reading {
    export: Export,
    counts: Counts,
}

/// Returns whether a run must start again, since what it read or wrote is gone.
fn begins_anew(error: &LunoraError) -> bool {
    error.code() == Code::CdcLogTrimmed.as_str() || is_upload_gone(error)
}

async fn give_up(writer: &mut ObjectWriter<'_>) {
    if let Err(error) = writer.abort().await {
        log::warn(&format!("the parts of a backup that failed could not be deleted: {error}"));
    }
}

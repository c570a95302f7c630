//! Restores the rows of a snapshot into their shards.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::{
    BackupTrigger, Backups, Manifest, RestoreState, SnapshotName,
    failure::{damaged, unreadable},
    latest::{Latest, Line},
    lease::Held,
    run::Guard,
    targets::Targets,
};
use crate::{
    coordinator::{ClientImport, Import, ImportReport, ImportTarget},
    errors::{Code, LunoraError},
    log,
    message::Body,
    sort,
    wire::{ShardKey, lines::Lines},
};

/// The snapshot to restore, and how much of it in one call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RestoreRequest {
    /// The id of the snapshot.
    pub id: String,
    /// The end of the previous call; `None` to start from the beginning.
    #[serde(default)]
    pub from: Option<RestoreCursor>,
    /// The maximum number of rows of this call; by default all of them. The platform limits the
    /// work of one request, so that a large snapshot is restored in several calls.
    #[serde(default)]
    pub max_rows: Option<u64>,
    /// Empties the snapshot's tables first, on every shard. By default rows are added, and a row
    /// whose `_id` already exists stays as it is.
    #[serde(default)]
    pub replace: bool,
    /// Takes a snapshot of the current state before the first row; the default. Retention never
    /// deletes it.
    #[serde(default = "yes")]
    pub safety_snapshot: bool,
    /// Keeps the restore open after its last row, so that no scheduled backup runs until
    /// [`Backups::finish_restore`] is called.
    #[serde(default)]
    pub hold: bool,
}

const fn yes() -> bool {
    true
}

impl RestoreRequest {
    /// Creates a request that adds all rows of a snapshot to the existing ones.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            from: None,
            max_rows: None,
            replace: false,
            safety_snapshot: true,
            hold: false,
        }
    }

    /// Empties the snapshot's tables first.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Skips the snapshot of the current state.
    #[must_use]
    pub fn without_safety_snapshot(mut self) -> Self {
        self.safety_snapshot = false;
        self
    }
}

/// The position at which a call ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RestoreCursor {
    /// The number of lines of the snapshot that are done.
    pub lines: u64,
    /// The number of bytes of these lines.
    pub bytes: u64,
    /// The lease of the restore.
    pub lease: u64,
}

/// The result of a restore.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The number of documents that were deleted first, by table.
    pub cleared: BTreeMap<String, u64>,
    /// The result of the import; line numbers are those of the snapshot.
    #[serde(flatten)]
    pub import: ImportReport,
    /// The number of lines of the snapshot that a later change replaces; they are not counted as
    /// received rows.
    pub superseded: u64,
    /// The number of watermarks of clients and stored answers of mutations that were restored.
    pub clients: u64,
    /// The lease of the restore.
    pub lease: u64,
    /// The state of the restore. A restore of which some rows were rejected stays
    /// [`RestoreState::Running`]: repeat or abandon it.
    pub state: RestoreState,
    /// The snapshot of the state before the restore.
    #[serde(rename = "safetySnapshot", skip_serializing_if = "Option::is_none")]
    pub safety_snapshot: Option<String>,
    /// The position at which the next call begins; `None` after the last row.
    pub next: Option<RestoreCursor>,
}

impl Backups {
    /// Restores a snapshot: each row into the shard from which it was taken.
    ///
    /// A snapshot of another writer does not name its shards; its rows go where the deployment's
    /// [`Sharding`](crate::coordinator::Sharding) sends them. A restore that replaces verifies the snapshot
    /// first, so that nothing is deleted in favor of a damaged snapshot.
    ///
    /// The restore holds a lease until it is finished: meanwhile no snapshot is taken, no other
    /// restore runs, and retention does not delete the snapshot. A restore that is interrupted
    /// after it began blocks both until it is repeated, or [abandoned](Self::abandon_restore).
    ///
    /// # Errors
    /// 409 `RESTORE_IN_PROGRESS` or `RESTORE_UNFINISHED` if another restore holds the lease. 404
    /// `STORAGE_OBJECT_NOT_FOUND` if the snapshot does not exist, 409 `CONFLICT` if it is damaged;
    /// if the store fails, or a shard fails to delete. A shard that fails to insert is part of the
    /// report.
    pub async fn restore(&self, request: &RestoreRequest) -> Result<RestoreReport, LunoraError> {
        let manifest = self.get(&request.id).await?;
        let mut held = match request.from {
            Some(cursor) => self.owned(cursor.lease).await?,
            None => self.acquire(&request.id, request.hold).await?,
        };
        let restored = self.restore_held(&manifest, request, &mut held).await;
        if restored.is_err() {
            // This error says more than a failure to write the lease, which expires by itself.
            if let Err(error) = self.interrupt(&mut held).await {
                log::warn(&format!(
                    "the lease of a restore could not be released: {}",
                    error.to_log_line()
                ));
            }
        }
        restored
    }

    async fn restore_held(
        &self,
        manifest: &Manifest,
        request: &RestoreRequest,
        held: &mut Held,
    ) -> Result<RestoreReport, LunoraError> {
        let mut cleared = BTreeMap::new();
        if request.from.is_none() {
            if request.replace {
                let verified = self.verify(&request.id).await?;
                if !verified.ok {
                    return Err(damaged(&request.id, &verified.problems.join("; ")));
                }
                self.check_parts(manifest).await?;
            }
            let named = self.known_tables(manifest).await?;
            let gone = self.check_globals(manifest).await?;
            self.prepare(manifest, named.as_deref(), request, held).await?;
            let shards = self.admin.shards_holding(named.as_deref()).await?;
            if request.replace {
                cleared = self.clear(manifest, named.as_deref(), &shards, held).await?;
                self.clear_globals(manifest, &gone, &mut cleared).await?;
            }
            let reset = request.replace && named.is_none();
            self.begin_clients(manifest, shards, reset, held).await?;
        }
        let begin = request.from.unwrap_or(RestoreCursor { lines: 0, bytes: 0, lease: 0 });
        let begin = RestoreCursor { lease: held.lease.lease, ..begin };
        let found = self.config.store().get_from(&manifest.file, begin.bytes).await;
        let Some(object) = found.map_err(unreadable)? else {
            return Err(damaged(&request.id, "its rows are missing"));
        };
        if !manifest.describes(&object.info) {
            return Err(damaged(&request.id, "its rows are not those of its manifest"));
        }
        let mut restore = Restore {
            import: Import::new(&self.admin, ImportTarget::Sharding(self.sharding.clone())),
            targets: Targets::new(manifest)?,
            latest: Latest::default(),
            clients: ClientImport::new(&self.admin),
            superseded: 0,
            at: begin,
            end: request.max_rows.map(|rows| begin.lines.saturating_add(rows)),
        };
        let mut lines = Lines::default();
        let mut pieces = object.body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(unreadable)?;
            for line in lines.cut(&piece) {
                restore.line(self, manifest, line.as_deref().map_err(|error| *error)).await?;
            }
            restore.import.send_due().await?;
            if restore.is_over() {
                break;
            }
            self.keep_alive(held).await?;
        }
        if !restore.is_over()
            && let Some(line) = lines.cut_rest()
        {
            restore.line(self, manifest, line.as_deref().map_err(|error| *error)).await?;
        }
        let next = (restore.at.bytes < manifest.bytes).then_some(restore.at);
        restore.clients.flush().await?;
        let (superseded, clients) = (restore.superseded, restore.clients.received());
        let import = restore.import.finish().await?;
        held.lease.flawed |= !import.failed.is_empty()
            || !import.errors.is_empty()
            || import.global_failure.is_some();
        match (next, held.lease.flawed, held.lease.hold) {
            (Some(_), ..) | (None, false, true) => self.renew(held).await?,
            (None, true, _) => self.interrupt(held).await?,
            (None, false, false) => {
                held.lease.state = RestoreState::Finished;
                self.update(held).await?;
            }
        }
        Ok(RestoreReport {
            cleared,
            import,
            superseded,
            clients,
            lease: held.lease.lease,
            state: held.lease.state,
            safety_snapshot: held.lease.safety_snapshot.clone(),
            next,
        })
    }

    /// Records the state before the first change: a snapshot of it, and the positions of the change
    /// feeds. A resumed restore has already done so.
    async fn prepare(
        &self,
        manifest: &Manifest,
        tables: Option<&[String]>,
        request: &RestoreRequest,
        held: &mut Held,
    ) -> Result<(), LunoraError> {
        if held.lease.begun {
            return Ok(());
        }
        if request.safety_snapshot {
            let trigger = BackupTrigger::manual(self.free_time().await?);
            let all = self.safety_tables(manifest, tables).await?;
            let safety = self.take_tables(&trigger, all.as_deref(), &Guard::OwnRestore).await?;
            let seqs = safety.shards.into_iter();
            held.lease.seqs =
                sort::map(seqs.filter_map(|shard| Some((shard.shard_key, shard.seq?))));
            held.lease.safety_snapshot = Some(safety.id);
        } else {
            for key in self.admin.shards_holding(tables).await? {
                if let Some(seq) = self.admin.change_cursor(&key).await? {
                    held.lease.seqs.insert(key.as_str().to_owned(), seq);
                }
            }
        }
        held.lease.begun = true;
        self.renew(held).await
    }

    /// Allows the clients of every shard one gap in their numbers. A restore that replaces every
    /// table first deletes the client state of the shards (`reset`), since the rows to which it
    /// refers are deleted too.
    async fn begin_clients(
        &self,
        manifest: &Manifest,
        mut keys: Vec<ShardKey>,
        reset: bool,
        held: &mut Held,
    ) -> Result<(), LunoraError> {
        let parts = Targets::new(manifest)?;
        let unlisted: Vec<_> = parts.keys().filter(|key| !keys.contains(key)).cloned().collect();
        keys.extend(unlisted);
        for key in keys {
            self.keep_alive(held).await?;
            self.admin.begin_clients(&key, reset).await?;
        }
        Ok(())
    }

    /// Returns the tables of a snapshot that is not of every table, as far as they still exist.
    async fn known_tables(&self, manifest: &Manifest) -> Result<Option<Vec<String>>, LunoraError> {
        let Some(mut tables) = manifest.shard_table_names() else { return Ok(None) };
        let unknown = self.admin.unknown_tables(&tables).await?;
        tables.retain(|table| !unknown.contains(table));
        if tables.is_empty() && manifest.global.is_none() {
            let message = format!("none of the tables of snapshot `{}` exists", manifest.id);
            return Err(LunoraError::new(Code::UnknownTable, message));
        }
        Ok(Some(tables))
    }

    /// Returns a time, now or soon after, for which no snapshot exists.
    async fn free_time(&self) -> Result<i64, LunoraError> {
        let mut time = i64::try_from(self.clock.now_ms()).map_err(LunoraError::internal)?;
        while self.intact(&SnapshotName::of_time(self.config.prefix(), time)).await?.is_some() {
            time += 1;
        }
        Ok(time)
    }

    /// Empties the snapshot's tables on every shard that has, or had, rows of them.
    async fn clear(
        &self,
        manifest: &Manifest,
        named: Option<&[String]>,
        shards: &[ShardKey],
        held: &mut Held,
    ) -> Result<BTreeMap<String, u64>, LunoraError> {
        let mut cleared = BTreeMap::new();
        for key in shards {
            self.keep_alive(held).await?;
            // A table that had no rows then has none in the snapshot, and one that does not exist
            // any more has none to delete.
            let tables = match (named, self.admin.tables(key).await?) {
                (Some(named), Some(own)) => {
                    named.iter().filter(|table| own.contains(table)).cloned().collect()
                }
                (Some(named), None) => named.to_vec(),
                (None, Some(own)) => own,
                (None, None) => manifest.rows_by_table.keys().cloned().collect(),
            };
            for (table, count) in self.admin.clear(key, &tables).await? {
                *cleared.entry(table).or_default() += count;
            }
        }
        Ok(cleared)
    }
}

struct Restore<'a> {
    import: Import<'a>,
    targets: Targets,
    /// The documents of the current shard that changed while it was read.
    latest: Latest,
    /// The watermarks and stored answers of the current shard.
    clients: ClientImport<'a>,
    superseded: u64,
    at: RestoreCursor,
    /// The line after which this call ends.
    end: Option<u64>,
}

impl Restore<'_> {
    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.at.lines >= end)
    }

    async fn line(
        &mut self,
        backups: &Backups,
        manifest: &Manifest,
        line: Result<&[u8], &'static str>,
    ) -> Result<(), LunoraError> {
        if self.is_over() {
            return Ok(());
        }
        if let Some(part) = self.targets.turn_to(self.at.lines) {
            let key = part.key.clone();
            self.latest = backups.latest(manifest, part).await?;
            self.import.retarget(ImportTarget::Shard(key.clone()));
            self.clients.retarget(key).await?;
        }
        if self.targets.is_past(self.at.lines) {
            // No change of a shard replaces a row of a global table.
            self.latest = Latest::default();
        }
        self.at.lines += 1;
        // Counts the line break.
        self.at.bytes += line.map_or(0, |line| line.len() as u64 + 1);
        if let Ok(text) = line
            && self.clients.line(text).await?
        {
            return Ok(());
        }
        match line.map(|text| self.latest.of(self.at.lines, text)) {
            Ok(Line::Row) => self.import.line(self.at.lines, line),
            Ok(Line::Changed(row)) => self.import.line(self.at.lines, Ok(&row)),
            Ok(Line::Superseded) => self.superseded += 1,
            Err(error) => self.import.line(self.at.lines, Err(error)),
        }
        Ok(())
    }
}

//! Imports rows of NDJSON, each into its shard.

mod batch;
mod globals;
mod row;
mod sharding;

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{StreamExt, stream};
use serde::Serialize;

use self::{batch::Batch, row::Row};
use super::{
    ShardAdmin,
    globals::{GlobalLine, not_configured},
    seal::{END, SealCheck},
    traffic::as_text,
};
use crate::{
    coordinator::ShardFailure,
    errors::LunoraError,
    message::Body,
    wire::{ShardKey, lines::Lines, operation::ImportShardAnswer},
};

pub use self::sharding::Sharding;

/// The shards that receive imported rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImportTarget {
    /// Sends each row to the shard that its line names (`shardKey`), or else to the one that its
    /// table's rule names.
    Sharding(Sharding),
    /// Sends every row to one shard, such as the one from which it was exported.
    Shard(ShardKey),
}

/// The warning of an import that has no rule for any row.
const UNPLACED: &str = "rows without a `shardKey` went to the default shard, since the deployment \
    has no sharding rules: if it has other shards, call `.sharding(..)` on the builder, or import \
    an export with `shardKeys`";

/// The result of an import (docs/wire.md, "Moving data").
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImportReport {
    /// The number of rows whose `_id` already existed; they were left as they are.
    pub conflicts: u64,
    /// The errors of single rows, in the order in which they were found; the first 1000.
    pub errors: Vec<RowError>,
    /// The number of errors that are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors_omitted: u64,
    /// The shards that failed, each once; the first 1000. Each failed call has an error with its
    /// lines.
    pub failed: Vec<FailedShard>,
    /// The failure of the database of the global tables, after which their rows may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_failure: Option<String>,
    /// The number of rows that were inserted, by table.
    pub inserted: BTreeMap<String, u64>,
    /// The number of rows that were read.
    pub received: u64,
    /// What the operator should check although no row was refused, such as rows that went to the
    /// default shard because no [`Sharding`] is configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A shard of which some or all rows may be missing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FailedShard {
    /// The message of its first failure.
    pub message: String,
    /// The key of the shard.
    #[serde(serialize_with = "as_text")]
    pub shard_key: ShardKey,
    /// `true` if the shard timed out.
    pub timed_out: bool,
}

/// An error in a row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RowError {
    /// The code: `BAD_ROW` for an invalid line, else the shard's own code.
    pub code: String,
    /// The line of the body; the first is 1.
    pub line: u64,
    /// The message.
    pub message: String,
    /// The table; empty if unknown.
    pub table: String,
}

impl ShardAdmin {
    /// Imports NDJSON, one `{"table","doc"}` per line, of any size: memory holds a few batches. A
    /// line `{"table","shardKey","doc"}` goes to that shard, unless the target is one shard. A line
    /// `{"table","global":true,"doc"}` goes to the
    /// [global tables](Self::global_tables), and so does a row without a shard whose table is one
    /// of them and unknown to the shards.
    ///
    /// Rows keep their `_id`; a row whose `_id` already exists is a conflict and is not imported.
    /// An invalid line never stops the others. A last line `{"$end":{"rows","sha256"}}`, as exports
    /// may have it, is compared with the lines before it. Shards that receive rows are first
    /// registered in the registry, so that the imported rows can be found.
    ///
    /// # Errors
    /// If the body breaks off (the lines before are imported); 400 `GLOBAL_NOT_CONFIGURED` for a
    /// row of a global table if there are none. The first line of an export says whether it has
    /// such rows, so that nothing of it is imported then. A shard that fails, or cannot be
    /// registered, is part of the report.
    pub async fn import(
        &self,
        body: Body,
        target: &ImportTarget,
    ) -> Result<ImportReport, LunoraError> {
        let mut import = Import::new(self, target.clone());
        import.learn_globals().await?;
        let (mut lines, mut seal) = (Lines::default(), SealCheck::new()?);
        let mut pieces = body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|broken| {
                let message = format!("the body broke off in line {}", lines.number());
                LunoraError::bad_request(message).with_source(broken)
            })?;
            seal.push(&piece).await?;
            lines.push(&piece, |number, line| import.line(number, line));
            import.send_due().await?;
        }
        lines.finish(|number, line| import.line(number, line));
        if let Some(problem) = seal.finish().await? {
            import.refuse("BAD_ROW", lines.number().saturating_sub(1), problem, "");
        }
        import.finish().await
    }
}

/// An import in progress, line by line.
pub(crate) struct Import<'a> {
    admin: &'a ShardAdmin,
    target: ImportTarget,
    /// The current batch of each shard.
    batches: HashMap<ShardKey, Batch>,
    /// Full batches, in the order in which they filled up.
    full: Vec<(ShardKey, Batch)>,
    /// The number of bytes in all batches.
    buffered: usize,
    /// The tables and shards that the registry knows.
    registered: HashSet<(String, ShardKey)>,
    /// The global tables of whose names shards have none.
    only_global: Vec<String>,
    /// The rows of global tables that are to be written.
    global: Vec<GlobalLine>,
    /// The rows of global tables that refer to rows which do not exist yet.
    waiting: Vec<(GlobalLine, RowError)>,
    /// The reason for which nothing more is written.
    refusal: Option<LunoraError>,
    /// `true` if the line that ends an export was read.
    ended: bool,
    /// `true` if a row went to the default shard because there are no rules at all.
    unplaced: bool,
    report: ImportReport,
}

impl<'a> Import<'a> {
    const MAX_ERRORS: usize = 1000;
    const MAX_BUFFERED: usize = 4 * 1024 * 1024;

    pub(crate) fn new(admin: &'a ShardAdmin, target: ImportTarget) -> Self {
        Self {
            admin,
            target,
            batches: HashMap::new(),
            full: Vec::new(),
            buffered: 0,
            registered: HashSet::new(),
            only_global: Vec::new(),
            global: Vec::new(),
            waiting: Vec::new(),
            refusal: None,
            ended: false,
            unplaced: false,
            report: ImportReport::default(),
        }
    }

    /// Sets the target of the lines from here on.
    pub(crate) fn retarget(&mut self, target: ImportTarget) {
        self.target = target;
    }

    /// Sends the full batches, so that memory stays bounded.
    pub(crate) async fn send_due(&mut self) -> Result<(), LunoraError> {
        if self.buffered >= Self::MAX_BUFFERED {
            self.full.extend(self.batches.drain());
        }
        self.flush().await
    }

    /// Sends the remaining batches.
    pub(crate) async fn finish(mut self) -> Result<ImportReport, LunoraError> {
        self.full.extend(self.batches.drain());
        self.flush().await?;
        self.settle_globals().await;
        if self.unplaced {
            self.report.warnings.push(UNPLACED.to_owned());
        }
        Ok(self.report)
    }

    /// Takes a line; `number` identifies it in errors.
    pub(crate) fn line(&mut self, number: u64, line: Result<&[u8], &'static str>) {
        let row = line.map_err(str::to_owned).and_then(|line| {
            let mark = (number == 1).then(|| line.strip_prefix(b"\xef\xbb\xbf")).flatten();
            let line = mark.unwrap_or(line);
            if line.trim_ascii().is_empty() {
                return Ok(None);
            }
            if self.ended {
                return Err("the line follows the end of an export".to_owned());
            }
            if line.starts_with(END) {
                self.ended = true;
                return Ok(None);
            }
            Row::read(line).map(Some)
        });
        let mut row = match row {
            Ok(None) => return,
            Ok(Some(row)) => row,
            Err(message) => {
                self.report.received += 1;
                return self.refuse("BAD_ROW", number, message, "");
            }
        };
        self.report.received += 1;
        let is_global =
            row.is_global || (row.shard.is_none() && self.only_global.contains(&row.table));
        if is_global || !row.global_tables.is_empty() {
            if self.admin.globals().is_none() {
                let what = format!("line {number} is a row, or announces one,");
                self.refusal.get_or_insert_with(|| not_configured(&what));
                return;
            }
            if is_global {
                self.buffered += row.doc.get().len();
                let Row { table, rowid, doc, .. } = row;
                self.global.push(GlobalLine { number, table, rowid, doc: doc.to_owned() });
                return;
            }
        }
        let shard = match &self.target {
            ImportTarget::Shard(key) => Ok(key.clone()),
            ImportTarget::Sharding(_) if row.shard.is_some() => {
                let key = row.shard.take().unwrap_or_default();
                ShardKey::new(key).map_err(|error| format!("`shardKey` names no shard: {error}"))
            }
            ImportTarget::Sharding(rules) => {
                self.unplaced |= rules.tables().next().is_none();
                rules.shard_of(&row.table, row.doc, &self.admin.default_shard)
            }
        };
        match shard {
            Ok(key) => {
                let mut batch = self.batches.remove(&key).unwrap_or_default();
                let before = batch.len();
                batch.push(number, &row.table, row.doc);
                self.buffered += batch.len() - before;
                if batch.is_full() {
                    self.full.push((key, batch));
                } else {
                    self.batches.insert(key, batch);
                }
            }
            Err(message) => self.refuse("BAD_ROW", number, message, &row.table),
        }
    }

    fn refuse(&mut self, code: &str, line: u64, message: impl Into<String>, table: &str) {
        self.error(RowError {
            code: code.to_owned(),
            line,
            message: message.into(),
            table: table.to_owned(),
        });
    }

    fn error(&mut self, error: RowError) {
        if self.report.errors.len() < Self::MAX_ERRORS {
            self.report.errors.push(error);
        } else {
            self.report.errors_omitted += 1;
        }
    }

    /// Sends the full batches: those of one shard one after the other, the shards in parallel.
    async fn flush(&mut self) -> Result<(), LunoraError> {
        if let Some(refusal) = self.refusal.take() {
            return Err(refusal);
        }
        let mut by_shard: Vec<(ShardKey, Vec<Batch>)> = Vec::new();
        for (key, batch) in std::mem::take(&mut self.full) {
            self.buffered -= batch.len();
            if let Err(error) = self.register(&key, &batch).await {
                self.fail(&batch, ShardFailure::logged(&key, &error, false));
                continue;
            }
            match by_shard.iter_mut().find(|(other, _)| *other == key) {
                Some((_, batches)) => batches.push(batch),
                None => by_shard.push((key, vec![batch])),
            }
        }
        let admin = self.admin;
        let mut answers = stream::iter(by_shard)
            .map(async |(key, batches)| {
                let mut outcomes = Vec::with_capacity(batches.len());
                for batch in batches {
                    let outcome = admin.import_batch(&key, &batch).await;
                    outcomes.push((batch, outcome));
                }
                outcomes
            })
            .buffer_unordered(admin.coordinator.concurrency.get());
        let mut done = Vec::new();
        while let Some(outcomes) = answers.next().await {
            done.extend(outcomes);
        }
        drop(answers);
        for (batch, outcome) in done {
            match outcome {
                Ok(imported) => self.add(&batch, imported),
                Err(failure) => self.fail(&batch, failure),
            }
        }
        self.flush_globals().await;
        Ok(())
    }

    fn fail(&mut self, batch: &Batch, failure: ShardFailure) {
        let ShardFailure { code, message, shard_key, timed_out } = failure;
        let (first, last) = batch.lines();
        let shard = shard_key.as_str();
        let at_lines = format!(
            "shard {shard:?} failed, and lines {first} to {last} of its rows may be missing: {message}"
        );
        self.refuse(&code, first, at_lines, "");
        let failed = &mut self.report.failed;
        if failed.len() < Self::MAX_ERRORS
            && failed.iter().all(|known| known.shard_key != shard_key)
        {
            failed.push(FailedShard { message: message.into_owned(), shard_key, timed_out });
        }
    }

    /// Registers a shard before it has rows, which could not be found otherwise.
    async fn register(&mut self, key: &ShardKey, batch: &Batch) -> Result<(), LunoraError> {
        // Rows of a shard that no registry lists are looked for in the default shard; the scratch
        // shard of a drill is never looked for.
        if *key == self.admin.default_shard || ShardKey::is_scratch(key.as_str()) {
            return Ok(());
        }
        for table in batch.tables() {
            let entry = (table.to_owned(), key.clone());
            if !self.registered.contains(&entry) {
                self.admin.coordinator.register(table, key).await?;
                self.registered.insert(entry);
            }
        }
        Ok(())
    }

    fn add(&mut self, batch: &Batch, imported: ImportShardAnswer) {
        self.report.conflicts = self.report.conflicts.saturating_add(imported.conflicts);
        for (table, rows) in imported.inserted {
            let count = self.report.inserted.entry(table.into_owned()).or_default();
            *count = count.saturating_add(rows);
        }
        for mut error in imported.errors {
            error.line = batch.line(error.line);
            self.error(error.into());
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

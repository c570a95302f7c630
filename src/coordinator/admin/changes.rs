//! The change feeds of all shards: read from a cursor per shard, and applied elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, stream};
use serde::{Serialize, ser::SerializeStruct};
use serde_json::value::RawValue;

use super::{AdminCall, ShardAdmin, globals::not_configured, outcome::PublicFailure, read};
pub use crate::wire::operation::ChangeError;
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    platform::{GlobalChanges, GlobalChangesQuery},
    sort,
    wire::{
        ShardKey,
        operation::{ApplyCdc, ApplyCdcAnswer, ApplyCdcArgs, CdcSync, CdcSyncArgs, CdcSyncPage},
        paths::MAX_CHANGES,
    },
};

/// The changes to read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SyncRequest {
    /// The cursor of each shard; a shard without one is read from the beginning.
    pub cursors: BTreeMap<String, u64>,
    /// The maximum number of changes of one shard; the shard's own limit by default.
    pub limit: Option<u32>,
    /// The tables whose shards are asked; every table by default.
    pub tables: Option<Vec<String>>,
    /// The cursor of the [global tables](ShardAdmin::global_tables); without one they are read from the
    /// beginning.
    pub global_cursor: Option<u64>,
}

/// The changes of one shard since its cursor.
///
/// As JSON it is `{"changes","cursor","shardKey"}`, or `{"cursor","error","shardKey"}` with the
/// cursor of the request, so that asking again continues from there.
#[derive(Debug)]
#[non_exhaustive]
pub struct ShardChanges {
    /// The changes, each `{"seq","table","id","op","doc"?,"ts"}`.
    pub changes: Result<Vec<Box<RawValue>>, ShardFailure>,
    /// The new cursor.
    pub cursor: u64,
    /// The key of the shard.
    pub shard_key: ShardKey,
}

/// The changes of every shard.
#[derive(Debug)]
#[non_exhaustive]
pub struct SyncReport {
    /// The number of shards that gave no answer.
    pub failed: usize,
    /// The changes of the global tables, if their database has a log of them.
    pub global: Option<GlobalChanges>,
    /// The number of shards that answered.
    pub ok: usize,
    /// The changes of each shard.
    pub shards: Vec<ShardChanges>,
}

/// Changes to apply to one shard.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApplyBatch {
    /// The key of the shard.
    pub shard_key: ShardKey,
    /// The changes, in the form in which they were read.
    pub changes: Vec<Box<RawValue>>,
}

impl ApplyBatch {
    /// Creates a batch of changes to apply to `shard_key`.
    #[must_use]
    pub fn new(shard_key: ShardKey, changes: Vec<Box<RawValue>>) -> Self {
        Self { shard_key, changes }
    }
}

/// The result of applying changes (docs/wire.md, "Moving data").
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ApplyReport {
    /// The number of changes that were applied.
    pub applied: u64,
    /// The changes that a shard skipped, since their table cannot hold them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ChangeError>,
    /// The number of batches that failed.
    pub failed: usize,
    /// The number of batches that were applied.
    pub ok: usize,
}

impl ShardAdmin {
    /// Applies changes of rows of the [global tables](Self::global_tables), each
    /// `{"table","op","id"?,"doc"?}`, in their order. An invalid one is skipped.
    ///
    /// # Errors
    /// 400 `GLOBAL_NOT_CONFIGURED` if there are no global tables; if their database fails.
    pub async fn apply_global(
        &self,
        changes: &[Box<RawValue>],
    ) -> Result<ApplyReport, LunoraError> {
        let globals = self.globals().ok_or_else(|| not_configured("a change is one"))?;
        let applied = globals.apply(changes).await?;
        Ok(ApplyReport { applied: applied.applied, errors: applied.errors, failed: 0, ok: 1 })
    }

    /// Reads the changes of every shard, each from its own cursor.
    ///
    /// All changes are in memory: an answer that no longer fits into the coordinator's
    /// [`max_total_bytes`](crate::coordinator::QueryCoordinator::max_total_bytes) counts as failed, and is read
    /// again from its cursor.
    ///
    /// # Errors
    /// If the shards cannot be listed; 404 `UNKNOWN_TABLE` for a table that does not exist. A shard
    /// that fails is part of the report. 409 `CDC_LOG_TRIMMED` for a cursor of the global tables from before
    /// their log begins.
    pub async fn sync(&self, request: &SyncRequest) -> Result<SyncReport, LunoraError> {
        if let Some(tables) = &request.tables {
            self.refuse_unknown_tables(tables).await?;
        }
        let mut admin = self.clone();
        let most = admin.coordinator.max_shard_bytes.max(MAX_CHANGES);
        admin.coordinator = admin.coordinator.max_shard_bytes(most);
        let admin = &admin;
        let mut jobs = Vec::new();
        for (index, key) in
            self.shards_holding(request.tables.as_deref()).await?.into_iter().enumerate()
        {
            let since_seq = request.cursors.get(key.as_str()).copied().unwrap_or(0);
            let args =
                CdcSyncArgs { limit: request.limit.map(u64::from), since_seq, until_ts: None };
            jobs.push((index, key, since_seq, AdminCall::of::<CdcSync>(&args)?));
        }
        let mut answers = stream::iter(jobs)
            .map(async |(index, key, since, call)| {
                let answer = admin.ask(&key, &call).await;
                (index, key, since, answer)
            })
            .buffer_unordered(self.coordinator.concurrency.get());
        let mut room = self.coordinator.max_total_bytes;
        let mut shards = Vec::new();
        while let Some((index, key, since, answer)) = answers.next().await {
            let answer = answer.and_then(|result| fits(&key, result, &mut room));
            shards.push((index, ShardChanges::read(key, since, answer)));
        }
        sort::sort_by_key(&mut shards, |(index, _)| *index);
        let shards: Vec<_> = shards.into_iter().map(|(_, changes)| changes).collect();
        let ok = shards.iter().filter(|shard| shard.changes.is_ok()).count();
        let global = self.global_changes(request).await?;
        Ok(SyncReport { failed: shards.len() - ok, global, ok, shards })
    }

    async fn global_changes(
        &self,
        request: &SyncRequest,
    ) -> Result<Option<GlobalChanges>, LunoraError> {
        const LIMIT: u32 = 1000;

        let Some(globals) = self.globals() else { return Ok(None) };
        let (after, tables) = (request.global_cursor.unwrap_or(0), request.tables.clone());
        let limit = request.limit.unwrap_or(LIMIT).clamp(1, LIMIT);
        globals.changes(&GlobalChangesQuery { after, limit, tables }).await
    }

    /// Applies changes, each batch to its shard. Batches of one shard keep their order, and after
    /// one that fails the shard gets no more.
    ///
    /// # Errors
    /// If a batch cannot be written. A shard that fails is part of the report.
    pub async fn apply(&self, batches: Vec<ApplyBatch>) -> Result<ApplyReport, LunoraError> {
        let mut by_shard: Vec<(ShardKey, Vec<AdminCall>)> = Vec::new();
        for ApplyBatch { shard_key, changes } in batches {
            // Applying a change twice has the effect of applying it once.
            let call = AdminCall::of::<ApplyCdc>(&ApplyCdcArgs { changes: &changes })?;
            match by_shard.iter_mut().find(|(key, _)| *key == shard_key) {
                Some((_, calls)) => calls.push(call),
                None => by_shard.push((shard_key, vec![call])),
            }
        }
        let mut reports = stream::iter(by_shard)
            .map(async |(key, calls)| {
                let mut report = ApplyReport::default();
                let mut calls = calls.iter();
                for call in calls.by_ref() {
                    let answer = self.ask(&key, call).await;
                    match answer.and_then(|result| read::<ApplyCdc, _>(&key, &result)) {
                        Ok(ApplyCdcAnswer { applied, errors }) => {
                            report.errors.extend(errors);
                            report.applied += applied;
                            report.ok += 1;
                        }
                        Err(_) => {
                            report.failed += 1;
                            break;
                        }
                    }
                }
                report.failed += calls.len();
                report
            })
            .buffer_unordered(self.coordinator.concurrency.get());
        let mut total = ApplyReport::default();
        while let Some(report) = reports.next().await {
            total.applied = total.applied.saturating_add(report.applied);
            total.errors.extend(report.errors);
            total.failed += report.failed;
            total.ok += report.ok;
        }
        Ok(total)
    }
}

fn fits(key: &ShardKey, result: Bytes, room: &mut usize) -> Result<Bytes, ShardFailure> {
    match room.checked_sub(result.len()) {
        Some(left) => {
            *room = left;
            Ok(result)
        }
        None => {
            let message = "there is no room for these changes: read them with the next call";
            let error = LunoraError::new(Code::PayloadTooLarge, message);
            Err(ShardFailure::public(key, &error, false))
        }
    }
}

impl ShardChanges {
    fn read(shard_key: ShardKey, since: u64, answer: Result<Bytes, ShardFailure>) -> Self {
        match answer.and_then(|result| read::<CdcSync, _>(&shard_key, &result)) {
            Ok(CdcSyncPage { changes, cursor }) => Self { changes: Ok(changes), cursor, shard_key },
            Err(failure) => Self { changes: Err(failure), cursor: since, shard_key },
        }
    }
}

impl Serialize for ShardChanges {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ShardChanges", 3)?;
        match &self.changes {
            Ok(changes) => fields.serialize_field("changes", changes)?,
            Err(failure) => fields.serialize_field("error", &PublicFailure::of(failure))?,
        }
        fields.serialize_field("cursor", &self.cursor)?;
        fields.serialize_field("shardKey", self.shard_key.as_str())?;
        fields.end()
    }
}

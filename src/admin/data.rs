//! Moves data (export, import, change feeds; docs/wire.md, "Moving data"), and manages the registry
//! of shards.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::LocalBoxFuture, stream};
use headers::CacheControl;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminCall, AreaHandler, connector, orchestration::json, registry, unhandled};
use crate::{
    coordinator::{
        ApplyBatch, ExportRequest, ImportTarget, Seal, ShardChanges, SyncReport, SyncRequest,
        not_configured,
    },
    errors::{Code, LunoraError},
    log,
    message::{Body, BodyError, Response},
    platform::GlobalChanges,
    wire::ShardKey,
};

pub(crate) struct Data;

impl AreaHandler for Data {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "export" => export(&mut call).await,
                "import" => import(&mut call).await,
                "sync" => sync(&mut call).await,
                "apply" => apply(&mut call).await,
                "registry/rebuild" => registry::rebuild(&mut call).await,
                "connector/sync" => connector::sync(&mut call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tables {
    #[serde(default)]
    tables: Option<Vec<String>>,
    #[serde(default)]
    allow_empty_registry: bool,
    /// Adds a last line that proves that the export is whole.
    #[serde(default)]
    end: bool,
    /// Adds the shard to each row.
    #[serde(default)]
    shard_keys: bool,
}

/// Streams every row as NDJSON. A shard that fails before the first row is an error; one that fails
/// later breaks the body off. The global tables follow the shards, and the first line says which
/// they are (`"globalTables"`). With `"end": true` the last line is `{"$end":{"rows","sha256"}}`, by
/// which a client can tell a whole export from a partial one. With `"shardKeys": true` a row is
/// `{"table","shardKey","doc"}`, and an import sends it to that shard.
async fn export(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    let Tables { tables, allow_empty_registry, end, shard_keys } = call.body("Export").await?;
    let mut request = ExportRequest::new().tables(names(tables)?.unwrap_or_default());
    request.allow_empty_registry = allow_empty_registry;
    request.with_shard_keys = shard_keys;
    let mut export = call.shard_admin()?.export(request).await?;
    let names: Vec<String> = export.global_tables().into_iter().cloned().collect();
    let mut first = export.next().await?;
    if let Some(chunk) = first.as_mut().filter(|_| !names.is_empty()) {
        chunk.lines = announce(&names, &chunk.lines)?;
    }
    let seal = if end { Some(Seal::new()?) } else { None };
    let rest = stream::once(async { Ok(first) })
        .filter_map(|first| async { first.transpose() })
        .chain(export.into_stream());
    let sealed = stream::try_unfold(Some((Box::pin(rest), seal)), async |state| {
        let Some((mut rest, mut seal)) = state else { return Ok(None) };
        Ok(match (rest.next().await.transpose()?, &mut seal) {
            (Some(chunk), None) => Some((chunk.lines, Some((rest, seal)))),
            (Some(chunk), Some(sealing)) => {
                sealing.add(&chunk.lines, chunk.rows.values().sum()).await?;
                Some((chunk.lines, Some((rest, seal))))
            }
            (None, _) => match seal {
                Some(seal) => Some((seal.finish().await?, None)),
                None => None,
            },
        })
    });
    let lines = sealed.map_err(|error: LunoraError| {
        log::error(&error.to_log_line());
        BodyError::Broken(Box::new(error))
    });
    Ok(Response::body(Body::from_stream(lines))
        .with_header("content-type", "application/x-ndjson")
        .with_typed(CacheControl::new().with_no_store()))
}

/// Adds the global tables of an export to its first line.
fn announce(tables: &[String], lines: &[u8]) -> Result<Bytes, LunoraError> {
    let Some(rest) = lines.strip_prefix(b"{") else { return Ok(Bytes::copy_from_slice(lines)) };
    let mut announced = b"{\"globalTables\":".to_vec();
    serde_json::to_writer(&mut announced, tables).map_err(LunoraError::internal)?;
    announced.push(b',');
    announced.extend_from_slice(rest);
    Ok(announced.into())
}

/// Imports NDJSON of any size. `?shardKey=` puts every row into one shard; otherwise the row's own
/// `shardKey` decides, or its table's rule. The status is 207 if a shard, or the
/// database of the global tables, failed.
async fn import(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    if call.query("mode").is_some_and(|mode| mode != "append") {
        return Err(LunoraError::new(
            Code::ImportFormatUnsupported,
            "an import only adds rows; to replace them, restore a snapshot: POST /_lunora/admin/backup/restore",
        ));
    }
    let target = match call.request.query("shardKey") {
        Some(key) => ImportTarget::Shard(shard_key(key)?),
        None => ImportTarget::Sharding(call.host.sharding().clone()),
    };
    let body = std::mem::take(call.request.body_mut());
    let report = call.shard_admin()?.import(body, &target).await?;
    let answer = json(&report)?;
    Ok(if report.failed.is_empty() && report.global_failure.is_none() {
        answer
    } else {
        answer.with_status(207)
    })
}

async fn sync(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Sync {
        #[serde(default)]
        cursors: BTreeMap<String, u64>,
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        tables: Option<Vec<String>>,
        #[serde(default, rename = "globalCursor")]
        global_cursor: Option<u64>,
    }

    #[derive(Serialize)]
    struct Synced {
        #[serde(skip_serializing_if = "Option::is_none")]
        global: Option<GlobalChanges>,
        shards: Vec<ShardChanges>,
    }

    let Sync { cursors, limit, tables, global_cursor } = call.body("Sync").await?;
    let mut request = SyncRequest::default();
    (request.cursors, request.limit, request.tables) = (cursors, limit, names(tables)?);
    request.global_cursor = global_cursor;
    let SyncReport { global, shards, .. } = call.shard_admin()?.sync(&request).await?;
    json(&Synced { global, shards })
}

/// Applies the valid batches, and skips the invalid ones.
async fn apply(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Apply {
        #[serde(default)]
        batches: Vec<Box<RawValue>>,
        #[serde(default, rename = "globalChanges")]
        global: Vec<Box<RawValue>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Batch {
        shard_key: String,
        changes: Vec<Box<RawValue>>,
    }

    let Apply { batches, global } = call.body("Apply").await?;
    let admin = call.shard_admin()?;
    if !global.is_empty() && !admin.has_globals() {
        return Err(not_configured("`globalChanges` has changes"));
    }
    let batches = batches.into_iter().filter_map(|batch| {
        let Batch { shard_key, changes } = serde_json::from_str(batch.get()).ok()?;
        Some(ApplyBatch::new(ShardKey::new(shard_key).ok()?, changes))
    });
    let mut report = admin.apply(batches.collect()).await?;
    if !global.is_empty() {
        let applied = admin.apply_global(&global).await?;
        report.applied = report.applied.saturating_add(applied.applied);
        report.errors.extend(applied.errors);
        report.ok += applied.ok;
    }
    json(&report)
}

fn names(tables: Option<Vec<String>>) -> Result<Option<Vec<String>>, LunoraError> {
    match tables {
        Some(tables) if tables.iter().any(String::is_empty) => {
            Err(LunoraError::bad_request("`tables` must be names that are not empty"))
        }
        tables => Ok(tables.filter(|tables| !tables.is_empty())),
    }
}

fn shard_key(key: String) -> Result<ShardKey, LunoraError> {
    ShardKey::new(key)
        .map_err(|error| LunoraError::bad_request(format!("invalid `shardKey`: {error}")))
}

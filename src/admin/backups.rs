//! Snapshots: listing, retention, taking, verifying and restoring (docs/wire.md, "Admin endpoints",
//! and what this crate adds).

use futures::future::LocalBoxFuture;
use headers::CacheControl;
use serde::Deserialize;
use serde_json::json;

use super::{
    AdminCall, AdminHost, AreaHandler, HealthCheck, orchestration::json, storage, unhandled,
};
use crate::{
    backup::{BackupTrigger, KnownShards, RestoreRequest},
    errors::{Code, LunoraError},
    message::Response,
    wire::AdminToken,
};

pub(crate) struct BackupRoutes;

impl AreaHandler for BackupRoutes {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "backup/list" => {
                    let backups = call.backups()?;
                    let snapshots = backups.list().await?;
                    json(&json!({ "deployment": backups.deployment(), "snapshots": snapshots }))
                }
                "backup/manifest" => json(&call.backups()?.get(&call.require_query("id")?).await?),
                "backup/retention" => json(&call.backups()?.retention().await?),
                "backup/status" => json(&call.backups()?.status().await?),
                "backup/prune" => prune(&mut call).await,
                "backup/create" => create(&mut call).await,
                "backup/verify" => verify(&mut call).await,
                "backup/drill" => drill(&mut call).await,
                "backup/restore" => restore(&mut call).await,
                "backup/plan" => {
                    json(&call.backups()?.plan_restore(&call.require_query("id")?).await?)
                }
                "backup/lease" => json(&call.backups()?.restore_lease().await?),
                "backup/finish" => finish(&mut call).await,
                "backup/abandon" => json(&call.backups()?.abandon_restore().await?),
                "backup/object" => object(&call).await,
                "storage" => storage::snapshots(&call).await,
                "storage/object" => storage::snapshot(&call, &call.require_query("key")?).await,
                _ => Err(unhandled(&call)),
            }
        })
    }

    fn known_shards<'a>(
        &'a self,
        host: &'a dyn AdminHost,
        token: &'a AdminToken,
    ) -> Option<LocalBoxFuture<'a, Result<KnownShards, LunoraError>>> {
        let backups = host.backups(token)?;
        Some(Box::pin(async move { backups.known_shards().await }))
    }

    fn health_check<'a>(
        &'a self,
        host: &'a dyn AdminHost,
        token: Option<&'a AdminToken>,
    ) -> Option<HealthCheck<'a>> {
        let backups = host.backups(token?)?;
        let run = Box::pin(async move {
            let last = backups.status().await?.into_result()?.last;
            Ok(last.and_then(|last| last.left_out.to_warning()))
        });
        Some(HealthCheck { name: "backup", of_binding: false, run })
    }
}

async fn prune(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Prune {
        confirm: Vec<String>,
    }

    let Prune { confirm } = call.body("Backup prune").await?;
    json(&call.backups()?.prune(&confirm).await?)
}

/// Takes a snapshot now, which retention never deletes, or continues one.
async fn create(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Default, Deserialize)]
    struct Create {
        /// The time of the snapshot to continue, in milliseconds since 1970.
        #[serde(default)]
        time: Option<i64>,
    }

    let Create { time } = call.optional_body("Backup create").await?;
    let now = i64::try_from(call.host.clock().now_ms()).map_err(LunoraError::internal)?;
    let time = time.unwrap_or(now);
    match call.backups()?.take(&BackupTrigger::manual(time)).await {
        Err(error) if error.code() == Code::BackupUnfinished.as_str() => {
            json(&json!({ "unfinished": { "message": error.message(), "time": time } }))
        }
        taken => json(&taken?),
    }
}

async fn verify(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Verify {
        id: String,
    }

    let Verify { id } = call.body("Backup verify").await?;
    json(&call.backups()?.verify(&id).await?)
}

/// Restores a snapshot into a scratch shard; the newest one by default.
async fn drill(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Drill {
        #[serde(default)]
        id: Option<String>,
    }

    let Drill { id } = call.body("Backup drill").await?;
    json(&call.backups()?.drill(id.as_deref()).await?)
}

async fn restore(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    let request: RestoreRequest = call.body("Backup restore").await?;
    json(&call.backups()?.restore(&request).await?)
}

/// Finishes a restore that was started with `hold`.
async fn finish(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Finish {
        lease: u64,
    }

    let Finish { lease } = call.body("Backup finish").await?;
    json(&call.backups()?.finish_restore(lease).await?)
}

/// Returns the rows of a snapshot, as they are stored.
async fn object(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    let id = call.require_query("id")?;
    let body = call.backups()?.read(&id).await?;
    Ok(Response::body(body)
        .with_header("content-type", "application/x-ndjson")
        .with_typed(CacheControl::new().with_no_store()))
}

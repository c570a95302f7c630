//! `scheduled*` of a deployment without a scheduler of its own: the calls that its shards make later.

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::{AdminCall, AreaHandler, orchestration::json, unhandled};
use crate::{
    coordinator::ShardAdmin,
    errors::{Code, LunoraError},
    message::Response,
};

/// The calls that the shards of the deployment make later.
pub(crate) struct ScheduledCalls;

impl AreaHandler for ScheduledCalls {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "scheduled" => json(&call.shard_admin()?.scheduled(false).await?),
                "scheduled/dead" => json(&call.shard_admin()?.scheduled(true).await?),
                "scheduled/status" => status(&call).await,
                "scheduled/cancel" => {
                    let (shards, id) = by_id(&mut call).await?;
                    json(&Cancelled { cancelled: shards.cancel_scheduled(&id).await? })
                }
                "scheduled/dead/cancel" => {
                    let (shards, id) = by_id(&mut call).await?;
                    json(&Removed { removed: shards.cancel_scheduled(&id).await? })
                }
                "scheduled/dead/retry" => {
                    let now_ms = call.host.clock().now_ms();
                    let (shards, id) = by_id(&mut call).await?;
                    json(&Retried { retried: shards.retry_scheduled(&id, now_ms).await? })
                }
                "scheduled/ws" | "scheduled/pool/release" => Err(LunoraError::new(
                    Code::SchedulerNotConfigured,
                    "the shards of this deployment schedule their calls themselves, without pools and without a live list",
                )),
                _ => Err(unhandled(&call)),
            }
        })
    }
}

#[derive(Serialize)]
struct Cancelled {
    cancelled: bool,
}

#[derive(Serialize)]
struct Removed {
    removed: bool,
}

#[derive(Serialize)]
struct Retried {
    retried: bool,
}

async fn status(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        backlog: u64,
        in_flight: u64,
        pools: [(); 0],
    }

    let backlog = call.shard_admin()?.count_scheduled().await?;
    json(&Status { backlog, in_flight: 0, pools: [] })
}

async fn by_id(call: &mut AdminCall<'_>) -> Result<(ShardAdmin, String), LunoraError> {
    #[derive(Deserialize)]
    struct ById {
        id: String,
    }

    let ById { id } = call.body("Scheduled action").await?;
    Ok((call.shard_admin()?, id))
}

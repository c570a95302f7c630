//! Lists of tasks, one shard per list.

mod page;
mod tasks;

use std::time::Duration;

use lunora::{CronJob, DurableShardRegistry, prelude::*, shard::ShardClass};
use tasks::List;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    // Not cached, so that a new list counts at once. The default of 30 seconds saves requests.
    let registry =
        DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?).cache_for(Duration::ZERO);
    Ok(Lunora::builder()
        .shard_do(List::shards(env.durable_object("SHARD")?))
        // Every caller may read and write every list, and query across them. With users:
        // `.resolve_identity(..)` and `.authorize_shard(..)`, and a real `.authorize_fan_out(..)`.
        .allow_unauthenticated_shard_access()
        .query_coordinator(QueryCoordinator::new(registry))
        .authorize_fan_out(async |_access| true)
        .routes(page::routes())
        .cron_job(CronJob::function("tidy", cron!("0 3 * * *"), "tasks:tidy"))
        .build())
}

lunora::serve!(app);

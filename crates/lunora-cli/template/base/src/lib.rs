//! Lists of tasks, one shard per list.

mod page;
mod tasks;

use std::time::Duration;

use lunora::{prelude::*, shard::ShardClass};
use tasks::List;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    // Not cached, so that a new list counts at once. The default of 30 seconds saves requests.
    let registry =
        DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?).cache_for(Duration::ZERO);
    let nightly = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(14))
        .build();

    Ok(Lunora::builder()
        .shard_do(List::shards(env.durable_object("SHARD")?))
        // Every caller may read and write every list, and query across them. With users:
        // `.resolve_identity(..)` and `.authorize_shard(..)`, and a real `.authorize_fan_out(..)`.
        .allow_unauthenticated_shard_access()
        .query_coordinator(QueryCoordinator::new(registry))
        .authorize_fan_out(async |_access| true)
        .functions(List::definition())
        .admin_token(AdminToken::from_env(env)?)
        .backup(nightly)
        .cron_job(CronJob::function("tidy", cron!("0 4 * * *"), "tasks:tidy"))
        .routes(page::routes())
        .build())
}

lunora::serve!(app);

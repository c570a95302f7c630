//! Lists of tasks, each list a shard of its own.

mod tasks;

use lunora::{CronJob, prelude::*};

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        // Everybody may read and write every list. With users:
        // `.resolve_identity(..)` and `.authorize_shard(..)`.
        .allow_unauthenticated_shard_access()
        .cron_job(CronJob::function("tidy", cron!("0 3 * * *"), "tasks:tidy"))
        .build())
}

lunora::serve!(app);

//! A Worker to be measured: it backs its shards up, asks them all, and tells how much memory it
//! took.

use lunora::{builder::VouchedShards, coordinator::StaticShardRegistry, prelude::*};

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let shards: usize = env.var("SHARDS")?.to_string().parse().map_err(LunoraError::internal)?;
    let keys = |shards| (0..shards).map(|shard| format!("shard-{shard}"));
    let mut registry = StaticShardRegistry::new();
    registry = registry.table("rows", keys(shards)).map_err(LunoraError::internal)?;
    // A backup would export these shards too.
    let sizes: &[usize] = if env.var("FAN_OUT").is_ok() { &[1, 10, 100, 1000] } else { &[] };
    for &shards in sizes {
        let table = format!("of-{shards}");
        registry = registry.table(table, keys(shards)).map_err(LunoraError::internal)?;
    }
    let backup =
        BackupConfig::builder().store(env.bucket("BUCKET")?).cron(cron!("0 3 * * *")).build();
    Ok(Lunora::builder()
        .shard_do(VouchedShards::new(env.durable_object("SHARD")?))
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(QueryCoordinator::new(registry))
        .allow_unauthenticated_shard_access()
        .backup(backup)
        .route(route!("GET /memory"), async |_request, _env, _ctx| Response::text(memory()))
        .build())
}

lunora::serve!(app);

/// The bytes of wasm memory. It never shrinks: this is the most that was ever needed.
#[cfg(target_arch = "wasm32")]
fn memory() -> String {
    (core::arch::wasm32::memory_size::<0>() * 65_536).to_string()
}

#[cfg(not(target_arch = "wasm32"))]
fn memory() -> String {
    "0".to_owned()
}

//! A Worker that does nothing but back its shards up, and tells how much memory it took.

use lunora::{PartSize, Sharding, StaticShardRegistry, prelude::*};

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let shards: usize = env.var("SHARDS")?.to_string().parse().map_err(LunoraError::internal)?;
    let keys = (0..shards).map(|shard| format!("shard-{shard}"));
    let registry = StaticShardRegistry::new().table("rows", keys).map_err(LunoraError::internal)?;
    let backup = BackupConfig::builder()
        .store(env.bucket("BUCKET")?)
        .cron(cron!("0 3 * * *"))
        .part_size(PartSize::default())
        .build();
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(QueryCoordinator::new(registry))
        .sharding(Sharding::new())
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

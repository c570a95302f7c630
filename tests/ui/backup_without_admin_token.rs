use lunora::{builder::VouchedShards, prelude::*};

fn app(env: &Env, coordinator: QueryCoordinator, backup: BackupConfig) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(VouchedShards::new(env.durable_object("SHARD")?))
        .backup(backup)
        .query_coordinator(coordinator)
        .build())
}

fn main() {
    let _ = app;
}

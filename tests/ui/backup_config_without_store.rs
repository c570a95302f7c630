use lunora::prelude::*;

fn app(env: &Env, coordinator: QueryCoordinator) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .query_coordinator(coordinator)
        .backup(BackupConfig::builder().cron(cron!("0 3 * * *")).build())
        .build())
}

fn main() {
    let _ = app;
}

use lunora::prelude::*;

fn app(env: &Env, coordinator: QueryCoordinator, backup: BackupConfig) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(coordinator)
        .backup(backup)
        .build())
}

fn main() {
    let _ = app;
}

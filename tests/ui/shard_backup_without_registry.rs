use lunora::{prelude::*, shard::prelude::*};

lunora::shard! {
    pub struct Room;
    functions: {},
}

fn app(env: &Env, coordinator: QueryCoordinator, backup: BackupConfig) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(Room::shards(env.durable_object("SHARD")?))
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(coordinator)
        .backup(backup)
        .build())
}

fn main() {
    let _ = app;
}

use lunora::prelude::*;

fn app(env: &Env, backup: Option<BackupConfig>) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .maybe_backup(backup)
        .build())
}

fn main() {
    let _ = app;
}

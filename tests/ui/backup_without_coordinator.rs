use lunora::{builder::VouchedShards, prelude::*};

fn app(env: &Env, token: AdminToken, backup: BackupConfig) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(VouchedShards::new(env.durable_object("SHARD")?))
        .admin_token(token)
        .backup(backup)
        .build())
}

fn main() {
    let _ = app;
}

use lunora::prelude::*;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .security(Security::default())
        .shard_do(env.durable_object("SHARD")?)
        .security(Security::default())
        .build())
}

fn main() {
    let _ = app;
}

use lunora::prelude::*;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .authorize_fan_out(async |access| access.table == "messages")
        .shard_do(env.durable_object("SHARD")?)
        .build())
}

fn main() {
    let _ = app;
}

use lunora::{platform::Jurisdiction, prelude::*, shard::prelude::*};

lunora::shard! {
    pub struct Room;
    functions: {},
    registry: "SHARD_REGISTRY",
}

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(Room::shards(env.durable_object("SHARD")?))
        .jurisdiction(Jurisdiction::Eu)
        .build())
}

fn main() {
    let _ = app;
}

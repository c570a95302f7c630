//! (d) A shard of lunora, behind a Worker of lunora with the edge on and an identity by bearer token.

mod room;

use lunora::{origin, prelude::*, security::Cors, shard::ShardClass};

pub use room::Room;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder()
        .shard_do(Room::shards(env.durable_object("SHARD")?))
        .security(
            Security::default()
                .cors(Cors::origins([origin!("https://app.example.com")]).allow_credentials()),
        )
        .resolve_identity(async |request, _env| match request.bearer() {
            Some("a-token-for-benchmarks") => Ok(Some(Identity::user("bench"))),
            _ => Err(LunoraError::unauthorized("the token is not valid")),
        })
        .authorize_shard(async |access| access.identity.is_some())
        .build())
}

lunora::serve!(app);

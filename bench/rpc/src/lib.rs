//! (d) A Worker of lunora with the edge on, an identity by bearer token, and queries across shards.

use lunora::{coordinator::StaticShardRegistry, origin, prelude::*, security::Cors};

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let keys = (0..100).map(|shard| format!("shard-{shard}"));
    let registry =
        StaticShardRegistry::new().table("of-100", keys).map_err(LunoraError::internal)?;
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .security(
            Security::default()
                .cors(Cors::origins([origin!("https://app.example.com")]).allow_credentials()),
        )
        .resolve_identity(async |request, _env| match request.bearer() {
            Some("a-token-for-benchmarks") => Ok(Some(Identity::user("bench"))),
            _ => Err(LunoraError::unauthorized("the token is not valid")),
        })
        .authorize_shard(async |access| access.identity.is_some())
        .query_coordinator(QueryCoordinator::new(registry))
        .authorize_fan_out(async |access| access.identity.is_some())
        .route(route!("GET /memory"), async |_request, _env, _ctx| Response::text(memory()))
        .build())
}

lunora::serve!(app);

/// The bytes of wasm memory. It never shrinks: this is the most that was ever needed.
#[cfg(target_arch = "wasm32")]
fn memory() -> String {
    (core::arch::wasm32::memory_size::<0>() * 65_536).to_string()
}

#[cfg(not(target_arch = "wasm32"))]
fn memory() -> String {
    "0".to_owned()
}

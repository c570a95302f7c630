//! A whole call, from the client's bytes to the shard's, on the platform in memory.

use divan::{Bencher, black_box};
use futures::executor::block_on;
use lunora::{
    Identity, Lunora, Request,
    platform::NoopExecutionContext,
    testing::{self, MemoryEnvironment},
};

use super::shards::Instant;

fn app() -> Lunora<MemoryEnvironment> {
    testing::builder()
        .shard_do(Instant(r#"{"result":[]}"#.into()))
        .resolve_identity(async |request, _env| request.bearer().map(Identity::user))
        .authorize_shard(async |access| access.identity.is_some())
        .build()
}

fn request() -> Request {
    let body = r#"{"functionPath":"messages:list","args":{"limit":20},"shardKey":"general"}"#;
    Request::post("https://app.example.com/_lunora/rpc", body)
        .with_header("authorization", "Bearer ada")
        .with_header("content-type", "application/json")
        .with_header("origin", "https://app.example.com")
        .with_header("sec-fetch-site", "same-origin")
        .with_header("user-agent", "Mozilla/5.0")
}

#[divan::bench]
fn one_call(bencher: Bencher<'_, '_>) {
    let (app, env) = (app(), MemoryEnvironment::new());
    bencher.with_inputs(request).bench_local_values(|request| {
        block_on(app.fetch(black_box(request), &env, &NoopExecutionContext))
    });
}

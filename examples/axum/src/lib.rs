//! A backend mounted in the router of [axum](https://docs.rs/axum).

use axum::{Router, body::Body, routing::get};
use lunora::{
    compose::{LunoraHandler, create_lunora_handler},
    entry::LunoraService,
};
use tower_service::Service;
use worker::{Context, Env, HttpRequest, event};

pub use notes::Notes;

thread_local! {
    /// Built by the first request of an isolate. The shards are those of the binding `SHARD`.
    static LUNORA: LunoraHandler = create_lunora_handler(());
}

#[event(fetch)]
async fn fetch(
    request: HttpRequest,
    env: Env,
    ctx: Context,
) -> worker::Result<http::Response<Body>> {
    let lunora = LUNORA.with(|lunora| LunoraService::new(lunora, &env)).with_context(ctx);
    let mut router = Router::new()
        .route("/", get(async || "notes live at /_lunora/rpc"))
        .nest_service("/_lunora", lunora.nested_at("/_lunora"));
    Ok(router.call(request).await?)
}

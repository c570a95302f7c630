//! A Worker whose entry is written by hand, with the backend mounted in the router of the crate
//! `worker`.

use lunora::compose::{LunoraHandler, create_lunora_handler};
use worker::{Context, Env, Request, Response, Router, event};

pub use notes::Notes;

thread_local! {
    /// Built by the first request of an isolate. The shards are those of the binding `SHARD`.
    static LUNORA: LunoraHandler = create_lunora_handler(());
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _ctx: Context) -> worker::Result<Response> {
    Router::new()
        .get("/", |_, _| Response::ok("notes live at /_lunora/rpc"))
        .or_else_any_method_async("/_lunora/*path", |request, route| async move {
            let lunora = LUNORA.with(Clone::clone);
            Response::try_from(lunora.handle(request.try_into()?, &route.env, None).await)
        })
        .run(request, env)
        .await
}

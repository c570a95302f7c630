//! A Worker whose entry is written by hand, with the backend mounted in the router of the crate
//! `worker`.

use lunora::{
    compose::{LunoraHandler, create_lunora_handler},
    shard::Document,
    wire::define_rpc_envelope,
};
use notes::Note;
use serde_json::Map;
use worker::{Context, Env, Request, Response, RouteContext, Router, event};

pub use notes::Notes;

thread_local! {
    /// Built by the first request of an isolate. The shards are those of the binding `SHARD`.
    static LUNORA: LunoraHandler = create_lunora_handler(());
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _ctx: Context) -> worker::Result<Response> {
    Router::new()
        .get("/", |_, _| Response::ok("notes live at /_lunora/rpc"))
        .get_async("/board", board)
        .or_else_any_method_async("/_lunora/*path", |request, route| async move {
            let lunora = LUNORA.with(Clone::clone);
            Response::try_from(lunora.handle(request.try_into()?, &route.env, None).await)
        })
        .run(request, env)
        .await
}

/// A page whose loader asks the backend as the caller of the page.
async fn board(request: Request, route: RouteContext<()>) -> worker::Result<Response> {
    let lunora = LUNORA.with(Clone::clone);
    let request = request.try_into()?;
    let call = define_rpc_envelope("notes:list", &Map::new())?;
    match lunora.server_query::<Vec<Document<Note>>>(&request, &route.env, &call).await {
        Ok(notes) => Response::from_html(format!("<h1>{} notes</h1>", notes.len())),
        Err(error) => Response::error(error.message(), error.status().as_u16()),
    }
}

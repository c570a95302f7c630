//! A framework's Worker with pages, a trigger and a queue of its own, around a backend.

use lunora::{
    compose::{FrameworkWorker, resolve_lunora_options, with_framework_worker},
    events::QueueBatch,
    function,
    functions::FunctionRef,
    prelude::*,
    routing::RouteContext,
    schedule::ScheduledEvent,
    shard::Document,
};
use notes::Note;
use serde_json::Map;

pub use notes::Notes;

const LIST: FunctionRef = function!("notes:list");
const ADD: FunctionRef = function!("notes:add");

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(with_framework_worker(Site, resolve_lunora_options(env)?))
}

lunora::serve!(app, queue);

/// What a framework generates: it handles what the backend does not.
struct Site;

impl FrameworkWorker<Env> for Site {
    async fn fetch(
        &self,
        request: Request,
        _env: &Env,
        ctx: &RouteContext<'_>,
    ) -> Result<Response, LunoraError> {
        if request.path() != "/" {
            return Ok(Response::html("<h1>Not found</h1>").with_status(404));
        }
        let notes: Vec<Document<Note>> = ctx.run_query(LIST, &Map::new()).await?;
        Ok(Response::html(format!("<h1>{} notes</h1>", notes.len())))
    }

    async fn scheduled(
        &self,
        event: ScheduledEvent,
        _env: &Env,
        ctx: &RouteContext<'_>,
    ) -> Result<(), LunoraError> {
        let note = Note { text: format!("it is {}", event.cron()) };
        ctx.run_mutation::<Document<Note>>(ADD, &note).await.map(drop)
    }

    async fn queue(
        &self,
        batch: &QueueBatch,
        _env: &Env,
        ctx: &RouteContext<'_>,
    ) -> Result<(), LunoraError> {
        for message in batch.messages() {
            ctx.run_mutation::<Document<Note>>(ADD, message.body()).await?;
            message.ack();
        }
        Ok(())
    }
}

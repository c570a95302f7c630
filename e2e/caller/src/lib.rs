//! A Worker that calls a deployment by the Rust client, for its tests.

use std::time::Duration;

use lunora_client::{Client, Error};
use serde_json::json;
use worker::{Context, Env, Request, Response, Result, event};

/// Calls the deployment at the origin in the query, and answers what it read.
#[event(fetch)]
async fn fetch(request: Request, _env: Env, _ctx: Context) -> Result<Response> {
    let url = request.url()?;
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name);
    let origin = parameter("origin").map(|(_, value)| value.into_owned()).unwrap_or_default();
    match call(&origin).await {
        Ok(texts) => Response::from_json(&texts),
        Err(error) => Response::error(format!("{error:?}"), 500),
    }
}

async fn call(origin: &str) -> std::result::Result<serde_json::Value, Error> {
    let client = Client::new(origin)?;
    let add = json!({ "count": 1, "bytes": 0, "label": "wasm" });
    let added: u32 = client.mutation("notes:add", &add).shard("wasm").await?;
    let notes: Vec<serde_json::Value> = client.query("notes:list", &()).shard("wasm").await?;
    let texts: Vec<_> = notes.into_iter().map(|note| note["text"].clone()).collect();
    let n = (1_u64 << 53) + 1;
    let (next, _): (u64, f64) = client.query("drill:beyond", &json!({ "n": n })).await?;
    let absent = client.query::<_, ()>("notes:absent", &()).await.err();
    let code = absent.and_then(|error| error.code().map(str::to_owned));
    let hurried = client.query::<_, ()>("notes:list", &()).timeout(Duration::ZERO).await.err();
    let timed_out = matches!(hurried, Some(Error::Transport(error)) if error.is_timeout());
    Ok(
        json!({ "added": added, "texts": texts, "next": next.to_string(), "code": code, "timedOut": timed_out }),
    )
}

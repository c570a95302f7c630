//! (e) The smallest Worker of workers-rs that gets a call to its shard.

use serde::Deserialize;
use worker::{Context, Env, Headers, Method, Request, RequestInit, Response, Result, event};

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "shardKey")]
    shard_key: String,
}

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _ctx: Context) -> Result<Response> {
    let namespace = env.durable_object("SHARD")?;
    if request.path() == "/_lunora/ws" {
        let url = request.url()?;
        let key = url.query_pairs().find(|(name, _)| name == "shard");
        let key = key.map(|(_, key)| key.into_owned()).unwrap_or_default();
        return namespace.get_by_name(&key)?.fetch_with_request(request).await;
    }
    let body = request.text().await?;
    let envelope: Envelope = serde_json::from_str(&body)?;
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body.into()));
    let call = Request::new_with_init("https://shard.internal/rpc", &init)?;
    namespace.get_by_name(&envelope.shard_key)?.fetch_with_request(call).await
}

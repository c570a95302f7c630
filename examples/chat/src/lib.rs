//! A chat: one shard a channel, a signed bearer token for a name, messages in SQLite, and a query
//! across the channels.

mod page;
mod registry;
mod room;
mod session;

use lunora::{DurableShardRegistry, prelude::*};
use serde::Deserialize;

pub use registry::ShardRegistry;
pub use room::Room;
use session::Sessions;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let sessions = Sessions::from_env(env)?;
    let signing = sessions.clone();
    let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);

    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .resolve_identity(async move |request, _env| sessions.identify(request))
        .authorize_shard(async |access| access.identity.is_some())
        .query_coordinator(QueryCoordinator::new(registry))
        .authorize_fan_out(async |access| access.identity.is_some())
        .routes(page::routes())
        .route(route!("GET /curl"), async |request, _env, _ctx| greeting(&request))
        .route(route!("POST /api/sign-in"), async move |request, _env, _ctx| {
            sign_in(&signing, request).await
        })
        .cron(cron!("*/5 * * * *"), async |event, _env, _ctx| {
            worker::console_log!("tick {}", event.cron());
        })
        .build())
}

lunora::serve!(app);

/// What to type, for whoever prefers a shell.
fn greeting(request: &Request) -> Response {
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let host = request.uri().authority().map_or("127.0.0.1:8787", |authority| authority.as_str());
    Response::text(GREETING.replace("ORIGIN", &format!("{scheme}://{host}")))
}

const GREETING: &str = r#"A chat on lunora: one shard a channel, messages in SQLite. In a shell:

  TOKEN=$(curl -s ORIGIN/api/sign-in -d '{"name":"ada"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"messages:send","shardKey":"general","args":{"text":"hello"}}'

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"messages:list","shardKey":"general"}'

What was said last, in every channel:

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"__lunora_relation__:messages","args":{"table":"messages"},
         "fanOut":{"table":"messages","merge":{"kind":"topK","k":10,"by":"_creationTime"}}}'

"#;

/// Anybody may take any name: it is an example of tokens, not of passwords.
async fn sign_in(sessions: &Sessions, mut request: Request) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct SignIn {
        name: String,
    }

    let SignIn { name } = request.json(1024).await?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 40 {
        return Err(LunoraError::new(Code::ValidationError, "name must have 1 to 40 characters"));
    }
    Response::json(&sessions.sign_in(name)?)
}

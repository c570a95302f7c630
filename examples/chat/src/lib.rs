//! A chat: one shard a channel, a signed bearer token for a name, messages in SQLite.

mod room;
mod session;

use lunora::prelude::*;
use serde::Deserialize;

pub use room::Room;
use session::Sessions;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let sessions = Sessions::from_env(env)?;
    let signing = sessions.clone();

    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .resolve_identity(async move |request, _env| sessions.identify(request))
        .authorize_shard(async |access| access.identity.is_some())
        .route(route!("GET /"), async |_request, _env, _ctx| Response::text(GREETING))
        .route(route!("POST /api/sign-in"), async move |request, _env, _ctx| {
            sign_in(&signing, request).await
        })
        .cron(cron!("*/5 * * * *"), async |event, _env, _ctx| {
            worker::console_log!("tick {}", event.cron());
        })
        .build())
}

lunora::serve!(app);

const GREETING: &str = "\
A chat on lunora.

Sign in:   POST /api/sign-in   {\"name\":\"ada\"}                 -> {\"token\": ...}
Send:      POST /_lunora/rpc   {\"functionPath\":\"messages:send\",\"shardKey\":\"general\",\"args\":{\"text\":\"hello\"}}
Read:      POST /_lunora/rpc   {\"functionPath\":\"messages:list\",\"shardKey\":\"general\"}
Listen:    GET  /_lunora/ws?shard=general   (WebSocket)

Every call but the first carries `Authorization: Bearer <token>`.
";

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

//! A chat: one shard per channel, signed bearer tokens, messages in SQLite, queries across all
//! channels, and a nightly backup with a restore drill.

mod page;
mod registry;
mod room;
mod session;

use std::time::Duration;

use lunora::{platform::Bindings, prelude::*, shard::ShardClass};
use serde::Deserialize;

pub use registry::ShardRegistry;
pub use room::Room;
use session::Sessions;

/// Builds the Worker: on Cloudflare, and in the simulated deployment of its tests.
fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
    let sessions = Sessions::from_env(env)?;
    let signing = sessions.clone();
    // Not cached, so that a new channel is listed at once. The default of 30 seconds saves requests.
    let registry =
        DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?).cache_for(Duration::ZERO);
    let nightly = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(14))
        .drill(cron!("0 5 * * SUN"))
        .build();

    Ok(Lunora::builder_for::<E>()
        .shard_do(Room::shards(env.durable_object("SHARD")?))
        .resolve_identity(async move |request, _env| sessions.identify(request))
        .authorize_shard(async |access| access.identity.is_some())
        .query_coordinator(QueryCoordinator::new(registry))
        .authorize_fan_out(async |access| access.identity.is_some())
        .functions(Room::definition())
        .admin_token(AdminToken::from_env(env)?)
        .backup(nightly)
        .operator_page()
        .routes(page::routes())
        .route(route!("GET /curl"), async |request, _env, _ctx| greeting(&request))
        .route(route!("POST /api/sign-in"), async move |request, _env, _ctx| {
            sign_in(&signing, request).await
        })
        .build())
}

lunora::serve!(app::<Env>);

/// Returns the calls to paste into a shell.
fn greeting(request: &Request) -> Response {
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let host = request.uri().authority().map_or("127.0.0.1:8787", |authority| authority.as_str());
    Response::text(GREETING.replace("ORIGIN", &format!("{scheme}://{host}")))
}

const GREETING: &str = r#"A chat on lunora: one shard per channel, messages in SQLite. In a shell:

  TOKEN=$(curl -s ORIGIN/api/sign-in -d '{"name":"ada"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"messages:send","shardKey":"general","args":{"text":"hello"}}'

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"messages:list","shardKey":"general"}'

The last messages of all channels:

  curl -s ORIGIN/_lunora/rpc -H "authorization: Bearer $TOKEN" \
    -d '{"functionPath":"messages:list","args":{},
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use lunora::testing::{Faults, SocketEvent, World, simulate};
    use serde_json::json;

    use super::*;

    /// A message that is sent again with its id until it is acknowledged is stored once, shown once,
    /// and in the snapshot once, whatever is lost or restarted meanwhile.
    #[test]
    fn shows_and_backs_up_every_acknowledged_message_exactly_once() {
        simulate(0..100, |world| {
            let secret = "a-secret-for-tests-only";
            world.shards::<Room>("SHARD").registry("SHARD_REGISTRY").var("AUTH_SECRET", secret);
            world.var("LUNORA_ADMIN_TOKEN", "a-token-for-tests-and-nothing-else");
            world.worker(app).faults(Faults { crashes: 0, ..Faults::all() });
            let people = ["ada", "bob"].map(|name| {
                let client = world.client().with_header("authorization", &token(world, name));
                world.spawn(async move {
                    for n in 0..5 {
                        let id = format!("{name}-{n}");
                        let sender = client.clone().with_header("x-lunora-mutation-id", &id);
                        let message = json!({ "text": id });
                        while !sender
                            .call("general", "messages:send", &message)
                            .await
                            .is_ok_and(|it| it.is_ok())
                        {}
                    }
                })
            });
            world.run();
            world.faults(Faults::none());
            assert!(people.iter().all(|person| person.take().is_some()));
            let mut texts = window(world);
            texts.sort();
            let sent = ["ada", "bob"].into_iter();
            let sent: Vec<_> =
                sent.flat_map(|name| (0..5).map(move |n| format!("{name}-{n}"))).collect();
            assert_eq!(texts, sent);
            assert_eq!(backed_up(world), sent);
        });
    }

    /// Runs the nightly backup, and returns the messages of its snapshot.
    fn backed_up(world: &World) -> Vec<String> {
        let run = world.trigger("0 3 * * *");
        world.run();
        assert_eq!(run.take(), Some(Some(Ok(()))));
        let store = world.store("BACKUPS");
        let key = store.objects().keys().into_iter().find(|key| key.ends_with(".ndjson"));
        let snapshot = store.objects().object(&key.unwrap()).unwrap();
        let rows = String::from_utf8(snapshot.bytes.to_vec()).unwrap();
        let rows =
            rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let texts = rows.filter_map(|row| row["doc"]["text"].as_str().map(str::to_owned));
        let mut texts: Vec<_> = texts.collect();
        texts.sort();
        texts
    }

    fn token(world: &World, name: &str) -> String {
        let (client, name) = (world.client(), json!({ "name": name }));
        let session = world.wait(async move {
            loop {
                if let Ok(answer) = client.post("/api/sign-in", &name).await
                    && answer.is_ok()
                {
                    return answer.body;
                }
            }
        });
        format!("Bearer {}", session.unwrap()["token"].as_str().unwrap())
    }

    /// Returns the messages that a window shows when it opens now.
    fn window(world: &World) -> Vec<String> {
        let client = world.client().with_header("authorization", &token(world, "eve"));
        let socket = world.wait(async move { client.connect("general").await.unwrap() }).unwrap();
        socket.subscribe("sub_1", "messages:list", &json!({}));
        world.run();
        let frames = socket.take();
        let Some(SocketEvent::Frame(frame)) = frames.last() else { unreachable!("{frames:?}") };
        assert_eq!(frame["type"], "data", "{frames:?}");
        let texts = frame["data"].as_array().into_iter().flatten();
        texts.filter_map(|message| message["text"].as_str().map(str::to_owned)).collect()
    }
}

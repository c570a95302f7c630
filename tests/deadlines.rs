//! Rules of time: how long the Worker waits for one shard.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use futures::executor::block_on;
use lunora::{
    Clock, Lunora, LunoraError, NoopExecutionContext, Request, Response, define_rpc_envelope,
    function, route,
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace, capture_logs},
};
use serde_json::{Map, Value, json};

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |_, request: Request| {
        Response::raw_json(match request.path() {
            "/rpc-batch" => r#"{"results":[{"id":1,"status":200,"body":{"result":1}}]}"#,
            _ => r#"{"result":1}"#,
        })
    })
}

fn app(
    shards: &MemoryNamespace,
    clock: &ManualClock,
    timeout: Option<Duration>,
) -> Lunora<MemoryEnvironment> {
    let builder = testing::builder()
        .shard_do(shards.clone())
        .clock(clock.clone())
        .allow_unauthenticated_shard_access()
        .route(route!("GET /query"), async |_request, _env, ctx| {
            ctx.run_query::<u8>(function!("a:b"), &json!({})).await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        });
    match timeout {
        Some(timeout) => builder.shard_timeout(timeout).build(),
        None => builder.build(),
    }
}

fn ask(app: &Lunora<MemoryEnvironment>, clock: &ManualClock, request: Request) -> (u16, Value) {
    let env = MemoryEnvironment::new();
    let answer = app.fetch(request, &env, &NoopExecutionContext);
    let (head, body) = block_on(clock.run(answer)).into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(format!("https://app.test{path}"), body.to_string())
}

fn get(path: &str) -> Request {
    Request::get(format!("https://app.test{path}"))
}

#[test]
fn a_shard_that_hangs_is_given_up_on_every_path_to_it() {
    let requests: [fn() -> Request; 3] = [
        || post("/_lunora/rpc", &json!({ "functionPath": "a:b" })),
        || get("/_lunora/ws").with_header("upgrade", "websocket"),
        || get("/query"),
    ];
    for request in requests {
        for (timeout, after_ms) in [(None, 30_000), (Some(Duration::from_secs(2)), 2_000)] {
            let (shards, clock, _logs) = (shards(), ManualClock::new(0), capture_logs());
            shards.shard("__root__").hangs();
            let app = app(&shards, &clock, timeout);
            let (status, body) = ask(&app, &clock, request());
            assert_eq!((status, &body["error"]["code"]), (503, &json!("SHARD_UNAVAILABLE")));
            assert!(body["error"]["message"].as_str().unwrap().contains("timed out"), "{body}");
            assert_eq!((shards.abandoned(), clock.now_ms()), (1, after_ms));
        }
    }
}

#[test]
fn a_server_query_is_given_up_in_time() {
    let (shards, clock) = (shards(), ManualClock::new(0));
    shards.shard("__root__").hangs();
    let app = app(&shards, &clock, None);
    let (page, env) = (get("/page"), MemoryEnvironment::new());
    let envelope = define_rpc_envelope("a:b", &Map::new()).unwrap();
    let error = block_on(clock.run(app.server_query::<u8>(&page, &env, &envelope))).unwrap_err();
    assert_eq!((error.code(), error.status().as_u16()), ("SHARD_UNAVAILABLE", 503));
    assert_eq!(shards.abandoned(), 1);
}

#[test]
fn a_shard_that_hangs_fails_its_own_slots_of_a_batch() {
    let (shards, clock, _logs) = (shards(), ManualClock::new(0), capture_logs());
    shards.shard("slow").hangs();
    let app = app(&shards, &clock, None);
    let calls = json!({ "calls": [
        { "functionPath": "a:b", "shardKey": "slow" },
        { "functionPath": "a:b", "shardKey": "quick" },
    ]});
    let (status, body) = ask(&app, &clock, post("/_lunora/rpc-batch", &calls));
    assert_eq!(status, 200);
    let slot = &body["results"][0];
    assert_eq!(
        (&slot["status"], &slot["body"]["error"]["code"]),
        (&json!(502), &json!("SHARD_UNAVAILABLE"))
    );
    assert_eq!(body["results"][1], json!({ "id": 1, "status": 200, "body": { "result": 1 } }));
    assert_eq!((shards.abandoned(), clock.now_ms()), (1, 30_000));
}

#[test]
fn an_answer_in_time_leaves_no_timer_behind() {
    let (shards, clock) = (shards(), ManualClock::new(0));
    let app = app(&shards, &clock, None);
    let call = json!({ "functionPath": "a:b" });
    shards.shard("__root__").takes(Duration::from_secs(29), &clock);
    assert_eq!(ask(&app, &clock, post("/_lunora/rpc", &call)).0, 200);
    assert_eq!((clock.now_ms(), clock.sleepers()), (29_000, 0));
}

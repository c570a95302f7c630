//! Rules of time: how long the Worker waits for one shard.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use futures::executor::block_on;
use lunora::{
    AdminToken, Lunora, LunoraError, Request, Response,
    coordinator::{QueryCoordinator, StaticShardRegistry},
    cron, function,
    operate::Scheduler,
    platform::{Clock, NoopExecutionContext},
    route,
    schedule::{CronJob, ScheduledEvent},
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace, capture_logs},
    wire::define_rpc_envelope,
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
fn asks_few_shards_of_a_batch_at_once_within_one_timeout() {
    let (shards, clock, _logs) = (shards(), ManualClock::new(0), capture_logs());
    let keys: Vec<String> = (0..40).map(|shard| format!("shard-{shard:02}")).collect();
    let calls: Vec<_> =
        keys.iter().map(|key| json!({ "functionPath": "a:b", "shardKey": key })).collect();
    let calls = json!({ "calls": calls });
    let codes = |body: serde_json::Value| -> Vec<String> {
        let slots = body["results"].as_array().unwrap().iter();
        let code =
            |slot: &serde_json::Value| slot["body"]["error"]["code"].as_str().map(str::to_owned);
        slots.map(|slot| code(slot).unwrap_or_default()).collect()
    };
    for key in &keys {
        shards.shard(key.as_str()).takes(Duration::from_secs(9), &clock);
    }
    let app = app(&shards, &clock, None);
    let (_, body) = ask(&app, &clock, post("/_lunora/rpc-batch", &calls));
    assert!(codes(body).iter().all(|code| code != "SHARD_UNAVAILABLE"));
    assert_eq!((shards.max_in_flight(), clock.now_ms()), (16, 27_000));

    for key in &keys {
        shards.shard(key.as_str()).hangs();
    }
    let asked = shards.calls().len();
    let (_, body) = ask(&app, &clock, post("/_lunora/rpc-batch", &calls));
    assert_eq!(codes(body), vec!["SHARD_UNAVAILABLE"; 40]);
    // Those that waited behind the first were not asked.
    assert_eq!((shards.calls().len() - asked, clock.now_ms()), (16, 57_000));
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

const TOKEN: &str = "correct-horse-battery-staple";

/// An application with a cron job and a scheduler, whose objects hang.
fn operated(
    shards: &MemoryNamespace,
    scheduler: &MemoryNamespace,
    clock: &ManualClock,
) -> Lunora<MemoryEnvironment> {
    shards.shard("__root__").hangs();
    scheduler.shard("default").hangs();
    testing::builder()
        .shard_do(shards.clone())
        .clock(clock.clone())
        .shard_timeout(Duration::from_secs(2))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()).clock(clock.clone()))
        .cron_job(CronJob::function("sweep", cron!("0 * * * *"), "messages:sweep"))
        .scheduler(Scheduler::new(scheduler.clone()))
        .build()
}

#[test]
fn a_cron_job_whose_shard_hangs_fails_in_time() {
    let (shards, scheduler, clock) = (shards(), shards(), ManualClock::new(0));
    let app = operated(&shards, &scheduler, &clock);
    let (env, event) = (MemoryEnvironment::new(), ScheduledEvent::new("0 * * * *", 0));
    let ran = block_on(clock.run(app.scheduled(event, &env, &NoopExecutionContext)));
    let error = ran.unwrap_err().to_string();
    assert!(
        error.contains("CRON_JOB_FAILED") && error.contains("timed out after 2000 ms"),
        "{error}"
    );
    assert_eq!((shards.abandoned(), clock.now_ms()), (1, 2_000));
}

#[test]
fn an_object_that_hangs_is_given_up_on_every_path_of_operators() {
    let dispatch = json!({ "functionPath": "a:b", "id": "j1" });
    let pitr = json!({ "functionPath": "__lunora_admin__:getPitrBookmark" });
    let cases: [(Request, (u16, &str), [usize; 2]); 7] = [
        (post("/_lunora/admin/pitr", &pitr), (503, "SHARD_UNAVAILABLE"), [1, 0]),
        (
            post("/_lunora/admin/cron-jobs/run", &json!({ "name": "sweep" })),
            (500, "CRON_JOB_FAILED"),
            [1, 0],
        ),
        (post("/_lunora/scheduler/dispatch", &dispatch), (503, "SHARD_UNAVAILABLE"), [1, 0]),
        (get("/_lunora/admin/scheduled"), (503, "SHARD_UNAVAILABLE"), [0, 1]),
        (
            post("/_lunora/admin/scheduled/cancel", &json!({ "id": "j1" })),
            (503, "SHARD_UNAVAILABLE"),
            [0, 1],
        ),
        (
            post("/_lunora/admin/scheduled/pool/release", &json!({ "pool": "mail" })),
            (503, "SHARD_UNAVAILABLE"),
            [0, 1],
        ),
        (
            get("/_lunora/admin/scheduled/ws").with_header("upgrade", "websocket"),
            (503, "SHARD_UNAVAILABLE"),
            [0, 1],
        ),
    ];
    for (request, (status, code), [from_shards, from_scheduler]) in cases {
        let (shards, scheduler, clock) = (shards(), shards(), ManualClock::new(0));
        let (app, _logs) = (operated(&shards, &scheduler, &clock), capture_logs());
        let path = request.path().to_owned();
        let request = request.with_header("authorization", format!("Bearer {TOKEN}"));
        let answer = ask(&app, &clock, request);
        assert_eq!((answer.0, &answer.1["error"]["code"]), (status, &json!(code)), "{path}");
        let abandoned = [shards.abandoned(), scheduler.abandoned()];
        assert_eq!((abandoned, clock.now_ms()), ([from_shards, from_scheduler], 2_000), "{path}");
    }
}

#[test]
fn a_place_in_a_pool_is_given_back_in_time() {
    let (shards, scheduler, clock, logs) =
        (shards(), shards(), ManualClock::new(0), capture_logs());
    let app = operated(&shards, &scheduler, &clock);
    let dispatch =
        json!({ "functionPath": "a:b", "id": "j1", "pool": "mail", "shardKey": "quick" });
    let request = post("/_lunora/scheduler/dispatch", &dispatch)
        .with_header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(ask(&app, &clock, request).0, 200);
    assert_eq!((scheduler.abandoned(), clock.now_ms()), (1, 2_000));
    assert!(logs.lines().iter().any(|line| line.contains("the scheduler timed out")));
}

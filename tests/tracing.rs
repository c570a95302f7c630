//! The trace of a request: on its way to the shards, in the log, and in its record.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc};

use futures::executor::block_on;
use lunora::{
    Lunora, LunoraError, Request, Response,
    coordinator::{QueryCoordinator, StaticShardRegistry},
    cron, function,
    platform::{NoopExecutionContext, ShardCallError},
    route,
    routing::{RequestKind, RequestOutcome, RequestRecord},
    schedule::ScheduledEvent,
    testing::{
        self, ManualClock, MemoryContext, MemoryEnvironment, MemoryNamespace, RecordedCall,
        capture_logs,
    },
    wire::RpcEnvelope,
};
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const FAN_OUT: &str = r#"{"functionPath":"a:b","fanOut":{"table":"t","merge":{"kind":"concat"}}}"#;
const BATCH: &str =
    r#"{"calls":[{"functionPath":"a:b"},{"functionPath":"a:b","shardKey":"other"}]}"#;

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |_address, _request| {
        Response::raw_json(r#"{"result":null,"results":[]}"#)
    })
}

fn app(shards: MemoryNamespace) -> Lunora<MemoryEnvironment> {
    let registry = StaticShardRegistry::new().table("t", ["a", "b"]).unwrap();
    testing::builder()
        .shard_do(shards)
        .query_coordinator(QueryCoordinator::new(registry).clock(ManualClock::new(0)))
        .allow_unauthenticated_shard_access()
        .route(route!("GET /query"), async |_request, _env, ctx| {
            ctx.run_query::<Option<u8>>(function!("a:b"), &json!({})).await?;
            ctx.functions()
                .as_server()
                .run_query::<Option<u8>>(function!("a:b"), &json!({}))
                .await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        })
        .route(route!("GET /seen"), async |request, _env, _ctx| {
            Response::text(request.header("traceparent").unwrap_or("absent").to_owned())
        })
        .cron(cron!("0 3 * * *"), async |_event, _env, ctx| {
            ctx.run_query::<Option<u8>>(function!("a:b"), &json!({})).await.map(drop)
        })
        .build()
}

fn post(path: &str, body: &str) -> Request {
    Request::post(format!("https://app.test{path}"), body.to_owned())
}

fn get(path: &str) -> Request {
    Request::get(format!("https://app.test{path}"))
}

/// Every way from a request to a shard, with the number of calls that it makes.
fn ways_to_a_shard() -> Vec<(&'static str, usize, Request)> {
    vec![
        ("rpc", 1, post("/_lunora/rpc", r#"{"functionPath":"a:b"}"#)),
        ("fan-out", 2, post("/_lunora/rpc", FAN_OUT)),
        ("batch", 2, post("/_lunora/rpc-batch", BATCH)),
        ("upgrade", 1, get("/_lunora/ws").with_header("upgrade", "websocket")),
        ("route", 2, get("/query")),
    ]
}

/// Sends the request, and returns the calls of shards.
fn calls_of(request: Request) -> Vec<RecordedCall> {
    let shards = shards();
    let app = app(shards.clone());
    let answer = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    assert_eq!(answer.status(), 200);
    shards.calls()
}

fn all<'a>(call: &'a RecordedCall, name: &str) -> Vec<&'a str> {
    call.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

/// Returns the ids of the trace and of the span that a call names.
fn trace_of(call: &RecordedCall) -> (String, String) {
    let values = all(call, "traceparent");
    assert_eq!(values.len(), 1, "{values:?}");
    let parts: Vec<&str> = values[0].split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{values:?}");
    assert_eq!((parts[1].len(), parts[2].len()), (32, 16), "{values:?}");
    (parts[1].to_owned(), parts[2].to_owned())
}

#[test]
fn continues_the_trace_of_the_caller_with_a_span_of_its_own() {
    for (way, count, request) in ways_to_a_shard() {
        let request = request
            .with_header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
            .with_header("tracestate", "vendor=1")
            .with_header("tracestate", "other=2");
        let calls = calls_of(request);
        assert_eq!(calls.len(), count, "{way}");
        for call in &calls {
            let (trace, span) = trace_of(call);
            assert_eq!(trace, TRACE, "{way}");
            assert_ne!(span, SPAN, "{way}");
            assert_eq!(all(call, "tracestate"), ["vendor=1,other=2"], "{way}");
            assert_eq!(trace_of(&calls[0]).1, span, "{way}");
        }
    }
}

#[test]
fn starts_a_trace_in_place_of_an_absent_or_malformed_one() {
    let malformed: [&[&str]; 6] = [
        &[],
        &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
        &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
        &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
        &["01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        &[
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ],
    ];
    for values in malformed {
        for (way, _, mut request) in ways_to_a_shard() {
            for value in values {
                request = request.with_header("traceparent", value);
            }
            let calls = calls_of(request.with_header("tracestate", "vendor=1"));
            for call in &calls {
                assert_ne!(trace_of(call).0.to_ascii_lowercase(), TRACE, "{way} {values:?}");
                assert_eq!(trace_of(call), trace_of(&calls[0]), "{way} {values:?}");
                assert_eq!(all(call, "tracestate"), Vec::<&str>::new(), "{way} {values:?}");
            }
        }
    }
}

#[test]
fn starts_another_trace_for_each_request() {
    let shards = shards();
    let app = app(shards.clone());
    let env = MemoryEnvironment::new();
    for _ in 0..2 {
        let request = post("/_lunora/rpc", r#"{"functionPath":"a:b"}"#);
        block_on(app.fetch(request, &env, &NoopExecutionContext));
    }
    let event = ScheduledEvent::new("0 3 * * *", 0);
    block_on(app.scheduled(event, &env, &NoopExecutionContext)).unwrap();
    let mut traces: Vec<_> = shards.calls().iter().map(|call| trace_of(call).0).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 3);
}

#[test]
fn continues_the_trace_of_a_page_in_its_queries() {
    let shards = shards();
    let app = app(shards.clone());
    let env = MemoryEnvironment::new();
    let page = get("/").with_header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    let call = RpcEnvelope::from_slice(br#"{"functionPath":"a:b"}"#).unwrap();
    block_on(app.server_query::<Option<u8>>(&page, &env, &call)).unwrap();
    block_on(app.server_query_response(&page, &env, &call));
    for call in &shards.calls() {
        let (trace, span) = trace_of(call);
        assert_eq!(trace, TRACE);
        assert_ne!(span, SPAN);
    }
    assert_eq!(shards.calls().len(), 2);
}

#[test]
fn gives_a_handler_the_trace_to_pass_on() {
    let app = app(shards());
    let seen = |request: Request| {
        let answer = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
        let body = block_on(answer.into_parts().1.into_bytes(usize::MAX)).unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let traced = seen(get("/seen").with_header("traceparent", format!("00-{TRACE}-{SPAN}-01")));
    assert!(traced.starts_with(&format!("00-{TRACE}-")) && !traced.contains(SPAN), "{traced}");
    assert_eq!(seen(get("/seen").with_header("traceparent", "invalid")).len(), 55);
}

#[test]
fn logs_the_trace_of_a_request_with_each_of_its_lines() {
    let shards = shards();
    let broken = |key| ShardCallError::unavailable(key, "moving");
    for key in ["__root__", "other", "a"] {
        shards.shard(key).fails(broken);
    }
    let app = app(shards);
    let logs = capture_logs();
    let clock = ManualClock::new(0);
    for (_, _, request) in ways_to_a_shard() {
        let request = request.with_header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
        let env = MemoryEnvironment::new();
        block_on(clock.run(app.fetch(request, &env, &NoopExecutionContext)));
    }
    let lines = logs.lines();
    assert!(lines.len() >= 5, "{lines:?}");
    let trace = format!(" [trace {TRACE}]");
    assert!(lines.iter().all(|line| line.ends_with(&trace)), "{lines:?}");
}

/// Answers the request with an application that records it, and returns the records.
fn records_of(requests: Vec<Request>) -> Vec<Value> {
    let logs = capture_logs();
    let registry = StaticShardRegistry::new().table("t", ["a", "b"]).unwrap();
    let app = testing::builder()
        .shard_do(shards())
        .query_coordinator(QueryCoordinator::new(registry).clock(ManualClock::new(0)))
        .allow_unauthenticated_shard_access()
        .route(route!("GET /hello"), async |_request, _env, _ctx| Response::text("hello"))
        .http_router(async |_request, _env, _ctx| Response::text("page").with_status(404))
        .log_requests()
        .build();
    for request in requests {
        block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    }
    let records = logs.lines();
    records
        .iter()
        .map(|line| serde_json::from_str(line.strip_prefix("info: ").unwrap()).unwrap())
        .collect()
}

#[test]
fn records_each_request_as_one_line_without_what_it_carried() {
    let secret = r#"{"functionPath":"a:b","args":{"password":"hunter2"},"shardKey":"secret-key"}"#;
    let records = records_of(vec![
        post("/_lunora/rpc?token=hunter2", secret)
            .with_header("authorization", "Bearer hunter2")
            .with_header("traceparent", format!("00-{TRACE}-{SPAN}-01")),
        post("/_lunora/rpc", FAN_OUT),
        post("/_lunora/rpc-batch", BATCH),
        get("/_lunora/ws?shard=a").with_header("upgrade", "websocket"),
        get("/hello"),
        get("/elsewhere"),
        get("/_lunora/status"),
        post("/_lunora/rpc", "hunter2"),
    ]);
    let kinds: Vec<_> = records
        .iter()
        .map(|it| {
            (
                it["kind"].as_str().unwrap(),
                it["status"].as_u64().unwrap(),
                it["shardKeys"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("rpc", 200, 1),
        ("fanOut", 200, 2),
        ("batch", 200, 2),
        ("upgrade", 200, 1),
        ("route", 200, 0),
        ("fallback", 404, 0),
        ("status", 200, 0),
        ("rpc", 400, 0),
    ];
    assert_eq!(kinds, expected);
    let first = &records[0];
    assert_eq!((&first["method"], &first["functionPath"]), (&json!("POST"), &json!("a:b")));
    assert_eq!((&first["outcome"], &first["durationMs"]), (&json!("success"), &json!(0)));
    assert_eq!(first["traceId"], TRACE);
    assert_ne!(first["spanId"], SPAN);
    let last = &records[7];
    assert_eq!((&last["code"], &last["outcome"]), (&json!("BAD_REQUEST"), &json!("refused")));
    for secret in ["hunter2", "secret-key", "password"] {
        assert!(!json!(records).to_string().contains(secret), "{secret}");
    }
}

#[test]
fn answers_before_a_sink_that_panics_begins() {
    let clock = ManualClock::new(0);
    let app = testing::builder()
        .shard_do(shards())
        .clock(clock.clone())
        .on_request(async |_record| std::panic::resume_unwind(Box::new("the sink is broken")))
        .build();
    let ctx = MemoryContext::new();
    let answer = block_on(app.fetch(get("/_lunora/status"), &MemoryEnvironment::new(), &ctx));
    assert_eq!((answer.status().as_u16(), ctx.pending()), (200, 1));
    let sink = std::panic::AssertUnwindSafe(|| block_on(clock.run(ctx.finish())));
    assert!(std::panic::catch_unwind(sink).is_err());
}

#[test]
fn records_the_span_that_shards_are_sent() {
    let (shards, clock) = (shards(), ManualClock::new(0));
    let records = Rc::new(RefCell::new(Vec::new()));
    let sink = records.clone();
    let app = testing::builder()
        .shard_do(shards.clone())
        .clock(clock.clone())
        .on_request(async move |record: RequestRecord| sink.borrow_mut().push(record))
        .build();
    let ctx = MemoryContext::new();
    let request = post("/_lunora/rpc", r#"{"functionPath":"a:b"}"#);
    block_on(app.fetch(request, &MemoryEnvironment::new(), &ctx));
    block_on(clock.run(ctx.finish()));
    let records = records.borrow();
    let sent = trace_of(&shards.calls()[0]);
    assert_eq!((&records[0].trace_id, &records[0].span_id), (&sent.0, &sent.1));
    assert_eq!((records[0].kind, records[0].outcome), (RequestKind::Rpc, RequestOutcome::Success));
}

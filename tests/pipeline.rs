//! What the pipeline does where the wire cases' application does not go: defaults, logs, triggers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures::executor::block_on;
use http::{HeaderName, Method};
use lunora::{
    AdminToken, Body, Code, Identity, Lunora, LunoraError, Request, Response,
    backup::BackupConfig,
    builder::VouchedShards,
    coordinator::{DurableShardRegistry, QueryCoordinator, ShardRegistry, StaticShardRegistry},
    cron, origin,
    platform::{Environment, Jurisdiction, LocationHint, NoopExecutionContext, ShardCallError},
    schedule::{CronJob, ScheduledEvent},
    security::{Cors, Security},
    testing::{
        self, ManualClock, MemoryContext, MemoryEnvironment, MemoryNamespace, MemoryObjectStore,
        capture_logs,
    },
};

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |address, _request| {
        Response::raw_json(format!(r#"{{"result":"{}"}}"#, address.key))
    })
}

fn call(app: &Lunora<MemoryEnvironment>, body: &str) -> (u16, String) {
    fetch(app, Request::post("https://app.test/_lunora/rpc", body.to_owned()))
}

fn fetch(app: &Lunora<MemoryEnvironment>, request: Request) -> (u16, String) {
    let response = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    let (parts, body) = response.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

const DEFAULT_SHARD: &str = r#"{"functionPath":"a:b"}"#;
const OTHER_SHARD: &str = r#"{"functionPath":"a:b","shardKey":"other"}"#;
const EVERY_SHARD: &str =
    r#"{"functionPath":"a:b","fanOut":{"table":"t","merge":{"kind":"concat"}}}"#;
const RELATION: &str = r#"{"functionPath":"__lunora_relation__:t","args":{"table":"t"},"fanOut":{"table":"t","merge":{"kind":"concat"}}}"#;

#[test]
fn without_a_gate_the_default_shard_is_open_and_every_other_is_closed() {
    let app = testing::builder().shard_do(shards()).build();
    assert_eq!(call(&app, DEFAULT_SHARD), (200, r#"{"result":"__root__"}"#.into()));
    let (status, body) = call(&app, OTHER_SHARD);
    assert_eq!(status, 403);
    assert!(body.contains("FORBIDDEN_SHARD"), "{body}");
}

#[test]
fn naming_the_default_shard_is_no_way_around_anything() {
    let app =
        testing::builder().shard_do(shards()).default_shard_key("main".parse().unwrap()).build();
    assert_eq!(call(&app, DEFAULT_SHARD).1, r#"{"result":"main"}"#);
    assert_eq!(call(&app, r#"{"functionPath":"a:b","shardKey":"main"}"#).0, 200);
    assert_eq!(call(&app, r#"{"functionPath":"a:b","shardKey":"__root__"}"#).0, 403);
}

#[test]
fn a_gate_is_asked_about_the_default_shard_too() {
    let app = testing::builder().shard_do(shards()).authorize_shard(async |_| false).build();
    assert_eq!(call(&app, DEFAULT_SHARD).0, 403);
}

#[test]
fn opening_the_shards_opens_them_where_no_gate_says_otherwise() {
    let open = testing::builder().shard_do(shards()).allow_unauthenticated_shard_access().build();
    assert_eq!(call(&open, OTHER_SHARD).0, 200);
    let gated = testing::builder()
        .shard_do(shards())
        .allow_unauthenticated_shard_access()
        .authorize_shard(async |_| false)
        .build();
    assert_eq!(call(&gated, OTHER_SHARD).0, 403);
}

#[test]
fn the_gate_for_one_shard_never_covers_queries_across_shards() {
    let coordinator = || QueryCoordinator::new(StaticShardRegistry::new());
    let app = testing::builder()
        .shard_do(shards())
        .query_coordinator(coordinator())
        .authorize_shard(async |_| true)
        .build();
    let (status, body) = call(&app, EVERY_SHARD);
    assert_eq!(status, 403);
    assert!(body.contains("FORBIDDEN_FANOUT"), "{body}");

    let open = testing::builder()
        .shard_do(shards())
        .query_coordinator(coordinator())
        .allow_unauthenticated_shard_access()
        .build();
    assert_ne!(call(&open, EVERY_SHARD).0, 403);
    assert_eq!(call(&open, RELATION).0, 403, "a relation read needs the gate always");
}

#[test]
fn refuses_a_fan_out_without_a_coordinator_before_anybody_is_identified() {
    let app = testing::builder()
        .shard_do(shards())
        .resolve_identity(async |_request, _env| -> Option<Identity> {
            unreachable!("the resolver is not called")
        })
        .build();
    let (status, body) = call(&app, EVERY_SHARD);
    assert_eq!(status, 400);
    assert!(body.contains("needs a query coordinator"), "{body}");
}

#[test]
fn a_relation_read_names_one_table() {
    let app = testing::builder()
        .shard_do(shards())
        .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()))
        .authorize_fan_out(async |_| true)
        .build();
    let two = RELATION.replace(r#""args":{"table":"t"}"#, r#""args":{"table":"secrets"}"#);
    assert_eq!(call(&app, &two).0, 400);
}

#[test]
fn what_is_the_servers_fault_is_logged_once_and_what_is_the_clients_is_not() {
    let namespace = shards();
    namespace.shard("__root__").fails(|key| ShardCallError::unavailable(key, "disk full"));
    let app = testing::builder().shard_do(namespace).build();
    let logs = capture_logs();
    assert_eq!(call(&app, DEFAULT_SHARD).0, 503);
    assert_eq!(logs.lines().len(), 1, "{:?}", logs.lines());
    assert!(logs.lines()[0].contains("disk full"));
    for bad in ["", "[]", OTHER_SHARD] {
        assert!(call(&app, bad).0 < 500);
    }
    assert_eq!(logs.lines().len(), 1, "{:?}", logs.lines());
}

#[test]
fn an_upgrade_of_the_shard_is_not_touched() {
    let namespace = MemoryNamespace::new(async |_, _| Response::empty().with_status(101));
    let app = testing::builder().shard_do(namespace).build();
    let request = Request::get("https://app.test/_lunora/ws").with_header("upgrade", "websocket");
    let response = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    assert_eq!(response.status(), 101);
    assert!(response.headers().is_empty());
}

#[test]
fn promises_https_over_https() {
    let app = testing::builder().shard_do(shards()).build();
    let answer = |url: &str| {
        block_on(app.fetch(Request::get(url), &MemoryEnvironment::new(), &NoopExecutionContext))
    };
    assert!(
        answer("https://app.test/_lunora/status")
            .headers()
            .contains_key("strict-transport-security")
    );
    assert!(
        !answer("http://app.test/_lunora/status")
            .headers()
            .contains_key("strict-transport-security")
    );
}

#[test]
fn a_status_without_a_body_is_for_head() {
    let app = testing::builder().shard_do(shards()).build();
    let head = Request::new(http::Method::HEAD, "https://app.test/_lunora/status", "");
    assert_eq!(fetch(&app, head), (200, String::new()));
}

#[test]
fn shards_are_placed_as_configured() {
    let namespace = shards();
    let app = testing::builder()
        .shard_do(namespace.clone())
        .jurisdiction(Jurisdiction::Eu)
        .shard_region(|_| Some(LocationHint::Oceania))
        .build();
    assert_eq!(call(&app, DEFAULT_SHARD).0, 200);
    let address = &namespace.calls()[0].address;
    assert_eq!((address.jurisdiction, address.location_hint), (Some(Jurisdiction::Eu), None));
}

#[test]
fn the_registry_is_in_the_jurisdiction_of_the_shards() {
    let objects = MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"shardKeys":[]}"#));
    let registry = DurableShardRegistry::new(objects.clone()).clock(ManualClock::new(0));
    let app = testing::builder()
        .query_coordinator(QueryCoordinator::new(registry.clone()))
        .jurisdiction(Jurisdiction::Eu)
        .shard_do(shards())
        .build();
    drop(app);
    block_on(registry.list_shard_keys("messages")).unwrap();
    assert_eq!(objects.calls()[0].address.jurisdiction, Some(Jurisdiction::Eu));
}

#[test]
fn a_resolver_sees_the_request_and_the_environment() {
    let app = testing::builder()
        .shard_do(shards())
        .resolve_identity(async |request, env: &MemoryEnvironment| {
            let known = env.var("KNOWN_USER")?;
            request.cookie("user").filter(|user| **user == known).map(Identity::user)
        })
        .authorize_shard(async |access| access.identity.is_some())
        .build();
    let env = MemoryEnvironment::new().with_var("KNOWN_USER", "ada");
    let ask = |cookie: &str| {
        let request = Request::post("https://app.test/_lunora/rpc", DEFAULT_SHARD)
            .with_header("cookie", cookie)
            .with_header("origin", "https://app.test");
        block_on(app.fetch(request, &env, &NoopExecutionContext)).status()
    };
    assert_eq!(ask("user=ada"), 200);
    assert_eq!(ask("user=bob"), 403);
}

#[test]
fn background_work_outlives_the_answer() {
    let app = testing::builder()
        .shard_do(shards())
        .route(lunora::route!("GET /later"), async |_request, _env, ctx| {
            ctx.wait_until(async {});
            Response::text("now")
        })
        .build();
    let ctx = MemoryContext::new();
    let request = Request::get("https://app.test/later");
    assert_eq!(block_on(app.fetch(request, &MemoryEnvironment::new(), &ctx)).status(), 200);
    assert_eq!(ctx.pending(), 1);
    block_on(ctx.finish());
    assert_eq!(ctx.pending(), 0);
}

#[test]
fn a_resolver_leaves_work_for_after_the_answer_whichever_way_the_call_came() {
    let visits = std::rc::Rc::new(std::cell::Cell::new(0));
    let counted = visits.clone();
    let app = testing::builder()
        .shard_do(shards())
        .resolve_identity(async move |_request, env: &MemoryEnvironment| {
            let visits = counted.clone();
            env.wait_until(Box::pin(async move { visits.set(visits.get() + 1) }));
            Some(Identity::user("ada"))
        })
        .build();
    let env = MemoryEnvironment::new();
    let request = Request::post("https://app.test/_lunora/rpc", DEFAULT_SHARD);
    assert_eq!(block_on(app.fetch(request, &env, &NoopExecutionContext)).status(), 200);
    let page = Request::get("https://app.test/");
    let call = lunora::wire::RpcEnvelope::from_slice(DEFAULT_SHARD.as_bytes()).unwrap();
    assert_eq!(block_on(app.server_query_response(&page, &env, &call)).status(), 200);
    assert_eq!((env.tasks().pending(), visits.get()), (2, 0));
    block_on(env.tasks().finish());
    assert_eq!(visits.get(), 2);
}

fn fire(app: &Lunora<MemoryEnvironment>, cron: &str) -> Result<(), Vec<String>> {
    let event = ScheduledEvent::new(cron, 1_700_000_000_000);
    block_on(app.scheduled(event, &MemoryEnvironment::new(), &NoopExecutionContext)).map_err(
        |error| error.failures().iter().map(|failure| failure.message().to_owned()).collect(),
    )
}

#[test]
fn every_handler_of_a_trigger_runs_and_every_failure_is_reported() {
    let ran = std::rc::Rc::new(std::cell::Cell::new(0));
    let (first, last) = (ran.clone(), ran.clone());
    let app = testing::builder()
        .shard_do(shards())
        .cron(cron!("0 3 * * *"), async move |_, _, _| first.set(first.get() + 1))
        .cron(cron!("0 3 * * *"), async |_, _, _| {
            Err::<(), _>(LunoraError::new(Code::Conflict, "one"))
        })
        .cron(cron!("0 3 * * *"), async |_, _, _| {
            Err::<(), _>(LunoraError::new(Code::Conflict, "two"))
        })
        .cron(cron!("0 3 * * *"), async move |_, _, _| last.set(last.get() + 1))
        .cron(cron!("0 4 * * *"), async |_, _, _| {
            Err::<(), _>(LunoraError::new(Code::Conflict, "other"))
        })
        .build();
    assert_eq!(fire(&app, "0 3 * * *"), Err(vec!["one".into(), "two".into()]));
    assert_eq!(ran.get(), 2);
}

#[test]
fn a_trigger_that_nothing_is_registered_for_is_a_warning_that_lists_what_is() {
    let app =
        testing::builder().shard_do(shards()).cron(cron!("0 3 * * *"), async |_, _, _| {}).build();
    let logs = capture_logs();
    assert_eq!(fire(&app, "0 3 * * * "), Ok(()));
    assert_eq!(logs.lines().len(), 1);
    assert!(logs.lines()[0].contains("registered are: 0 3 * * *"), "{:?}", logs.lines());
}

#[test]
fn a_backup_that_fails_fails_the_run_and_leaves_nothing() {
    let (store, shards) = (MemoryObjectStore::new(), shards());
    shards.shard("__root__").fails(|key| ShardCallError::unavailable(key, "moving"));
    let coordinator = QueryCoordinator::new(StaticShardRegistry::new()).clock(ManualClock::new(0));
    let app = testing::builder()
        .shard_do(VouchedShards::new(shards))
        .query_coordinator(coordinator)
        .admin_token(AdminToken::new("correct-horse-battery-staple").unwrap())
        .backup(
            BackupConfig::builder()
                .store(store.clone())
                .cron(cron!("0 5 * * *"))
                .allow_empty_registry(true)
                .build(),
        )
        .clock(ManualClock::new(0))
        .build();
    let failures = fire(&app, "0 5 * * *").unwrap_err();
    assert!(failures[0].contains("the backup failed: shard \"__root__\""), "{failures:?}");
    assert!(store.keys().is_empty());
}

#[test]
fn a_cron_job_runs_beside_the_handlers_and_one_failure_masks_none() {
    let shards = MemoryNamespace::new(async |address, _request| match address.key.as_str() {
        "broken" => Err(LunoraError::new(Code::Conflict, "the shard's own reason")),
        _ => Ok(Response::raw_json(r#"{"result":null}"#)),
    });
    let job = |name: &str, key: &str| {
        CronJob::function(name, cron!("0 4 * * *"), "rooms:sweep")
            .with_shard_key(key.parse().unwrap())
    };
    let app = testing::builder()
        .shard_do(shards.clone())
        .authorize_shard(async |_| false)
        .cron(cron!("0 4 * * *"), async |_, _, _| {
            Err::<(), _>(LunoraError::bad_request("the handler failed"))
        })
        .cron_jobs([job("first", "a"), job("second", "broken"), job("third", "c")])
        .cron_job(CronJob::function("another", cron!("0 5 * * *"), "rooms:count"))
        .cron_job(job("first", "replaced"))
        .build();
    let event = ScheduledEvent::new("0 4 * * *", 7_000);
    let error =
        block_on(app.scheduled(event.clone(), &MemoryEnvironment::new(), &NoopExecutionContext))
            .unwrap_err();
    assert_eq!(error.failures().len(), 2);
    let text = error.to_string();
    assert!(text.contains("the handler failed"), "{text}");
    assert!(text.contains("`second` failed: 409 CONFLICT: the shard's own reason"), "{text}");

    let keys: Vec<_> = shards.calls().iter().map(|call| call.address.key.to_string()).collect();
    assert_eq!(keys, ["broken", "c", "replaced"]);
    for call in shards.calls() {
        assert_eq!(call.header("x-lunora-system"), Some("1"));
        assert_eq!(call.header("authorization"), None);
    }
    // A trigger that fires twice for one time is one and the same to the shard.
    let id = |at: usize| shards.calls()[at].header("x-lunora-mutation-id").map(str::to_owned);
    assert_eq!(id(2).as_deref(), Some("cron-first-7000"));
    let _ = block_on(app.scheduled(event, &MemoryEnvironment::new(), &NoopExecutionContext));
    assert_eq!(id(5), id(2));
}

#[test]
fn a_trigger_of_a_cron_job_is_known() {
    let app = testing::builder()
        .shard_do(shards())
        .cron_job(CronJob::function("sweep", cron!("0 5 * * *"), "rooms:sweep"))
        .build();
    let logs = capture_logs();
    let fire = |cron: &str| {
        let event = ScheduledEvent::new(cron, 0);
        block_on(app.scheduled(event, &MemoryEnvironment::new(), &NoopExecutionContext)).unwrap();
    };
    fire("0 5 * * *");
    assert!(logs.lines().is_empty());
    fire("0 6 * * *");
    assert!(logs.lines()[0].contains("registered are: 0 5 * * *"), "{:?}", logs.lines());
}

#[test]
fn a_preflight_names_the_methods_and_headers_that_cors_allows() {
    let cors = Cors::origins([origin!("https://page.example")])
        .allow_methods([Method::POST, Method::DELETE])
        .allow_headers([HeaderName::from_static("x-request")])
        .expose_headers([HeaderName::from_static("x-answer")]);
    let app =
        testing::builder().shard_do(shards()).security(Security::default().cors(cors)).build();
    let answer = |request: Request| {
        block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext))
    };
    let url = "https://app.test/_lunora/rpc";
    let from_page = |request: Request| request.with_header("origin", "https://page.example");
    let preflight = from_page(Request::new(Method::OPTIONS, url, Body::empty()))
        .with_header("access-control-request-method", "POST")
        .with_header("access-control-request-headers", "x-request, x-lunora-mutation-id, x-other");
    let preflight = answer(preflight);
    let listed = |response: &Response, name: &str, value: &str| {
        let list = response.headers()[name].to_str().unwrap().to_ascii_lowercase();
        list.split(',').any(|listed| listed.trim() == value)
    };
    assert_eq!(preflight.headers()["access-control-allow-methods"], "POST, DELETE");
    assert!(listed(&preflight, "access-control-allow-headers", "x-request"));
    assert!(listed(&preflight, "access-control-allow-headers", "x-lunora-mutation-id"));
    assert!(!listed(&preflight, "access-control-allow-headers", "x-other"));

    let called = answer(from_page(Request::post(url, DEFAULT_SHARD)));
    assert!(listed(&called, "access-control-expose-headers", "x-answer"));
}

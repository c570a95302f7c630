//! The scheduler's jobs, and its dispatches.

use serde_json::json;

use super::*;
use crate::{
    operate::Scheduler,
    platform::ShardCallError,
    testing::{ManualClock, capture_logs},
    wire::signature,
};

const SECRET: &str = "the-schedulers-own-secret";

fn object() -> MemoryNamespace {
    MemoryNamespace::new(async |_, request| match request.path() {
        "/ws" => Response::empty().with_status(101),
        _ => Response::raw_json(r#"{"records":[]}"#),
    })
}

#[test]
fn operators_reach_the_scheduler_by_its_own_paths() {
    let scheduler = object();
    let app = with_token().scheduler(Scheduler::new(scheduler.clone())).build();
    for path in ["", "/dead", "/status", "?cursor=a%26b"] {
        assert_eq!(get(&app, &format!("/_lunora/admin/scheduled{path}")).status, 200, "{path}");
    }
    for path in ["cancel", "dead/retry", "dead/cancel"] {
        let path = format!("/_lunora/admin/scheduled/{path}");
        assert_eq!(post(&app, &path, r#"{"id":"j1","more":1}"#).status, 200);
        for bad in ["", "{}", r#"{"id":""}"#, r#"{"id":7}"#, "[]"] {
            assert_eq!(post(&app, &path, bad).error().0, 400, "{bad}");
        }
    }
    let release = "/_lunora/admin/scheduled/pool/release";
    assert_eq!(post(&app, release, r#"{"pool":"mail"}"#).status, 200);
    assert_eq!(post(&app, release, r#"{"pool":"mail","id":"j1"}"#).status, 200);
    assert_eq!(post(&app, release, r#"{"id":"j1"}"#).error().0, 400);

    let calls: Vec<_> = scheduler
        .calls()
        .iter()
        .map(|call| {
            assert_eq!(call.address.key.as_str(), "default");
            assert_eq!(call.header("authorization"), None);
            format!("{} {} {}", call.method, call.url, call.text().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        calls,
        [
            "GET https://scheduler.internal/list ",
            "GET https://scheduler.internal/dead ",
            "GET https://scheduler.internal/status ",
            "GET https://scheduler.internal/list?cursor=a%26b ",
            r#"POST https://scheduler.internal/cancel {"id":"j1"}"#,
            r#"POST https://scheduler.internal/dead/retry {"id":"j1"}"#,
            r#"POST https://scheduler.internal/dead/cancel {"id":"j1"}"#,
            r#"POST https://scheduler.internal/complete {"pool":"mail"}"#,
            r#"POST https://scheduler.internal/complete {"id":"j1","pool":"mail"}"#,
        ]
    );
}

#[test]
fn without_a_scheduler_its_routes_say_so() {
    let app = with_token().build();
    let answer = get(&app, "/_lunora/admin/scheduled");
    assert_eq!(answer.error(), (400, "SCHEDULER_NOT_CONFIGURED".into()));
    assert!(answer.body.contains(".scheduler(..)"));
}

#[test]
fn a_live_connection_accepts_a_minted_token_in_its_url() {
    let scheduler = object();
    let clock = ManualClock::new(1_000);
    let configure = |required: Option<bool>| {
        let builder =
            with_token().scheduler(Scheduler::new(scheduler.clone())).clock(clock.clone());
        match required {
            Some(required) => builder.require_ephemeral_ws_token(required).build(),
            None => builder.build(),
        }
    };
    let open = |app: &Lunora<MemoryEnvironment>, env: &MemoryEnvironment, token: &str| {
        let request = request("GET", &format!("/_lunora/admin/scheduled/ws?token={token}"), "")
            .with_header("upgrade", "websocket")
            .with_header("sec-websocket-key", "k")
            .with_header("cookie", "session=1");
        // The clock does not advance here: an upgrade has no `Origin` header, as from a program.
        send(app, env, request).status
    };
    let env = MemoryEnvironment::new();
    let minted = signature::mint_ws_token(&AdminToken::new(TOKEN).unwrap(), 61_000);
    let app = configure(None);
    assert_eq!(open(&app, &env, &minted), 101);
    let carried: Vec<_> = scheduler.calls()[0].headers.keys().map(ToString::to_string).collect();
    assert_eq!(carried, ["upgrade", "sec-websocket-key", "traceparent"]);
    assert_eq!(scheduler.calls()[0].url, "https://scheduler.internal/ws");

    assert_eq!(open(&app, &env, TOKEN), 403, "the admin token itself stays out of URLs");
    assert_eq!(open(&app, &env, "v1.61000.AAAA"), 403);
    assert_eq!(open(&app, &env, ""), 403);
    assert_eq!(open(&configure(Some(false)), &env, TOKEN), 101);
    let lax = MemoryEnvironment::new().with_var("LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN", "off");
    assert_eq!(open(&app, &lax, TOKEN), 101);
    assert_eq!(open(&configure(Some(true)), &lax, TOKEN), 403);

    // A token in the URL only opens sockets.
    let path = format!("/_lunora/admin/scheduled?token={minted}");
    assert_eq!(send(&app, &env, request("GET", &path, "")).status, 403);
    let plain = get(&app, "/_lunora/admin/scheduled/ws");
    assert_eq!(plain.error(), (426, "BAD_REQUEST".into()));
}

#[test]
fn a_foreign_page_opens_no_socket_with_credentials_that_a_browser_adds() {
    let app = testing::builder()
        .shard_do(shards())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .admin_gate(async |request, _, _| request.cookie("operator").is_some())
        .scheduler(Scheduler::new(object()))
        .clock(ManualClock::new(1_000))
        .build();
    let open = |origin: Option<&str>, path: &str| {
        let mut request = request("GET", path, "")
            .with_header("upgrade", "websocket")
            .with_header("cookie", "operator=ada");
        if let Some(origin) = origin {
            request = request.with_header("origin", origin);
        }
        send(&app, &MemoryEnvironment::new(), request).status
    };
    let path = "/_lunora/admin/scheduled/ws";
    assert_eq!(open(Some("https://app.test"), path), 101);
    assert_eq!(open(Some("https://evil.test"), path), 403);
    // A token in the URL passes from any page, since the page itself must know it.
    let minted = signature::mint_ws_token(&AdminToken::new(TOKEN).unwrap(), 61_000);
    assert_eq!(open(Some("https://studio.test"), &format!("{path}?token={minted}")), 101);
}

fn dispatch(body: &str) -> Request {
    request("POST", "/_lunora/scheduler/dispatch", body.to_owned())
        .with_header("sec-fetch-site", "none")
}

fn signed(body: &str) -> Request {
    dispatch(body).with_header(
        "x-lunora-scheduler-signature",
        signature::sign(SECRET.as_bytes(), body.as_bytes()),
    )
}

fn with_secret() -> MemoryEnvironment {
    MemoryEnvironment::new().with_var("LUNORA_SCHEDULER_SECRET", SECRET)
}

const CALL: &str = r#"{"functionPath":"mail:send","args":{"to":9007199254740993},"shardKey":"room:1","scheduledFor":5,"id":"j1"}"#;

#[test]
fn a_signed_dispatch_reaches_its_shard_as_the_server() {
    let shards = shards();
    let app = testing::builder().shard_do(shards.clone()).authorize_shard(async |_| false).build();
    let request = signed(CALL)
        .with_header("x-lunora-userid", "mallory")
        .with_header("x-lunora-identity", "e30");
    let answer = send(&app, &with_secret(), request);
    assert_eq!((answer.status, &*answer.body), (200, r#"{"result":null}"#));
    let [call] = &shards.calls()[..] else { unreachable!("one call") };
    assert_eq!(call.address.key.as_str(), "room:1");
    assert_eq!(call.text(), Some(r#"{"args":{"to":9007199254740993},"functionPath":"mail:send"}"#));
    let headers: Vec<_> = call
        .headers
        .iter()
        .filter(|(name, _)| *name != "traceparent")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        ["content-type: application/json", "x-lunora-system: 1", "x-lunora-mutation-id: j1"]
    );
}

#[test]
fn an_unauthenticated_dispatch_is_refused() {
    let shards = shards();
    let app = testing::builder()
        .shard_do(shards.clone())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .admin_gate(async |_, _, _| true)
        .build();
    let other = signature::sign(b"another secret", CALL.as_bytes());
    let tampered = CALL.replace("room:1", "room:2");
    let unvouched = [
        dispatch(CALL),
        dispatch(CALL).with_header("x-lunora-scheduler-signature", ""),
        dispatch(CALL).with_header("x-lunora-scheduler-signature", &other),
        dispatch(&tampered).with_header(
            "x-lunora-scheduler-signature",
            signature::sign(SECRET.as_bytes(), CALL.as_bytes()),
        ),
        dispatch(CALL).with_header("authorization", "Bearer wrong"),
    ];
    for request in unvouched {
        let answer = send(&app, &with_secret(), request);
        assert_eq!(answer.error(), (403, "DISPATCH_UNAUTHENTICATED".into()));
    }
    // Without a secret nothing can be signed, not even an empty secret.
    for env in
        [MemoryEnvironment::new(), MemoryEnvironment::new().with_var("LUNORA_SCHEDULER_SECRET", "")]
    {
        let empty = dispatch(CALL)
            .with_header("x-lunora-scheduler-signature", signature::sign(b"", CALL.as_bytes()));
        assert_eq!(send(&app, &env, empty).error().0, 403);
    }
    assert!(shards.calls().is_empty());
}

#[test]
fn an_operator_dispatches_with_the_token_for_any_user() {
    let shards = shards();
    let app = testing::builder()
        .shard_do(shards.clone())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .build();
    let request = dispatch(r#"{"functionPath":"mail:send","args":null}"#)
        .with_header("authorization", BEARER)
        .with_header("x-lunora-userid", "ada")
        .with_header("cookie", "session=1");
    assert_eq!(send(&app, &MemoryEnvironment::new(), request).status, 200);
    let [call] = &shards.calls()[..] else { unreachable!("one call") };
    assert_eq!(call.address.key.as_str(), "__root__");
    assert_eq!(call.header("x-lunora-userid"), Some("ada"));
    for absent in ["authorization", "cookie", "x-lunora-mutation-id"] {
        assert_eq!(call.header(absent), None);
    }
}

#[test]
fn a_dispatch_that_cannot_be_read_is_400() {
    let app = with_token().build();
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"functionPath":7}"#,
        r#"{"functionPath":""}"#,
        r#"{"functionPath":"a:b","args":[]}"#,
        r#"{"functionPath":"a:b","id":"two\nlines"}"#,
    ] {
        assert_eq!(send(&app, &with_secret(), signed(body)).error().0, 400, "{body}");
    }
    for body in [
        r#"{"functionPath":"__lunora_admin__:clearTable"}"#,
        r#"{"functionPath":"__lunora_relation__:users"}"#,
        r#"{"functionPath":"a:b","shardKey":"x::replica::y"}"#,
    ] {
        assert_eq!(send(&app, &with_secret(), signed(body)).error().0, 403, "{body}");
    }
    let answer = send(&app, &with_secret(), request("GET", "/_lunora/scheduler/dispatch", ""));
    assert_eq!(answer.error(), (405, "METHOD_NOT_ALLOWED".into()));
}

#[test]
fn the_place_in_a_pool_is_released_after_the_call() {
    let scheduler = object();
    let shards = shards();
    let app = testing::builder()
        .shard_do(shards.clone())
        .scheduler(Scheduler::new(scheduler.clone()))
        .build();
    let logs = capture_logs();
    let released = |body: Value| {
        let before = scheduler.calls().len();
        let answer = send(&app, &with_secret(), signed(&body.to_string()));
        let calls = scheduler.calls()[before..].to_vec();
        let calls: Vec<_> = calls
            .iter()
            .map(|call| format!("{} {}", call.address.key, call.text().unwrap_or_default()))
            .collect();
        (answer.status, calls)
    };
    let call = json!({ "functionPath": "a:b", "pool": "mail", "id": "j1" });
    assert_eq!(released(call), (200, vec![r#"default {"id":"j1","pool":"mail"}"#.into()]));
    let call = json!({ "functionPath": "a:b", "pool": "mail", "id": "j1", "instanceName": "eu" });
    assert_eq!(released(call.clone()), (200, vec![r#"eu {"id":"j1","pool":"mail"}"#.into()]));
    assert_eq!(released(json!({ "functionPath": "a:b", "id": "j1" })), (200, vec![]));

    shards.shard("__root__").fails_once(|key| ShardCallError::unavailable(key, "moving"));
    assert_eq!(released(call.clone()).1.len(), 1, "also when it failed");
    shards.shard("__root__").fails_once(|key| ShardCallError::unavailable(key, "moving"));
    let nameless = json!({ "functionPath": "a:b", "pool": "mail" });
    assert_eq!(released(nameless).1.len(), 0, "it may be another's by now");

    let before = logs.lines().len();
    scheduler.shard("eu").fails_once(|key| ShardCallError::unavailable(key, "moving"));
    assert_eq!(released(call).0, 200, "the call itself is done");
    assert!(logs.lines()[before].contains("the pool `mail`"), "{:?}", logs.lines());
}

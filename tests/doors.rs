//! Rules of admission: what is refused before any shard is asked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures::{executor::block_on, future::LocalBoxFuture};
use lunora::{
    AdminToken, Identity, Lunora, LunoraError, Request, Response,
    access::RateLimit,
    coordinator::{QueryCoordinator, StaticShardRegistry},
    function,
    platform::{Clock, NoopExecutionContext, RateLimiter, RateVerdict},
    route,
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace},
    wire::RpcEnvelope,
};
use serde_json::json;

const NOW_MS: i64 = 1_700_000_000_000;

const TOKEN: &str = "correct-horse-battery-staple";

/// Counts the requests that reach a shard.
#[derive(Clone, Default)]
struct Asked(Rc<Cell<u32>>);

impl Asked {
    fn namespace(&self) -> MemoryNamespace {
        let asked = self.0.clone();
        MemoryNamespace::new(async move |_address, _request| {
            asked.set(asked.get() + 1);
            Response::raw_json(r#"{"result":null,"results":[]}"#)
        })
    }

    fn take(&self) -> u32 {
        self.0.replace(0)
    }
}

fn app(asked: &Asked, identity: Option<Identity>) -> Lunora<MemoryEnvironment> {
    testing::builder()
        .shard_do(asked.namespace())
        .clock(ManualClock::new(1_700_000_000_000))
        .query_coordinator(
            QueryCoordinator::new(StaticShardRegistry::new().table("t", ["a"]).unwrap())
                .clock(ManualClock::new(0)),
        )
        .resolve_identity(async move |_request, _env| identity.clone())
        .authorize_shard(async |_| true)
        .authorize_fan_out(async |_| true)
        .route(route!("GET /open"), async |_request, _env, _ctx| Response::text("open"))
        .route(route!("GET /query"), async |_request, _env, ctx| {
            ctx.run_query::<Option<u8>>(function!("a:b"), &json!({})).await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        })
        .route(route!("GET /mutation"), async |_request, _env, ctx| {
            ctx.run_mutation::<Option<u8>>(function!("a:b"), &json!({})).await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        })
        .route(route!("GET /action"), async |_request, _env, ctx| {
            ctx.for_shard("other".parse()?)
                .run_action::<Option<u8>>(function!("a:b"), &json!({}))
                .await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        })
        .http_router(async |request, _env, ctx| {
            if request.path() == "/router/open" {
                return Ok(Response::text("open"));
            }
            ctx.run_query::<Option<u8>>(function!("a:b"), &json!({})).await?;
            Ok::<_, LunoraError>(Response::text("ran"))
        })
        .build()
}

fn answer(app: &Lunora<MemoryEnvironment>, request: Request) -> (u16, String) {
    answer_in(app, request, &MemoryEnvironment::new())
}

fn answer_in(
    app: &Lunora<MemoryEnvironment>,
    request: Request,
    env: &MemoryEnvironment,
) -> (u16, String) {
    let (head, body) = block_on(app.fetch(request, env, &NoopExecutionContext)).into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

fn post(path: &str, body: &str) -> Request {
    Request::post(format!("https://app.test{path}"), body.to_owned())
}

fn get(path: &str) -> Request {
    Request::get(format!("https://app.test{path}"))
}

/// Every way to a shard in a caller's name.
fn ways_to_a_shard() -> Vec<(&'static str, Request)> {
    let fan_out = r#"{"functionPath":"a:b","fanOut":{"table":"t","merge":{"kind":"concat"}}}"#;
    let relation = r#"{"functionPath":"__lunora_relation__:t","args":{"table":"t"},"fanOut":{"table":"t","merge":{"kind":"concat"}}}"#;
    let batch = r#"{"calls":[{"functionPath":"a:b"},{"functionPath":"a:b","shardKey":"other"}]}"#;
    let upgrade = |path| get(path).with_header("upgrade", "websocket");
    vec![
        ("rpc", post("/_lunora/rpc", r#"{"functionPath":"a:b"}"#)),
        ("rpc to a shard", post("/_lunora/rpc", r#"{"functionPath":"a:b","shardKey":"other"}"#)),
        ("fan-out", post("/_lunora/rpc", fan_out)),
        ("relation", post("/_lunora/rpc", relation)),
        ("rpc-batch", post("/_lunora/rpc-batch", batch)),
        ("upgrade", upgrade("/_lunora/ws")),
        ("upgrade to a shard", upgrade("/_lunora/ws?shard=other")),
        ("query of a route", get("/query")),
        ("mutation of a route", get("/mutation")),
        ("action of a route", get("/action")),
    ]
}

#[test]
fn rejects_expired_identity_before_dispatch() {
    let asked = Asked::default();
    for identity in [
        Identity::user("ada").expires_at_ms(NOW_MS),
        Identity::user("ada").expires_at_ms(NOW_MS - 1),
        Identity::user("ada").with_claim("exp", NOW_MS / 1000),
        Identity::user("ada").with_claim("exp", 0),
        Identity::user("ada").with_claim("exp", -1),
        Identity::user("ada").expires_at_ms(-1),
    ] {
        let app = app(&asked, Some(identity.clone()));
        for (way, request) in ways_to_a_shard() {
            let (status, body) = answer(&app, request);
            assert_eq!(status, 401, "{way} {identity:?}: {body}");
            assert!(body.contains(r#""code":"TOKEN_EXPIRED""#), "{way}: {body}");
            assert_eq!(asked.take(), 0, "{way} {identity:?}");
        }
        let call = RpcEnvelope::from_slice(br#"{"functionPath":"a:b"}"#).unwrap();
        let queried: Result<Option<u8>, _> =
            block_on(app.server_query(&get("/"), &MemoryEnvironment::new(), &call));
        assert_eq!(queried.unwrap_err().code(), "TOKEN_EXPIRED");
        let env = MemoryEnvironment::new();
        assert_eq!(block_on(app.server_query_response(&get("/"), &env, &call)).status(), 401);
        // The router answers its own errors with a plain 500, and still no shard is asked.
        assert_eq!(answer(&app, get("/router/query")).0, 500);
        assert_eq!(asked.take(), 0);
        // A handler that asks for nothing in the caller's name serves an anonymous caller.
        assert_eq!(answer(&app, get("/open")), (200, "open".into()));
        assert_eq!(answer(&app, get("/router/open")), (200, "open".into()));
    }
}

#[test]
fn admits_an_identity_until_its_expiry() {
    let asked = Asked::default();
    for identity in [
        None,
        Some(Identity::user("ada")),
        Some(Identity::user("ada").expires_at_ms(NOW_MS + 1)),
        Some(Identity::user("ada").with_claim("exp", NOW_MS / 1000 + 1)),
    ] {
        let app = app(&asked, identity.clone());
        for (way, request) in ways_to_a_shard() {
            let (status, body) = answer(&app, request);
            assert_eq!(status, 200, "{way} {identity:?}: {body}");
            assert!(asked.take() > 0, "{way} {identity:?}");
        }
    }
}

#[test]
fn rejects_another_user_than_the_client_expects_on_every_way_to_a_shard() {
    let asked = Asked::default();
    let app = app(&asked, Some(Identity::user("ada")));
    for (way, request) in ways_to_a_shard() {
        // {"subject":"mallory"}
        let request =
            request.with_header("x-lunora-expect-subject", "eyJzdWJqZWN0IjoibWFsbG9yeSJ9");
        let (status, body) = answer(&app, request);
        assert!(status == 409 && body.contains("IDENTITY_MISMATCH"), "{way}: {status} {body}");
        assert_eq!(asked.take(), 0, "{way}");
    }
}

#[test]
fn asks_no_identity_hook_about_the_token_of_an_operator() {
    let asked = Asked::default();
    let app = testing::builder()
        .shard_do(asked.namespace())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(
            QueryCoordinator::new(StaticShardRegistry::new().table("t", ["any"]).unwrap())
                .clock(ManualClock::new(0)),
        )
        .resolve_identity(async |_request, _env| {
            Err::<Option<Identity>, _>(LunoraError::unauthorized("an unknown token"))
        })
        .build();
    for (endpoint, body) in admin_bodies("__lunora_admin__:listTables") {
        if endpoint.ends_with("batch") {
            continue;
        }
        let request = post(endpoint, &body).with_header("authorization", format!("Bearer {TOKEN}"));
        let (status, answer) = answer(&app, request);
        assert_eq!((status, asked.take()), (200, 1), "{body}: {answer}");
    }
}

/// Every operation that the wire names, one that it does not, and the bare prefix.
const ADMIN_PATHS: [&str; 20] = [
    "__lunora_admin__:",
    "__lunora_admin__:applyCdc",
    "__lunora_admin__:cdcSync",
    "__lunora_admin__:clearTable",
    "__lunora_admin__:deleteRows",
    "__lunora_admin__:exportShard",
    "__lunora_admin__:forgetAnnouncement",
    "__lunora_admin__:getMetrics",
    "__lunora_admin__:getPitrBookmark",
    "__lunora_admin__:importShard",
    "__lunora_admin__:listTables",
    "__lunora_admin__:migrationStatus",
    "__lunora_admin__:nonsense",
    "__lunora_admin__:pitrRestore",
    "__lunora_admin__:rankBefore",
    "__lunora_admin__:rankPage",
    "__lunora_admin__:readTablePage",
    "__lunora_admin__:runAs",
    "__lunora_admin__:runMigration",
    "__lunora_admin__:writeRow",
];

/// Bodies that send `path` to a shard of the caller's choice, and the endpoint of each.
fn admin_bodies(path: &str) -> [(&'static str, String); 4] {
    [
        ("/_lunora/rpc", json!({ "functionPath": path }).to_string()),
        ("/_lunora/rpc", json!({ "functionPath": path, "shardKey": "any" }).to_string()),
        (
            "/_lunora/rpc",
            json!({
                "functionPath": path,
                "fanOut": { "table": "t", "merge": { "kind": "concat" } },
            })
            .to_string(),
        ),
        (
            "/_lunora/rpc-batch",
            json!({ "calls": [{ "functionPath": path, "shardKey": "any" }] }).to_string(),
        ),
    ]
}

#[test]
fn rejects_admin_operations_without_the_token_before_dispatch() {
    let asked = Asked::default();
    let in_code = || {
        testing::builder()
            .shard_do(asked.namespace())
            .clock(ManualClock::new(0))
            .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()))
            .resolve_identity(async |_request, _env| Some(Identity::user("ada")))
            .authorize_shard(async |_| true)
            .authorize_fan_out(async |_| true)
    };
    let open = testing::builder()
        .shard_do(asked.namespace())
        .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()))
        .allow_unauthenticated_shard_access()
        .build();
    let apps = [
        ("token in the code", in_code().admin_token(AdminToken::new(TOKEN).unwrap()).build()),
        ("token in the environment", in_code().build()),
        ("every shard open", open),
    ];
    for (name, app) in &apps {
        for bearer in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic secret")] {
            for path in ADMIN_PATHS {
                for (endpoint, body) in admin_bodies(path) {
                    let mut request = post(endpoint, &body);
                    if let Some(bearer) = bearer {
                        request = request.with_header("authorization", bearer);
                    }
                    let env = MemoryEnvironment::new().with_var("LUNORA_ADMIN_TOKEN", TOKEN);
                    let (status, answer) = answer_in(app, request, &env);
                    assert_eq!(status, 403, "{name} {bearer:?} {body}: {answer}");
                    assert_eq!(asked.take(), 0, "{name} {bearer:?} {body}");
                }
                let call = json!({ "functionPath": path, "shardKey": "any" }).to_string();
                let call = RpcEnvelope::from_slice(call.as_bytes()).unwrap();
                let env = MemoryEnvironment::new();
                let answer = block_on(app.server_query_response(&get("/"), &env, &call));
                assert_eq!(answer.status(), 403, "{name} {path}");
                assert_eq!(asked.take(), 0, "{name} {path}");
            }
        }
    }
}

#[test]
fn rejects_every_admin_bearer_where_no_token_is_configured() {
    let asked = Asked::default();
    let app = app(&asked, None);
    for bearer in ["Bearer x", "Bearer ", "Bearer undefined"] {
        let body = r#"{"functionPath":"__lunora_admin__:getMetrics","shardKey":"any"}"#;
        let request = post("/_lunora/rpc", body).with_header("authorization", bearer);
        assert_eq!(answer(&app, request).0, 403, "{bearer}");
        assert_eq!(asked.take(), 0, "{bearer}");
    }
}

#[test]
fn hands_an_admin_operation_with_the_token_to_its_shard() {
    let asked = Asked::default();
    // The hook of an application knows the tokens of users, and refuses every other.
    let app = testing::builder()
        .shard_do(asked.namespace())
        .resolve_identity(async |request, _env| match request.bearer() {
            None => Ok(None),
            Some(_) => Err::<Option<Identity>, _>(LunoraError::unauthorized("unknown token")),
        })
        .build();
    let env = MemoryEnvironment::new().with_var("LUNORA_ADMIN_TOKEN", TOKEN);
    for (endpoint, body) in &admin_bodies("__lunora_admin__:getMetrics")[..2] {
        let bearer = format!("Bearer {TOKEN}");
        let request = post(endpoint, body).with_header("authorization", &*bearer);
        assert_eq!(answer_in(&app, request, &env).0, 200, "{body}");
        assert_eq!(asked.take(), 1, "{body}");
    }
}

/// An application that would answer everything, and says so.
fn greedy(asked: &Asked) -> Lunora<MemoryEnvironment> {
    let (by_route, by_router) = (asked.clone(), asked.clone());
    testing::builder()
        .shard_do(asked.namespace())
        .route(route!("/socket"), async move |_request, _env, _ctx| {
            by_route.0.set(by_route.0.get() + 1);
            Response::text("the route")
        })
        .http_router(async move |_request, _env, _ctx| {
            by_router.0.set(by_router.0.get() + 1);
            Ok::<_, LunoraError>(Response::text("the router"))
        })
        .build()
}

#[test]
fn no_spelling_of_the_reserved_prefix_reaches_the_router() {
    let asked = Asked::default();
    let app = greedy(&asked);
    for path in [
        "/_lunora",
        "/_lunora/",
        "/_lunora/rpc/",
        "/_lunora/nonsense",
        "/_lunora//rpc",
        "//_lunora/rpc",
        "/_LUNORA/rpc",
        "/_Lunora/admin/functions",
        "/%5Flunora/admin/functions",
        "/_lunora%2Fadmin%2Ffunctions",
        "/_lunora/%61dmin/functions/",
        "/%255flunora/rpc",
        "/x/..%2F_lunora/rpc",
    ] {
        for method in ["GET", "POST", "HEAD", "OPTIONS"] {
            let url: http::Uri = format!("https://app.test{path}").parse().unwrap();
            let request = Request::new(method.parse().unwrap(), url, lunora::Body::empty());
            let (status, body) = answer(&app, request);
            assert_eq!(asked.take(), 0, "{method} {path}");
            assert!([403, 404].contains(&status), "{method} {path}: {status} {body}");
        }
    }
    for path in ["/", "/lunora/rpc", "/api/_lunora/x", "/_lunora.js", "/_lunora2"] {
        assert_eq!(answer(&app, get(path)), (200, "the router".into()), "{path}");
    }
}

#[test]
fn rejects_a_foreign_upgrade_of_the_application_before_its_handler() {
    let asked = Asked::default();
    let app = greedy(&asked);
    for path in ["/socket", "/router/socket"] {
        let upgrade = || get(path).with_header("upgrade", "websocket");
        for (origin, cookie, passes) in [
            (Some("https://evil.example"), true, false),
            (Some("https://evil.example"), false, false),
            (Some("https://app.test.evil.example"), true, false),
            (Some("null"), true, false),
            (None, true, false),
            (Some("https://app.test"), true, true),
            (None, false, true),
        ] {
            let mut request = upgrade();
            if let Some(origin) = origin {
                request = request.with_header("origin", origin);
            }
            if cookie {
                request = request.with_header("cookie", "sid=1");
            }
            let (status, body) = answer(&app, request);
            assert_eq!(status, if passes { 200 } else { 403 }, "{path} {origin:?} {cookie}");
            assert_eq!(body.contains("FORBIDDEN_ORIGIN"), !passes, "{body}");
            assert_eq!(asked.take(), u32::from(passes), "{path} {origin:?} {cookie}");
        }
        // An ordinary GET changes nothing, wherever it comes from.
        let page = get(path).with_header("origin", "https://evil.example");
        assert_eq!(answer(&app, page.with_header("cookie", "sid=1")).0, 200);
        asked.take();
    }
}

#[test]
fn a_route_of_get_answers_head_and_another_method_is_not_allowed() {
    let app = testing::builder()
        .shard_do(Asked::default().namespace())
        .route(route!("GET /page"), async |_request, _env, _ctx| {
            Response::text("page").with_header("x-page", "1")
        })
        .route(route!("PUT /page"), async |_request, _env, _ctx| Response::text("put"))
        .route(route!("POST /form"), async |_request, _env, _ctx| Response::text("form"))
        .route(route!("/any"), async |request, _env, _ctx| {
            Response::text(request.method().to_string())
        })
        .build();
    let ask = |method: &str, path: &str| {
        let url: http::Uri = format!("https://app.test{path}").parse().unwrap();
        let request = Request::new(method.parse().unwrap(), url, lunora::Body::empty());
        let response =
            block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
        let (head, body) = response.into_parts();
        let allow = head.headers.get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        let body = block_on(body.into_bytes(usize::MAX)).unwrap();
        (head.status.as_u16(), allow, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("GET", "/page"), (200, None, "page".into()));
    assert_eq!(ask("HEAD", "/page"), (200, None, String::new()));
    assert_eq!(ask("HEAD", "/any"), (200, None, String::new()));
    assert_eq!(ask("DELETE", "/any"), (200, None, "DELETE".into()));
    for (method, path, allow) in [
        ("POST", "/page", "GET, HEAD, PUT"),
        ("OPTIONS", "/page", "GET, HEAD, PUT"),
        ("GET", "/form", "POST"),
        ("HEAD", "/form", "POST"),
    ] {
        let (status, allowed, body) = ask(method, path);
        assert_eq!((status, allowed.as_deref()), (405, Some(allow)), "{method} {path}: {body}");
        assert!(body.contains("METHOD_NOT_ALLOWED"), "{body}");
    }
    assert_eq!(ask("GET", "/nowhere").0, 404);
}

/// A limiter that allows one call per key, and remembers the keys.
#[derive(Clone, Default)]
struct OncePerKey(Rc<RefCell<Vec<String>>>);

impl RateLimiter for OncePerKey {
    fn count<'a>(
        &'a self,
        key: &'a str,
        _clock: &'a dyn Clock,
    ) -> LocalBoxFuture<'a, Result<RateVerdict, LunoraError>> {
        let mut keys = self.0.borrow_mut();
        let known = keys.iter().any(|known| known == key);
        keys.push(key.to_owned());
        Box::pin(async move {
            match (key, known) {
                ("broken", _) => Err(LunoraError::internal("the limiter is down")),
                (_, true) => Ok(RateVerdict::limited(Duration::from_millis(1500))),
                (_, false) => Ok(RateVerdict::Allowed),
            }
        })
    }
}

#[test]
fn refuses_calls_over_the_rate_limit_before_any_work() {
    let (asked, resolved) = (Asked::default(), Asked::default());
    let counted = resolved.clone();
    let app = testing::builder()
        .shard_do(asked.namespace())
        .clock(ManualClock::new(0))
        .resolve_identity(async move |_request, _env| {
            counted.0.set(counted.0.get() + 1);
            None::<Identity>
        })
        .authorize_shard(async |_| true)
        .route(route!("GET /open"), async |_request, _env, _ctx| Response::text("open"))
        .rate_limit(
            RateLimit::new(OncePerKey::default())
                .by(|call| Some(format!("{:?} {}", call.kind(), call.client_ip()?))),
        )
        .build();
    let batch = r#"{"calls":[{"functionPath":"a:b"}]}"#;
    let doors = || {
        [
            ("rpc", post("/_lunora/rpc", r#"{"functionPath":"a:b"}"#)),
            ("rpc-batch", post("/_lunora/rpc-batch", batch)),
            ("upgrade", get("/_lunora/ws").with_header("upgrade", "websocket")),
            ("route", get("/open")),
            ("nothing", get("/nothing")),
        ]
    };
    let from = |request: Request, ip: &str| request.with_header("cf-connecting-ip", ip);
    for (name, request) in doors().into_iter().take(4) {
        let status = answer(&app, from(request, "192.0.2.1")).0;
        assert!(status < 400, "{name}: {status}");
    }
    asked.take();
    resolved.take();
    for (name, request) in doors() {
        let env = MemoryEnvironment::new();
        let response = block_on(app.fetch(from(request, "192.0.2.1"), &env, &NoopExecutionContext));
        assert_eq!(response.status(), 429, "{name}");
        assert_eq!(response.headers()["retry-after"], "2", "{name}");
        let body = block_on(response.into_parts().1.into_bytes(usize::MAX)).unwrap();
        assert!(String::from_utf8_lossy(&body).contains("\"RATE_LIMITED\""), "{name}");
        assert_eq!((asked.take(), resolved.take()), (0, 0), "{name}");
    }
    // Another address, and a call without a key, are not affected.
    for (name, request) in doors().into_iter().take(4) {
        assert!(answer(&app, from(request, "192.0.2.2")).0 < 400, "{name}");
    }
    for _ in 0..3 {
        for (name, request) in doors().into_iter().take(4) {
            assert!(answer(&app, request).0 < 400, "{name}");
        }
    }
}

#[test]
fn limits_neither_operators_nor_health_and_shares_one_key_without_an_address() {
    let limiter = OncePerKey::default();
    let app = testing::builder()
        .shard_do(Asked::default().namespace())
        .rate_limit(RateLimit::new(limiter.clone()))
        .build();
    for path in ["/_lunora/status", "/_lunora/health", "/_lunora/admin/functions", "/_LUNORA/rpc"] {
        answer(&app, get(path));
    }
    assert!(limiter.0.borrow().is_empty());
    // A client can write this header, and the platform writes the other one.
    for (ip, key) in [("x-forwarded-for", "no-trusted-ip"), ("cf-connecting-ip", "192.0.2.1")] {
        answer(&app, get("/").with_header(ip, "192.0.2.1"));
        assert_eq!(limiter.0.borrow().last().unwrap(), key);
    }
}

#[test]
fn a_limiter_that_fails_lets_calls_pass_and_is_logged() {
    let logs = testing::capture_logs();
    let app = testing::builder()
        .shard_do(Asked::default().namespace())
        .route(route!("GET /open"), async |_request, _env, _ctx| Response::text("open"))
        .rate_limit(RateLimit::new(OncePerKey::default()).by(|_| Some("broken".to_owned())))
        .build();
    assert_eq!(answer(&app, get("/open")), (200, "open".to_owned()));
    assert!(logs.lines().iter().any(|line| line.contains("the limiter is down")));
}

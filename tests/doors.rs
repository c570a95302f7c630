//! Rules of admission: what is refused before any shard is asked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::Cell, rc::Rc};

use futures::executor::block_on;
use lunora::{
    Identity, Lunora, LunoraError, NoopExecutionContext, QueryCoordinator, Request, Response,
    RpcEnvelope, StaticShardRegistry, function, route,
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace},
};
use serde_json::json;

const NOW_MS: i64 = 1_700_000_000_000;

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

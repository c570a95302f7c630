//! Functions behind plain HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures::executor::block_on;
use lunora::{
    Lunora, Request, Response,
    functions::{FunctionInfo, FunctionKind, RestRoute},
    platform::NoopExecutionContext,
    route,
    testing::{self, MemoryEnvironment, MemoryNamespace},
};
use serde_json::{Value, json};

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":[1,18446744073709551615]}"#))
}

fn at(kind: FunctionKind, path: &str, route: &str) -> FunctionInfo {
    FunctionInfo::new(path, kind).at(RestRoute::new(route).unwrap())
}

fn functions() -> Vec<FunctionInfo> {
    let typed = at(FunctionKind::Query, "rooms:find", "GET /rooms/{shardKey}/find/{id}")
        .args_schema(r#"{"properties":{"id":{"type":"string"},"n":{"type":"integer"},"text":{"type":["string","null"]}}}"#)
        .unwrap();
    vec![
        typed,
        at(FunctionKind::Query, "rooms:list", "GET /rooms/{shardKey}/{page}"),
        at(FunctionKind::Mutation, "rooms:send", "POST /rooms/{shardKey}"),
        at(FunctionKind::Mutation, "rooms:wrong", "GET /wrong"),
        at(FunctionKind::Mutation, "rooms:hidden", "POST /hidden").internal(),
        at(FunctionKind::Stream, "rooms:stream", "POST /stream"),
    ]
}

/// An application whose shards are open to everybody.
fn open(shards: MemoryNamespace) -> Lunora<MemoryEnvironment> {
    testing::builder()
        .shard_do(shards)
        .allow_unauthenticated_shard_access()
        .rest(functions())
        .build()
}

fn ask(app: &Lunora<MemoryEnvironment>, request: Request) -> Response {
    block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext))
}

fn body(response: Response) -> String {
    String::from_utf8(block_on(response.into_parts().1.into_bytes(1 << 20)).unwrap().to_vec())
        .unwrap()
}

/// Returns the shard and the call that a request made.
fn call(request: Request) -> (String, Value) {
    let shards = shards();
    let app = open(shards.clone());
    let answer = ask(&app, request);
    assert_eq!(answer.status(), 200);
    let calls = shards.calls();
    let call = calls.last().unwrap();
    (call.address.key.to_string(), serde_json::from_str(call.text().unwrap()).unwrap())
}

#[test]
fn takes_arguments_from_the_path_then_the_query_of_a_get_or_the_body() {
    let get = |url: &str| call(Request::get(format!("https://app.test{url}")));
    assert_eq!(
        get("/rooms/a%20b/find/7?n=7&text=7&id=9&other=%5B1%5D&free=x"),
        (
            "a b".to_owned(),
            json!({ "functionPath": "rooms:find", "args": { "id": "7", "n": 7, "text": "7", "other": [1], "free": "x" } })
        )
    );
    // Without known types a segment is a text, and a value of the query is JSON if it can be.
    assert_eq!(
        get("/rooms/a/3?limit=5&text=%225%22&shardKey=b"),
        (
            "a".to_owned(),
            json!({ "functionPath": "rooms:list", "args": { "page": "3", "limit": 5, "text": "5" } })
        )
    );
    let post = Request::post(
        "https://app.test/rooms/a?limit=5",
        r#"{"text":"hi","big":18446744073709551615}"#,
    );
    let (shard, sent) = call(post);
    assert_eq!(
        (shard.as_str(), &sent["args"]["text"], sent["args"]["big"].as_u64()),
        ("a", &json!("hi"), Some(u64::MAX))
    );
    assert_eq!(sent["args"].as_object().unwrap().len(), 2);
}

#[test]
fn answers_with_the_result_alone_as_the_shard_wrote_it() {
    let app = open(shards());
    let answer = ask(&app, Request::get("https://app.test/rooms/a/1"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(body(answer), "[1,18446744073709551615]");
}

#[test]
fn serves_nothing_that_clients_may_not_call_or_that_get_must_not() {
    let shards = shards();
    let app = open(shards.clone());
    for (method, path) in
        [("GET", "/wrong"), ("POST", "/hidden"), ("POST", "/stream"), ("GET", "/rooms")]
    {
        let request = Request::new(method.parse().unwrap(), format!("https://app.test{path}"), "");
        assert_eq!(ask(&app, request).status(), 404, "{method} {path}");
    }
    let wrong = ask(&app, Request::new(http::Method::DELETE, "https://app.test/rooms/a", ""));
    assert_eq!(
        (wrong.status().as_u16(), &wrong.headers()["allow"]),
        (405, &http::HeaderValue::from_static("POST"))
    );
    assert!(shards.calls().is_empty());
}

#[test]
fn asks_the_gates_as_a_call_does_and_yields_to_a_route_of_the_application() {
    let shards = shards();
    let app = Lunora::builder_for::<MemoryEnvironment>()
        .shard_do(shards.clone())
        .authorize_shard(async |access| access.shard_key.as_str() == "open")
        .rest(functions())
        .route(route!("GET /rooms/open/own"), async |_request, _env, _ctx| Response::text("mine"))
        .build();
    assert_eq!(ask(&app, Request::get("https://app.test/rooms/closed/1")).status(), 403);
    assert!(shards.calls().is_empty());
    assert_eq!(ask(&app, Request::get("https://app.test/rooms/open/1")).status(), 200);
    assert_eq!(body(ask(&app, Request::get("https://app.test/rooms/open/own"))), "mine");
}

//! Checks that nothing of the plane is reachable except through its gate.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::{Code, admin::table::ROUTES, testing::capture_logs};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn credentials() -> Vec<Option<&'static str>> {
    vec![
        None,
        Some("Bearer "),
        Some("Bearer"),
        Some("Bearer wrong"),
        Some("Bearer correct-horse-battery-stapl"),
        Some("Bearer correct-horse-battery-staple2"),
        Some("Bearer Correct-horse-battery-staple"),
        Some("Basic correct-horse-battery-staple"),
        Some("correct-horse-battery-staple"),
    ]
}

#[test]
fn no_route_of_the_table_is_reachable_without_the_token() {
    let logs = capture_logs();
    let app = everything().build();
    let env = MemoryEnvironment::new();
    for route in ROUTES {
        for method in METHODS {
            for credential in credentials() {
                let mut request = request(method, route.path, "{}");
                if let Some(credential) = credential {
                    request = request.with_header("authorization", credential);
                }
                let answer = send(&app, &env, request);
                let context = format!("{method} {} with {credential:?}: {answer:?}", route.path);
                if route.bare_405 && !route.allows(method) {
                    assert_eq!((answer.status, &*answer.body), (405, ""), "{context}");
                    assert_eq!(answer.header("allow"), Some(route.allow), "{context}");
                } else {
                    assert_eq!(answer.error(), (403, route.forbidden.to_string()), "{context}");
                }
            }
        }
    }
    assert_eq!(REACHED.with_borrow(Vec::len), 0);
    assert!(logs.lines().is_empty());
}

#[test]
fn every_route_of_the_table_is_reachable_with_the_token_and_has_a_handler() {
    let app = everything().build();
    for route in ROUTES {
        for method in route.allow.split(", ") {
            let answer = ask(&app, method, route.path, "{}");
            let context = format!("{method} {}: {answer:?}", route.path);
            assert!(![403, 405, 500].contains(&answer.status), "{context}");
            assert!(answer.status != 404 || answer.body.starts_with('{'), "{context}");
        }
    }
}

#[test]
fn another_method_is_405_behind_the_gate_and_names_what_is_allowed() {
    let app = everything().build();
    for route in ROUTES {
        for method in METHODS.into_iter().filter(|method| !route.allows(method)) {
            let answer = ask(&app, method, route.path, "{}");
            assert_eq!(answer.status, 405, "{method} {}", route.path);
            assert_eq!(answer.header("allow"), Some(route.allow), "{method} {}", route.path);
            if route.bare_405 {
                assert_eq!(answer.body, "");
            } else {
                assert_eq!(answer.error().1, "METHOD_NOT_ALLOWED");
            }
        }
    }
}

#[test]
fn an_unknown_path_of_the_plane_tells_nothing_before_the_gate() {
    let app = with_token().http_router(async |_, _, _| Response::text("the router")).build();
    let env = MemoryEnvironment::new();
    for path in ["/_lunora/admin/", "/_lunora/admin/nothing", "/_lunora/admin/functions/"] {
        let outside = send(&app, &env, request("GET", path, ""));
        assert_eq!(outside.error(), (403, "ADMIN_FORBIDDEN".into()), "{path}");
        let inside = get(&app, path);
        assert_eq!((inside.status, &*inside.body), (404, "Not found"), "{path}");
    }
}

#[test]
fn without_a_token_and_without_a_gate_every_request_is_rejected() {
    let app = testing::builder().shard_do(shards()).build();
    for bearer in ["Bearer ", "Bearer undefined", "Bearer null", BEARER] {
        let request =
            request("GET", "/_lunora/admin/functions", "").with_header("authorization", bearer);
        assert_eq!(send(&app, &MemoryEnvironment::new(), request).error().0, 403);
    }
}

#[test]
fn the_token_comes_from_the_environment_if_the_code_sets_none() {
    let env = MemoryEnvironment::new().with_var("LUNORA_ADMIN_TOKEN", TOKEN);
    let enter = |app: &Lunora<MemoryEnvironment>, bearer: &str| {
        let request =
            request("GET", "/_lunora/admin/openapi", "").with_header("authorization", bearer);
        send(app, &env, request).status
    };
    assert_eq!(enter(&testing::builder().shard_do(shards()).build(), BEARER), 200);

    let coded =
        testing::builder().shard_do(shards()).admin_token(AdminToken::new("of-the-code").unwrap());
    let coded = coded.build();
    assert_eq!(enter(&coded, BEARER), 403);
    assert_eq!(enter(&coded, "bearer of-the-code"), 200);
}

#[test]
fn an_unusable_token_of_the_environment_admits_no_request_and_is_logged_once() {
    let app = testing::builder().shard_do(shards()).build();
    let env = MemoryEnvironment::new().with_var("LUNORA_ADMIN_TOKEN", "");
    let logs = capture_logs();
    for _ in 0..2 {
        let request =
            request("GET", "/_lunora/admin/openapi", "").with_header("authorization", "Bearer ");
        assert_eq!(send(&app, &env, request).status, 403);
    }
    assert_eq!(logs.lines().len(), 1);
}

#[test]
fn a_gate_of_the_application_must_return_exactly_true() {
    let env = MemoryEnvironment::new().with_var("WHO", "ada");
    let app = testing::builder()
        .shard_do(shards())
        .admin_gate(async |request, env, _ctx| match request.header("x-operator") {
            Some("breaks") => Err(LunoraError::internal("secret words of the gate")),
            who => Ok(who == env_var(env).as_deref()),
        })
        .build();
    let enter = |who: &'static str| {
        let request = request("GET", "/_lunora/admin/openapi", "").with_header("x-operator", who);
        send(&app, &env, request)
    };
    let logs = capture_logs();
    assert_eq!(enter("ada").status, 200);
    assert_eq!(enter("mallory").error(), (403, "ADMIN_FORBIDDEN".into()));
    assert!(logs.lines().is_empty());
    let broken = enter("breaks");
    assert_eq!(broken.error(), (403, "ADMIN_FORBIDDEN".into()));
    assert!(!broken.body.contains("secret"));
    assert!(logs.lines()[0].contains("secret words of the gate"));
}

fn env_var(env: &MemoryEnvironment) -> Option<String> {
    crate::platform::Environment::var(env, "WHO")
}

#[test]
fn the_hop_to_a_shard_carries_the_token_and_nothing_of_the_caller() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let spied = seen.clone();
    let shards = MemoryNamespace::new(async move |_address, request| {
        spied.borrow_mut().push(request.headers().clone());
        Response::raw_json(r#"{"result":null}"#)
    });
    let mut builder = testing::builder()
        .shard_do(shards)
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .admin_gate(async |request, _env, _ctx| request.header("x-operator").is_some());
    builder.settings.admin.attach(AdminArea::Test, AsksShard);
    let app = builder.build();
    let path = "/_lunora/admin/test/shard";

    let by_token = request("POST", path, "{}").with_header("authorization", BEARER);
    let by_gate = request("POST", path, "{}")
        .with_header("x-operator", "ada")
        .with_header("authorization", "Bearer of-the-operator")
        .with_header("cookie", "session=1")
        .with_header("sec-fetch-site", "same-origin")
        .with_header("x-lunora-system", "1")
        .with_header("x-lunora-userid", "mallory");
    for request in [by_token, by_gate] {
        let answer = send(&app, &MemoryEnvironment::new(), request);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.body.contains(TOKEN));
    }
    for headers in &*seen.borrow() {
        let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-type", "traceparent"]);
        assert_eq!(headers["authorization"], BEARER);
    }
    assert_eq!(seen.borrow().len(), 2);
}

#[test]
fn a_body_over_the_budget_of_its_route_is_refused_whatever_it_declares() {
    let app = everything().build();
    let fill = |bytes: usize| format!(r#"{{"name":"{}"}}"#, "x".repeat(bytes));
    let path = "/_lunora/admin/cron-jobs/run";
    let declared = request("POST", path, fill(1 << 20))
        .with_header("authorization", BEARER)
        .with_header("content-length", ((1 << 20) + 11).to_string());
    let answer = send(&app, &MemoryEnvironment::new(), declared);
    assert_eq!(answer.error(), (413, "PAYLOAD_TOO_LARGE".into()));
    assert_eq!(post(&app, path, &fill(1 << 20)).error(), (413, "PAYLOAD_TOO_LARGE".into()));
    assert_eq!(post(&app, path, &fill(1 << 19)).error(), (404, "CRON_JOB_NOT_FOUND".into()));
}

#[test]
fn a_malformed_body_is_refused_with_the_message_that_clients_know() {
    let app = everything().build();
    let message = |body: &str| {
        let answer = post(&app, "/_lunora/admin/cron-jobs/run", body);
        assert_eq!(answer.error(), (400, Code::BadRequest.to_string()), "{body}");
        answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(message("{"), "Cron-job run body must be valid JSON");
    assert_eq!(message("[]"), "Request body must be an object");
    assert_eq!(message(r#"["sweep"]"#), "Request body must be an object");
    assert_eq!(message("null"), "Request body must be an object");
    assert!(message("").contains("name"));
    assert!(message(r#"{"name":7}"#).contains("expected a string"));
}

#[test]
fn the_upgrade_of_an_operator_passes_a_closed_gate_for_shards() {
    let shards = MemoryNamespace::new(async |_, request: Request| {
        assert!(request.is_upgrade() && request.header("x-lunora-userid").is_none());
        Response::text("connected")
    });
    let clock = ManualClock::new(0);
    let build = |ephemeral: bool| {
        testing::builder()
            .shard_do(shards.clone())
            .admin_token(AdminToken::new(TOKEN).unwrap())
            .require_ephemeral_ws_token(ephemeral)
            .resolve_identity(async |_, _| Ok::<_, LunoraError>(Some(crate::Identity::user("ada"))))
            .authorize_shard(async |_| false)
            .clock(clock.clone())
            .build()
    };
    let app = build(true);
    let upgrade = |app: &Lunora<MemoryEnvironment>, query: &str, bearer: Option<&str>| {
        let path = format!("/_lunora/ws?shard=room{query}");
        let mut request = request("GET", &path, "").with_header("upgrade", "websocket");
        if let Some(bearer) = bearer {
            request = request.with_header("authorization", format!("Bearer {bearer}"));
        }
        send(app, &MemoryEnvironment::new(), request).status
    };
    let minted = post(&app, "/_lunora/admin/ws-token", "").json();
    let token = format!("&token={}", minted["token"].as_str().unwrap());
    let raw = format!("&token={TOKEN}");
    assert_eq!(upgrade(&app, "", Some(TOKEN)), 200);
    assert_eq!(upgrade(&app, &token, None), 200);
    assert_eq!(upgrade(&build(false), &raw, None), 200);
    assert_eq!(shards.calls().len(), 3);

    assert_eq!(upgrade(&app, "", None), 403);
    assert_eq!(upgrade(&app, "", Some("another-token-of-enough-length")), 403);
    assert_eq!(upgrade(&app, &raw, None), 403, "the admin token itself in a URL");
    assert_eq!(upgrade(&app, "&token=v1.99999999999999.AAAA", None), 403);
    clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(upgrade(&app, &token, None), 403, "an expired token");
    assert_eq!(shards.calls().len(), 3, "no refused upgrade reaches a shard");
}

/// Asks the default shard one admin operation.
struct AsksShard;

impl AreaHandler for AsksShard {
    fn handle<'a>(
        &'a self,
        call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            let key = call.host.default_shard_key().clone();
            call.ask_shard(key, "listTables", "{}").await
        })
    }
}

/// JSON of every shape, with the fields that routes know.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;

    let field = prop::sample::select(vec![
        "id",
        "name",
        "key",
        "value",
        "namespace",
        "pool",
        "text",
        "topK",
        "userId",
        "role",
        "data",
        "permission",
        "action",
        "cursor",
        "limit",
        "cron",
        "functionPath",
        "expirationTtl",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("0 4 * * *")),
    ];
    leaf.prop_recursive(2, 24, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(field.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    /// The routes of other parts call shards, which return here what no real shard would.
    #[test]
    fn no_body_and_no_query_of_an_operator_is_a_server_error(
        at in 0..ROUTES.len(),
        body in proptest::prop_oneof![
            proptest::strategy::Strategy::prop_map(any_json(), |json| json.to_string()),
            ".{0,40}",
        ],
        query in "[a-z]{0,9}=[ -~]{0,20}",
    ) {
        let route = ROUTES[at];
        let others = [AdminArea::Backups, AdminArea::Data, AdminArea::Orchestration];
        if !others.contains(&route.area) && !route.socket {
            let app = everything().build();
            let query = query.replace(['#', ' ', '<', '>', '"', '`', '{', '}', '\\', '^', '|'], "");
            for method in route.allow.split(", ") {
                let path = format!("{}?{query}&key=k&namespace=N&name=W&id=i&table=t", route.path);
                let answer = ask(&app, method, &path, body.clone());
                proptest::prop_assert!(
                    answer.status < 500 || answer.status == 501,
                    "{method} {path} {body}: {answer:?}"
                );
            }
        }
    }
}

//! Socket tokens, functions, cron jobs, documents, replayed triggers.

use serde_json::json;

use super::*;
use crate::{
    functions::FunctionKind,
    testing::{ManualClock, capture_logs},
    wire::signature,
};

fn functions() -> Vec<FunctionInfo> {
    vec![
        FunctionInfo::new("messages:send", FunctionKind::Mutation)
            .describe("Says something.")
            .args_schema(
                r#"{"type":"object","properties":{"text":{"type":"string"},"tags":{"type":["array","null"],"items":{"type":"string"}},"at":{"type":"integer"}},"required":["text","at"]}"#,
            )
            .unwrap()
            .result_schema(r#"{"type":"string"}"#)
            .unwrap(),
        FunctionInfo::new("messages:list", FunctionKind::Query),
        FunctionInfo::new("messages:sweep", FunctionKind::Mutation).internal(),
        FunctionInfo::new("messages:watch", FunctionKind::Stream),
    ]
}

#[test]
fn point_in_time_recovery_asks_one_shard_and_needs_no_coordinator() {
    let shards = super::shards();
    let app = crate::testing::builder()
        .shard_do(shards.clone())
        .admin_token(crate::AdminToken::new(super::TOKEN).unwrap())
        .build();
    for (body, key) in [
        (r#"{"functionPath":"__lunora_admin__:getPitrBookmark"}"#, "__root__"),
        (r#"{"functionPath":"__lunora_admin__:pitrRestore","shardKey":"a"}"#, "a"),
    ] {
        assert_eq!(super::post(&app, "/_lunora/admin/pitr", body).status, 200);
        assert_eq!(shards.calls().last().unwrap().address.key.as_str(), key);
    }
    assert_eq!(shards.calls().len(), 2);
}

#[test]
fn serves_the_page_of_operators_without_the_gate_and_only_where_it_is_configured() {
    let visit = |app: &Lunora<MemoryEnvironment>, method, path| {
        send(app, &MemoryEnvironment::new(), request(method, path, crate::Body::empty()))
    };
    let without = everything().build();
    for method in ["GET", "HEAD"] {
        assert_eq!(visit(&without, method, "/_lunora/admin").status, 404, "{method}");
    }
    let mut builder = everything();
    builder.settings.admin.page = Some(crate::admin::operator_page::response);
    let app = builder.build();
    let page = visit(&app, "GET", "/_lunora/admin");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    assert!(page.body.starts_with("<!doctype html>"));
    let head = visit(&app, "HEAD", "/_lunora/admin");
    assert_eq!((head.status, &*head.body), (200, ""));
    let post = post(&app, "/_lunora/admin", "");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(visit(&app, "GET", "/_lunora/admin/").status, 403);
}

#[test]
fn lists_every_shard_once_and_the_default_shard_first_without_asking_any() {
    let namespace = shards();
    let registry = StaticShardRegistry::new();
    let registry = registry.table("notes", ["b", "a"]).unwrap().table("users", ["Z", "a"]).unwrap();
    let app = testing::builder()
        .shard_do(namespace.clone())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(registry))
        .build();
    let answer = get(&app, "/_lunora/admin/shards").json();
    let expected =
        json!({ "defaultShardKey": "__root__", "shardKeys": ["__root__", "Z", "a", "b"] });
    assert_eq!(answer, expected);
    assert!(namespace.calls().is_empty());
}

#[test]
fn a_socket_token_is_minted_for_a_minute_and_never_cached() {
    let app = with_token().clock(ManualClock::new(1_000)).build();
    let answer = post(&app, "/_lunora/admin/ws-token", "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["expiresAtMs"], 61_000);
    let token = body["token"].as_str().unwrap();
    assert!(signature::verify_ws_token(&AdminToken::new(TOKEN).unwrap(), token, 1_000));
}

#[test]
fn a_socket_token_needs_an_admin_token_to_be_made_of() {
    let app = testing::builder().shard_do(shards()).admin_gate(async |_, _, _| true).build();
    let answer = post(&app, "/_lunora/admin/ws-token", "");
    assert_eq!(answer.error(), (400, "ADMIN_TOKEN_NOT_CONFIGURED".into()));
}

#[test]
fn functions_are_listed_without_internal_ones_and_streams() {
    let app = with_token().functions(functions()).build();
    assert_eq!(
        get(&app, "/_lunora/admin/functions").json(),
        json!({ "functions": [
            { "args": [], "kind": "query", "path": "messages:list" },
            { "args": [
                { "kind": "number", "name": "at", "optional": false },
                { "kind": "array", "name": "tags", "optional": true, "element": "string" },
                { "kind": "string", "name": "text", "optional": false },
            ], "kind": "mutation", "path": "messages:send" },
        ] })
    );
    let without = with_token().build();
    assert_eq!(
        get(&without, "/_lunora/admin/functions").error(),
        (400, "FUNCTIONS_NOT_CONFIGURED".into())
    );
}

#[test]
fn documents_name_every_public_function_and_no_other() {
    let app = with_token().functions(functions()).build();
    let open_api = get(&app, "/_lunora/admin/openapi").json();
    assert_eq!(open_api["openapi"], "3.1.0");
    let schema = "/paths/~1_lunora~1rpc/post/requestBody/content/application~1json/schema/oneOf";
    let envelopes = open_api.pointer(schema).and_then(Value::as_array).unwrap();
    let calls: Vec<_> = envelopes.iter().map(|call| &call["$ref"]).collect();
    assert_eq!(
        calls,
        ["#/components/schemas/MessagesListCall", "#/components/schemas/MessagesSendCall"]
    );
    let schemas = &open_api["components"]["schemas"];
    let call = &schemas["MessagesSendCall"];
    assert_eq!(call["properties"]["functionPath"]["const"], "messages:send");
    assert_eq!(call["required"], json!(["functionPath", "args"]));
    assert_eq!(call["properties"]["args"]["$ref"], "#/components/schemas/MessagesSendArgs");
    assert_eq!(schemas["MessagesSendArgs"]["required"], json!(["text", "at"]));
    assert_eq!(schemas["MessagesListCall"]["required"], json!(["functionPath"]));

    let open_rpc = get(&app, "/_lunora/admin/openrpc").json();
    assert_eq!(open_rpc["openrpc"], "1.3.2");
    let methods = open_rpc["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 2);
    assert_eq!(methods[1]["name"], "messages:send");
    assert_eq!(
        methods[1]["result"]["schema"],
        json!({ "$ref": "#/components/schemas/MessagesSendResult" })
    );
    assert_eq!(
        open_rpc["components"]["schemas"]["MessagesSendResult"],
        json!({ "type": "string" })
    );
    assert_eq!(methods[1]["params"].as_array().unwrap().len(), 3);
}

#[test]
fn documents_of_no_functions_are_empty_and_served() {
    let app = with_token().build();
    assert_eq!(get(&app, "/_lunora/admin/openapi").json()["paths"], json!({}));
    assert_eq!(get(&app, "/_lunora/admin/openrpc").json()["methods"], json!([]));
}

fn jobs() -> [CronJob; 2] {
    [
        CronJob::function("sweep", cron!("0 * * * *"), "messages:sweep")
            .with_args(&json!({ "days": 30 }))
            .unwrap()
            .with_shard_key("general".parse().unwrap()),
        CronJob::function("count", cron!("0 * * * *"), "messages:count"),
    ]
}

#[test]
fn cron_jobs_are_listed_by_name() {
    let clock = testing::ManualClock::new(1_780_315_200_000);
    let app = with_token().cron_jobs(jobs()).clock(clock).build();
    let (next, previous) = ("2026-06-01T13:00:00.000Z", "2026-06-01T12:00:00.000Z");
    assert_eq!(
        get(&app, "/_lunora/admin/cron-jobs").json(),
        json!({ "jobs": [
            { "args": null, "cron": "0 * * * *", "functionPath": "messages:count", "name": "count",
              "next": next, "previous": previous },
            { "args": { "days": 30 }, "cron": "0 * * * *", "functionPath": "messages:sweep",
              "name": "sweep", "shardKey": "general", "next": next, "previous": previous },
        ] })
    );
    for path in ["/_lunora/admin/cron-jobs", "/_lunora/admin/cron-jobs/run"] {
        let method = if path.ends_with("run") { "POST" } else { "GET" };
        let answer = ask(&with_token().build(), method, path, r#"{"name":"sweep"}"#);
        assert_eq!(answer.error(), (400, "CRON_JOBS_NOT_CONFIGURED".into()));
    }
}

#[test]
fn a_cron_job_runs_on_demand_as_the_server() {
    let shards = shards();
    let app = testing::builder()
        .shard_do(shards.clone())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .authorize_shard(async |_| false)
        .cron_jobs(jobs())
        .build();
    let path = "/_lunora/admin/cron-jobs/run";
    let answer = post(&app, path, r#"{"name":"sweep"}"#);
    assert_eq!((answer.status, answer.json()), (200, json!({ "name": "sweep", "ran": true })));
    let [call] = &shards.calls()[..] else { unreachable!("one call") };
    assert_eq!(call.address.key.as_str(), "general");
    assert_eq!(call.text(), Some(r#"{"args":{"days":30},"functionPath":"messages:sweep"}"#));
    assert_eq!(call.header("x-lunora-system"), Some("1"));
    assert_eq!(call.header("authorization"), None);
    assert_eq!(call.header("x-lunora-mutation-id"), None, "each run is a run");

    assert_eq!(post(&app, path, r#"{"name":"x"}"#).error(), (404, "CRON_JOB_NOT_FOUND".into()));
}

#[test]
fn a_cron_job_that_fails_says_so_and_its_reason_stays_in_the_log() {
    let shards = MemoryNamespace::new(async |_, _| {
        Err::<Response, _>(crate::LunoraError::new(crate::Code::Conflict, "secret words"))
    });
    let app = testing::builder()
        .shard_do(shards)
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .cron_jobs(jobs())
        .build();
    let logs = capture_logs();
    let answer = post(&app, "/_lunora/admin/cron-jobs/run", r#"{"name":"count"}"#);
    assert_eq!(answer.error(), (500, "CRON_JOB_FAILED".into()));
    assert!(!answer.body.contains("secret words"));
    assert!(logs.lines()[0].contains("CONFLICT: secret words"), "{:?}", logs.lines());
}

#[test]
fn a_trigger_is_replayed_as_if_it_had_fired() {
    let shards = shards();
    let app = testing::builder()
        .shard_do(shards.clone())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .clock(ManualClock::new(9_000))
        .cron_jobs(jobs())
        .build();
    let answer = post(&app, "/_lunora/scheduled", r#"{"cron":"0 * * * *"}"#);
    assert_eq!(answer.json(), json!({ "cron": "0 * * * *", "ok": true }));
    let ids: Vec<_> = shards
        .calls()
        .iter()
        .map(|call| call.header("x-lunora-mutation-id").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(ids, ["cron-sweep-9000", "cron-count-9000"]);

    for body in ["", "{}", r#"{"cron":""}"#, r#"{"cron":"often"}"#, r#"{"cron":5}"#] {
        assert_eq!(post(&app, "/_lunora/scheduled", body).error().0, 400, "{body}");
    }
}

#[test]
fn a_replayed_trigger_whose_handler_fails_is_a_server_error() {
    let app = with_token()
        .cron(cron!("0 4 * * *"), async |_, _, _| {
            Err::<(), _>(crate::LunoraError::new(crate::Code::Conflict, "secret words"))
        })
        .build();
    let logs = capture_logs();
    let answer = post(&app, "/_lunora/scheduled", r#"{"cron":"0 4 * * *"}"#);
    assert_eq!(answer.error(), (500, "INTERNAL".into()));
    assert!(logs.lines().iter().any(|line| line.contains("secret words")), "{:?}", logs.lines());
}

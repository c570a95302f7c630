//! Workflows, vector indexes, users and archived logs.

use serde_json::json;

use super::*;
use crate::{
    testing::{MemoryAuth, MemoryLogArchive, MemoryVectors, MemoryWorkflow, capture_logs},
    wire::signature,
};

#[test]
fn reads_and_stops_an_instance_of_a_workflow() {
    let workflow = MemoryWorkflow::new();
    block_on(crate::platform::Workflow::create(&workflow, Some("i1"), "{}")).unwrap();
    let app = with_token().workflow("DIGEST", workflow).build();
    let instance = "/_lunora/admin/workflows/instance?name=DIGEST&id=i1";
    let act = |body: Value| post(&app, "/_lunora/admin/workflows/status", &body.to_string());
    assert_eq!(get(&app, instance).json(), json!({ "status": "running" }));
    for (action, status) in
        [("pause", "paused"), ("resume", "running"), ("terminate", "terminated")]
    {
        let answer = act(json!({ "name": "DIGEST", "id": "i1", "action": action }));
        assert_eq!(answer.json(), json!({ "id": "i1", "ok": true }));
        assert_eq!(get(&app, instance).json(), json!({ "status": status }));
    }
    assert_eq!(act(json!({ "name": "DIGEST", "id": "i1", "action": "destroy" })).error().0, 400);
    assert_eq!(act(json!({ "name": "DIGEST", "id": "i2", "action": "pause" })).error().0, 404);
    let missing = get(&app, "/_lunora/admin/workflows/instance?name=DIGEST&id=i2");
    assert_eq!(missing.error(), (404, "NOT_FOUND".into()));
    let unknown = get(&app, "/_lunora/admin/workflows/instance?name=OTHER&id=i1");
    assert_eq!(unknown.error(), (501, "WORKFLOWS_NOT_CONFIGURED".into()));
}

#[test]
fn a_deployment_that_lists_no_instances_says_so_and_names_its_workflows() {
    let none = with_token().build();
    let empty = |workflows: &[&str]| json!({ "configured": false, "instances": [], "page": 1, "perPage": 0, "totalCount": 0, "workflows": workflows });
    let path = "/_lunora/admin/workflows/instances?name=DIGEST";
    assert_eq!(get(&none, path).json(), empty(&[]));
    let bound = with_token().workflow("DIGEST", MemoryWorkflow::new()).build();
    assert_eq!(get(&bound, path).json(), empty(&["DIGEST"]));
    let answer = get(&none, "/_lunora/admin/workflows/instance?name=DIGEST&id=i1");
    assert_eq!(answer.error(), (501, "WORKFLOWS_NOT_CONFIGURED".into()));
}

#[test]
fn the_scheduler_starts_a_workflow_once_for_an_id() {
    let workflow = MemoryWorkflow::new();
    let app = testing::builder().shard_do(shards()).workflow("DIGEST", workflow.clone()).build();
    let env = MemoryEnvironment::new().with_var("LUNORA_SCHEDULER_SECRET", "s");
    let dispatch = |body: &str| {
        let request = request("POST", "/_lunora/scheduler/dispatch", body.to_owned())
            .with_header("x-lunora-scheduler-signature", signature::sign(b"s", body.as_bytes()));
        send(&app, &env, request)
    };
    for _ in 0..2 {
        let answer = dispatch(r#"{"workflow":"DIGEST","args":{"day":1},"id":"j1"}"#);
        assert_eq!(answer.json(), json!({ "result": { "id": "j1" } }));
    }
    assert_eq!(workflow.ids(), ["j1"]);
    assert_eq!(workflow.params("j1").as_deref(), Some(r#"{"day":1}"#));
    let unknown = dispatch(r#"{"workflow":"OTHER","id":"j2"}"#);
    assert_eq!(unknown.error(), (501, "WORKFLOWS_NOT_CONFIGURED".into()));
}

#[test]
fn a_cron_job_starts_a_workflow_once_per_due_time() {
    let workflow = MemoryWorkflow::new();
    let job = CronJob::workflow("digest", cron!("0 3 * * *"), "DIGEST", workflow.clone())
        .with_args(&json!({ "kind": "daily" }))
        .unwrap();
    let app = with_token().cron_job(job).clock(testing::ManualClock::new(7_000)).build();
    let event = crate::schedule::ScheduledEvent::new("0 3 * * *", 7_000);
    for _ in 0..2 {
        let env = MemoryEnvironment::new();
        block_on(app.scheduled(event.clone(), &env, &NoopExecutionContext)).unwrap();
    }
    assert_eq!(workflow.ids(), ["cron-digest-7000"]);
    assert_eq!(workflow.params("cron-digest-7000").as_deref(), Some(r#"{"kind":"daily"}"#));
    assert_eq!(
        get(&app, "/_lunora/admin/cron-jobs").json()["jobs"],
        json!([{ "args": { "kind": "daily" }, "cron": "0 3 * * *", "name": "digest", "workflow": "DIGEST",
            "next": "1970-01-01T03:00:00.000Z", "previous": "1969-12-31T03:00:00.000Z" }])
    );
}

#[test]
fn lists_and_queries_vector_indexes() {
    let vectors = MemoryVectors::new()
        .with_text("docs", "d1", "sail, sail away")
        .with_text("docs", "d2", "sail home")
        .with_text("docs", "d3", "walk home");
    let app = with_token().vectors(vectors).build();
    let indexes = get(&app, "/_lunora/admin/vector/indexes").json();
    assert_eq!(
        indexes,
        json!({ "indexes": [{ "name": "docs", "table": "docs", "vectorsCount": 3 }] })
    );
    let query = |body: Value| post(&app, "/_lunora/admin/vector/query", &body.to_string());
    assert_eq!(
        query(json!({ "name": "docs", "text": "sail" })).json(),
        json!({ "matches": [{ "id": "d1", "score": 2.0 }, { "id": "d2", "score": 1.0 }] })
    );
    let one = query(json!({ "name": "docs", "text": "sail", "topK": 1 })).json();
    assert_eq!(one["matches"].as_array().unwrap().len(), 1);
    for bad in [
        json!({ "name": "docs" }),
        json!({ "name": "", "text": "sail" }),
        json!({ "name": "docs", "text": "" }),
        json!({ "name": "docs", "text": "sail", "topK": 0 }),
        json!({ "name": "docs", "text": "sail", "topK": 1.5 }),
    ] {
        assert_eq!(query(bad.clone()).error(), (400, "BAD_REQUEST".into()), "{bad}");
    }
    assert_eq!(query(json!({ "name": "x", "text": "y" })).error(), (404, "NOT_FOUND".into()));
    let answer = get(&with_token().build(), "/_lunora/admin/vector/indexes");
    assert_eq!(answer.error(), (400, "VECTORS_NOT_CONFIGURED".into()));
}

#[test]
fn users_are_managed() {
    let auth = MemoryAuth::new().with_user("u1", "ada@example.com").with_user("u2", "b@x.test");
    let app = with_token().auth_admin(auth).build();
    let post = |path: &str, body: Value| {
        post(&app, &format!("/_lunora/admin/auth/{path}"), &body.to_string())
    };
    let list = get(&app, "/_lunora/admin/auth/users?limit=1&offset=1").json();
    assert_eq!(list, json!({ "rows": [{ "id": "u2", "email": "b@x.test" }], "total": 2 }));

    let created = post("users/create", json!({ "email": "c@x.test", "name": "Cyd", "more": 1 }));
    assert_eq!(created.json(), json!({ "id": "user-3", "email": "c@x.test", "name": "Cyd" }));
    let taken = post("users/create", json!({ "email": "c@x.test", "name": "Cyd" }));
    assert_eq!(taken.error(), (409, "USER_ALREADY_EXISTS".into()));
    assert_eq!(post("users/ban", json!({ "userId": "u1" })).json()["banned"], true);
    assert_eq!(
        post("users/role", json!({ "userId": "u1", "role": ["a", "b"] })).json()["role"],
        json!(["a", "b"])
    );
    assert_eq!(post("users/remove", json!({ "userId": "u1" })).json(), json!({ "ok": true }));
    assert_eq!(
        post("users/remove", json!({ "userId": "u1" })).error(),
        (404, "USER_NOT_FOUND".into())
    );
    let unsupported = post("users/impersonate", json!({ "userId": "u2" }));
    assert_eq!(unsupported.error(), (400, "AUTH_OP_NOT_SUPPORTED".into()));

    for (path, bad) in [
        ("users/ban", json!({})),
        ("users/ban", json!({ "userId": "" })),
        ("users/ban", json!({ "userId": 7 })),
        ("users/ban", json!({ "userId": "u2", "expiresInSeconds": "long" })),
        ("users/role", json!({ "userId": "u2", "role": "  " })),
        ("users/role", json!({ "userId": "u2", "role": [1] })),
        ("users/update", json!({ "userId": "u2", "data": [] })),
        (
            "organizations/roles/create",
            json!({ "organizationId": "o", "role": "r", "permission": { "a": "b" } }),
        ),
    ] {
        assert_eq!(post(path, bad.clone()).error(), (400, "BAD_REQUEST".into()), "{path} {bad}");
    }
    for path in ["accounts", "organizations/members", "users?limit=many"] {
        let answer = get(&app, &format!("/_lunora/admin/auth/{path}"));
        assert_eq!(answer.error(), (400, "BAD_REQUEST".into()), "{path}");
    }
    let none = get(&with_token().build(), "/_lunora/admin/auth/users");
    assert_eq!(none.error(), (400, "AUTH_NOT_CONFIGURED".into()));
}

#[test]
fn archived_logs_are_read_by_page() {
    let line = |ts: u64, level: &str, path: &str| json!({ "ts": ts, "level": level, "functionPath": path, "shardKey": "a" });
    let archive = MemoryLogArchive::new()
        .with_line(line(1, "debug", "rooms:list"))
        .with_line(line(2, "error", "rooms:send"))
        .with_line(line(3, "warn", "mail:send"));
    let app = with_token().log_archive(archive).build();
    let query = |body: Value| post(&app, "/_lunora/admin/logs/archive", &body.to_string());
    let first = query(json!({ "limit": 2, "minLevel": "debug" })).json();
    assert_eq!(first["nextCursor"], json!({ "ts": 2.0 }));
    let rest = query(json!({ "limit": 2, "cursor": first["nextCursor"] })).json();
    assert_eq!(rest, json!({ "rows": [line(1, "debug", "rooms:list")], "nextCursor": null }));
    let count = |body: Value| query(body).json()["rows"].as_array().unwrap().len();
    assert_eq!(count(json!({ "minLevel": "warn" })), 2);
    assert_eq!(count(json!({ "functionPathPrefix": "rooms:", "sinceTs": 2 })), 1);
    assert_eq!(count(json!({ "shardKey": "b" })), 0);
    for bad in [
        json!({ "level": "loud" }),
        json!({ "limit": -1 }),
        json!({ "sinceTs": "yesterday" }),
        json!({ "cursor": { "ts": null } }),
    ] {
        assert_eq!(query(bad.clone()).error(), (400, "BAD_REQUEST".into()), "{bad}");
    }
    let logs = capture_logs();
    let none = post_to_none();
    assert_eq!(none.error(), (400, "LOG_ARCHIVE_NOT_CONFIGURED".into()));
    assert!(logs.lines().is_empty(), "a 400 is the caller's to read");
}

fn post_to_none() -> Answer {
    post(&with_token().build(), "/_lunora/admin/logs/archive", "{}")
}

//! Operations across shards, data movement, snapshots.

use std::cell::Cell;

use serde_json::json;

use super::*;
use crate::{
    backup::BackupConfig,
    builder::VouchedShards,
    coordinator::{QueryCoordinator, Sharding, StaticShardRegistry},
    platform::{ObjectStore, PutOptions},
    testing::{ManualClock, MemoryObjectStore},
};

/// Two shards of `messages` besides the default shard; each answers an operation with the result of
/// `answer` for key, operation and arguments.
fn app(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace) {
    let (app, shards, _) = app_with_clock(answer);
    (app, shards)
}

fn app_with_clock(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace, ManualClock) {
    app_with_drill(answer, None)
}

fn app_with_drill(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
    drill: Option<crate::schedule::CronExpression>,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace, ManualClock) {
    let shards = MemoryNamespace::new(async move |address, mut request: Request| {
        // Health asks whether the shard is up, without a token.
        if request.path() == "/_lunora/status" {
            return Response::empty();
        }
        assert_eq!(request.header("authorization"), Some(BEARER));
        let body: Value = request.json(1 << 20).await.unwrap();
        let operation = body["functionPath"].as_str().unwrap();
        let operation = operation.strip_prefix("__lunora_admin__:").unwrap();
        let result = answer(address.key.as_str(), operation, &body["args"]);
        Response::raw_json(json!({ "result": result }).to_string())
    });
    let registry = StaticShardRegistry::new().table("messages", ["a", "b"]).unwrap();
    let clock = ManualClock::new(1_780_315_200_000);
    let backup = BackupConfig::builder()
        .store(MemoryObjectStore::new().with_clock(&clock))
        .cron(cron!("0 3 * * *"))
        .retain(crate::keep!(1));
    let backup = match drill {
        Some(cron) => backup.drill(cron).build(),
        None => backup.build(),
    };
    let app = testing::builder()
        .shard_do(VouchedShards::new(shards.clone()))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(registry).clock(clock.clone()))
        .sharding(Sharding::new().by("messages", "channel"))
        .backup(backup)
        .clock(clock.clone())
        .build();
    (app, shards, clock)
}

/// Each shard has one message, the default shard one user.
fn export(key: &str, operation: &str, _: &Value) -> Value {
    assert_eq!(operation, "exportShard");
    let table = if key == "__root__" { "users" } else { "messages" };
    json!({"rows": [{"table": table, "doc": {"_id": key}}], "cursor": null, "isDone": true})
}

#[test]
fn an_export_streams_every_row_as_a_line() {
    let (app, _) = app(export);
    let answer = post(&app, "/_lunora/admin/export", "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"table":"users","doc":{"_id":"__root__"}}"#,
            r#"{"table":"messages","doc":{"_id":"a"}}"#,
            r#"{"table":"messages","doc":{"_id":"b"}}"#,
        ]
    );
    let refused = post(&app, "/_lunora/admin/export", r#"{"tables":[""]}"#);
    assert_eq!(refused.error(), (400, "BAD_REQUEST".to_owned()));
}

#[test]
fn serves_operations_on_all_shards_with_the_token_of_the_environment_alone() {
    let shards = MemoryNamespace::new(async |_, request: Request| {
        assert_eq!(request.header("authorization"), Some(BEARER));
        Response::raw_json(r#"{"result":{"rows":[],"cursor":null,"isDone":true}}"#)
    });
    let registry = StaticShardRegistry::new().table("messages", ["a"]).unwrap();
    let app = testing::builder()
        .shard_do(shards)
        .query_coordinator(QueryCoordinator::new(registry).clock(ManualClock::new(0)))
        .build();
    let env = MemoryEnvironment::new().with_var("LUNORA_ADMIN_TOKEN", TOKEN);
    for (path, body) in [
        ("/_lunora/admin/export", "{}"),
        ("/_lunora/admin/import", ""),
        ("/_lunora/admin/sync", "{}"),
        ("/_lunora/admin/apply", r#"{"batches":[]}"#),
        ("/_lunora/admin/shard-traffic", r#"{"table":"messages"}"#),
    ] {
        let asked = request("POST", path, body).with_header("authorization", BEARER);
        assert_eq!(send(&app, &env, asked).status, 200, "{path}");
        assert_eq!(send(&app, &env, request("POST", path, body)).status, 403, "{path}");
    }
}

#[test]
fn an_export_whose_first_shard_fails_is_an_error_and_not_an_empty_success() {
    let _logs = testing::capture_logs();
    let (app, shards) = app(export);
    shards.shard("__root__").hangs();
    // The clock of this test does not advance: the call would wait forever, so the shard fails.
    shards.shard("__root__").fails(|key| crate::platform::ShardCallError::unavailable(key, "gone"));
    let answer = post(&app, "/_lunora/admin/export", "{}");
    assert_eq!(answer.error(), (503, "SHARD_UNAVAILABLE".to_owned()));
}

#[test]
fn an_export_that_fails_later_breaks_off() {
    let _logs = testing::capture_logs();
    let (app, shards) = app(export);
    shards.shard("b").fails(|key| crate::platform::ShardCallError::unavailable(key, "gone"));
    let request =
        request("POST", "/_lunora/admin/export", "{}").with_header("authorization", BEARER);
    block_on(async {
        let response = app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext).await;
        assert_eq!(response.status(), 200);
        let (_, body) = response.into_parts();
        assert!(body.into_bytes(usize::MAX).await.is_err());
    });
}

#[test]
fn the_last_line_of_an_export_proves_what_came_before_if_requested() {
    let (app, _) = app(export);
    let plain = post(&app, "/_lunora/admin/export", "{}").body;
    let sealed = post(&app, "/_lunora/admin/export", r#"{"end":true}"#).body;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&plain);
    let end = json!({"$end": {"rows": 3, "sha256": crate::platform::hex(&digest)}});
    assert_eq!(sealed, format!("{plain}{end}\n"));
}

#[test]
fn an_import_checks_the_last_line_of_an_export() {
    let (app, _) = app(importing);
    let rows = "{\"table\":\"users\",\"doc\":{\"n\":1}}\n{\"table\":\"users\",\"doc\":{}}\n";
    let digest = crate::platform::hex(&<sha2::Sha256 as sha2::Digest>::digest(rows));
    let end = |rows: u32| json!({"$end": {"rows": rows, "sha256": digest}}).to_string();
    let errors = |body: String| {
        let answer = post(&app, "/_lunora/admin/import", &body).json();
        (answer["received"].clone(), answer["errors"].as_array().unwrap().len())
    };
    assert_eq!(errors(format!("{rows}{}\n", end(2))), (json!(2), 0));
    assert_eq!(errors(rows.to_owned()), (json!(2), 0));
    assert_eq!(errors(format!("{rows}{}\n", end(3))), (json!(2), 1));
    assert_eq!(errors(format!("{}{}\n", rows.replace('1', "2"), end(2))), (json!(2), 1));
    assert_eq!(errors(format!("{}\n{rows}", end(2))).1, 3);
}

fn importing(key: &str, operation: &str, args: &Value) -> Value {
    assert_eq!(operation, "importShard");
    let rows = args["rows"].as_array().unwrap().len();
    json!({"conflicts": 0, "errors": [], "inserted": {key: rows}})
}

#[test]
fn imported_rows_go_where_the_sharding_or_the_caller_says() {
    let (app, _) = app(importing);
    let rows = concat!(
        "{\"table\":\"messages\",\"doc\":{\"channel\":\"a\"}}\n",
        "{\"table\":\"users\",\"doc\":{}}\n",
        "nonsense\n",
    );
    let report = post(&app, "/_lunora/admin/import", rows).json();
    assert_eq!(report["inserted"], json!({"__root__": 1, "a": 1}));
    assert_eq!((&report["received"], &report["errors"][0]["line"]), (&json!(3), &json!(3)));
    let report = post(&app, "/_lunora/admin/import?shardKey=there", rows).json();
    assert_eq!(report["inserted"], json!({"there": 2}));
    let refused = post(&app, "/_lunora/admin/import?mode=replace", rows);
    assert_eq!(refused.error(), (400, "IMPORT_FORMAT_UNSUPPORTED".to_owned()));
    let refused = post(&app, "/_lunora/admin/import?shardKey=a::relay::b", rows);
    assert_eq!(refused.error(), (400, "BAD_REQUEST".to_owned()));
}

#[test]
fn an_import_has_no_limit_and_every_other_body_has_one() {
    let (app, _) = app(importing);
    let line = "{\"table\":\"users\",\"doc\":{\"text\":\"0123456789\"}}\n";
    let rows = line.repeat(3 * 1024 * 1024 / line.len());
    let report = post(&app, "/_lunora/admin/import", &rows).json();
    assert_eq!(report["received"].as_u64().unwrap() as usize, rows.lines().count());
    let over = format!("{}{{}}", " ".repeat(4 * 1024 * 1024));
    for path in ["export", "sync", "apply", "connector/sync", "rank", "backup/restore"] {
        let answer = post(&app, &format!("/_lunora/admin/{path}"), &over);
        assert_eq!(answer.error(), (413, "PAYLOAD_TOO_LARGE".to_owned()), "{path}");
    }
}

fn changes(_: &str, operation: &str, args: &Value) -> Value {
    assert_eq!(operation, "cdcSync");
    let since = args["sinceSeq"].as_u64().unwrap();
    json!({
        "changes": [
            {"seq": since + 1, "table": "t", "id": "x", "op": "delete", "ts": 1},
            {"seq": since + 2, "table": "t", "id": "y", "op": "insert", "ts": 2,
             "doc": {"_id": "y", "n": ["$lunora.wire$", "bigint", "7"]}},
        ],
        "cursor": since + 2,
    })
}

#[test]
fn an_import_whose_shard_fails_is_207_and_names_the_shard() {
    let _logs = testing::capture_logs();
    let (app, shards) = app(|_, operation, _| {
        assert_eq!(operation, "importShard");
        json!({"conflicts": 0, "errors": [], "inserted": {"messages": 1}})
    });
    let rows = concat!(
        "{\"table\":\"messages\",\"doc\":{\"channel\":\"a\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"channel\":\"b\"}}\n",
    );
    let whole = post(&app, "/_lunora/admin/import", rows);
    assert_eq!((whole.status, &whole.json()["failed"]), (200, &json!([])));
    shards.shard("b").fails(|key| crate::platform::ShardCallError::unavailable(key, "secret"));
    let partial = post(&app, "/_lunora/admin/import", rows);
    let report = partial.json();
    assert_eq!((partial.status, &report["inserted"]), (207, &json!({"messages": 1})));
    let failed = report["failed"].as_array().unwrap();
    assert_eq!((failed.len(), &failed[0]["shardKey"]), (1, &json!("b")));
    assert_eq!(failed[0]["timedOut"], json!(false));
    assert!(failed[0]["message"].is_string() && !partial.body.contains("secret"));
}

#[test]
fn changes_are_read_shard_by_shard_from_their_cursors() {
    let (app, _) = app(changes);
    let report = post(&app, "/_lunora/admin/sync", r#"{"cursors":{"a":4}}"#).json();
    let cursors: Vec<_> =
        report["shards"].as_array().unwrap().iter().map(|shard| &shard["cursor"]).collect();
    assert_eq!(cursors, [2, 6, 2]);
    assert_eq!(
        report["shards"][1]["changes"][1]["doc"]["n"],
        json!(["$lunora.wire$", "bigint", "7"])
    );
}

#[test]
fn a_connector_gets_plain_json_and_continues_from_its_cursor() {
    let (app, _) = app(changes);
    let first = post(&app, "/_lunora/admin/connector/sync", r#"{"limit":2}"#).json();
    assert_eq!(first["changes"][0], json!({"table": "t", "op": "delete", "doc": {"_id": "x"}}));
    assert_eq!(first["changes"][1]["doc"], json!({"_id": "y", "n": "7"}));
    assert_eq!((first["changes"].as_array().unwrap().len(), &first["hasMore"]), (6, &json!(true)));
    let body = json!({"cursor": first["nextCursor"]}).to_string();
    let second = post(&app, "/_lunora/admin/connector/sync", &body).json();
    assert_ne!(second["nextCursor"], first["nextCursor"]);
    assert_eq!(second["hasMore"], json!(false));
}

#[test]
fn changes_are_applied_and_invalid_batches_skipped() {
    let (app, shards) = app(|_, operation, args| {
        assert_eq!(operation, "applyCdc");
        json!({"applied": args["changes"].as_array().unwrap().len()})
    });
    let body = json!({"batches": [
        {"shardKey": "a", "changes": [{"seq": 1}, {"seq": 2}]},
        {"shardKey": 7, "changes": []},
        null,
    ]});
    let report = post(&app, "/_lunora/admin/apply", &body.to_string()).json();
    assert_eq!(report, json!({"applied": 2, "failed": 0, "ok": 1}));
    assert_eq!(shards.calls().len(), 1);
}

#[test]
fn orchestrations_answer_in_the_shape_of_the_wire() {
    let (app, shards) = app(|_, operation, _| match operation {
        "runMigration" => json!({"changed": 1, "processed": 2, "status": "completed"}),
        "rankBefore" => json!({"before": 2, "total": 5}),
        "rankPage" => json!({"rows": [], "hasMore": false, "directions": ["asc"]}),
        "getMetrics" => json!({"requests": 9}),
        "getPitrBookmark" => json!("bookmark"),
        other => unreachable!("{other}"),
    });
    let migrate =
        r#"{"table":"messages","functionPath":"__lunora_admin__:runMigration","args":{"id":"m"}}"#;
    let report = post(&app, "/_lunora/migrate", migrate).json();
    assert_eq!((&report["changed"], &report["status"]), (&json!(2), &json!("completed")));
    let rank = r#"{"table":"messages","index":"i","partitionKey":"","rowId":"x","sortValues":[1]}"#;
    let report = post(&app, "/_lunora/admin/rank", rank).json();
    assert_eq!((&report["position"], &report["total"]), (&json!(5), &json!(10)));
    let report =
        post(&app, "/_lunora/admin/rankpage", r#"{"table":"messages","index":"i"}"#).json();
    assert_eq!(
        (&report["page"], &report["isDone"], &report["continueCursor"]),
        (&json!([]), &json!(true), &Value::Null)
    );
    let report = post(&app, "/_lunora/admin/shard-traffic", r#"{"table":"messages"}"#).json();
    assert_eq!(report["shards"][0], json!({"requests": 9, "shardKey": "a"}));
    let pitr = r#"{"functionPath":"__lunora_admin__:getPitrBookmark","shardKey":"a"}"#;
    assert_eq!(post(&app, "/_lunora/admin/pitr", pitr).json(), json!({"result": "bookmark"}));
    assert_eq!(shards.calls().last().unwrap().address.key.as_str(), "a");
}

#[test]
fn malformed_requests_across_shards_reach_no_shard() {
    let (app, shards) = app(|_, _, _| Value::Null);
    for (path, body) in [
        ("/_lunora/migrate", r#"{"table":"","functionPath":"__lunora_admin__:runMigration"}"#),
        ("/_lunora/migrate", r#"{"table":"t","functionPath":"__lunora_admin__:clearTable"}"#),
        (
            "/_lunora/migrate",
            r#"{"table":"t","functionPath":"__lunora_admin__:runMigration","args":[]}"#,
        ),
        ("/_lunora/admin/rank", r#"{"table":"t"}"#),
        ("/_lunora/admin/rankpage", r#"{"table":"t","index":""}"#),
        ("/_lunora/admin/rankpage", r#"{"table":"t","index":"i","directions":["up"]}"#),
        ("/_lunora/admin/rankpage", r#"{"table":"t","index":"i","cursor":7}"#),
        ("/_lunora/admin/shard-traffic", "[]"),
        ("/_lunora/admin/pitr", r#"{"functionPath":"messages:list"}"#),
        (
            "/_lunora/admin/pitr",
            r#"{"functionPath":"__lunora_admin__:pitrRestore","shardKey":"a::replica::b"}"#,
        ),
        ("/_lunora/admin/backup/prune", "{}"),
        ("/_lunora/admin/backup/verify", "{}"),
    ] {
        let answer = post(&app, path, body);
        assert_eq!(answer.error(), (400, "BAD_REQUEST".to_owned()), "{path} {body}");
    }
    assert!(shards.calls().is_empty());
}

/// As tools do that know the storage endpoints of the wire, and not the endpoints of this crate.
#[test]
fn a_snapshot_is_found_and_read_as_an_object() {
    let (app, _) = app(export);
    let made = post(&app, "/_lunora/admin/backup/create", "").json();
    let file = made["file"].as_str().unwrap();
    let listed = get(&app, "/_lunora/admin/storage?prefix=backups/").json();
    let keys: Vec<&str> =
        listed["objects"].as_array().unwrap().iter().map(|o| o["key"].as_str().unwrap()).collect();
    assert_eq!(keys, [file, &format!("{file}.manifest.json")]);
    let rows = get(&app, &format!("/_lunora/admin/storage/object?key={file}"));
    assert_eq!(rows.status, 200);
    assert_eq!(rows.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(rows.body.lines().count(), 3);
    let manifest = get(&app, &format!("/_lunora/admin/storage/object?key={file}.manifest.json"));
    assert_eq!(manifest.json()["sha256"], made["sha256"]);
}

#[test]
fn only_snapshots_are_read_from_their_bucket_and_nothing_is_written() {
    let store = MemoryObjectStore::new();
    for key in ["secret", "backups/notes", "backups/lunora-backup-x.ndjson"] {
        block_on(store.put(key, "x".into(), PutOptions::new())).unwrap();
    }
    let backup = BackupConfig::builder().store(store).cron(cron!("0 3 * * *")).build();
    let registry = StaticShardRegistry::new();
    let app = testing::builder()
        .shard_do(VouchedShards::new(shards()))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(registry))
        .backup(backup)
        .build();
    // Rows without a manifest are not a snapshot.
    for key in ["secret", "backups/notes", "backups/lunora-backup-x.ndjson"] {
        let answer = get(&app, &format!("/_lunora/admin/storage/object?key={key}"));
        assert_eq!(answer.status, 404, "{key}");
    }
    let listed = get(&app, "/_lunora/admin/storage?prefix=").json();
    assert_eq!(listed["objects"], json!([]));
    for (method, code) in
        [("PUT", "STORAGE_UPLOAD_NOT_CONFIGURED"), ("DELETE", "STORAGE_DELETE_NOT_CONFIGURED")]
    {
        let answer = ask(&app, method, "/_lunora/admin/storage?key=secret", "");
        assert_eq!(answer.error(), (400, code.to_owned()));
    }
}

#[test]
fn a_snapshot_is_read_beside_the_storage_of_the_application() {
    let files = MemoryObjectStore::new();
    block_on(files.put("a.txt", "mine".into(), PutOptions::new())).unwrap();
    let backup = BackupConfig::builder()
        .store(MemoryObjectStore::new())
        .cron(cron!("0 3 * * *"))
        .allow_empty_registry(true)
        .build();
    let clock = ManualClock::new(1_780_315_200_000);
    let app = testing::builder()
        .shard_do(VouchedShards::new(MemoryNamespace::new(async |_, _| {
            Response::raw_json(r#"{"result":{"rows":[],"cursor":null,"isDone":true}}"#)
        })))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()).clock(clock.clone()))
        .clock(clock)
        .backup(backup)
        .storage(Storage::new("FILES", files))
        .build();
    let made = post(&app, "/_lunora/admin/backup/create", "").json();
    let file = made["file"].as_str().unwrap();
    assert_eq!(get(&app, &format!("/_lunora/admin/storage/object?key={file}")).status, 200);
    assert_eq!(get(&app, "/_lunora/admin/storage/object?key=a.txt").body, "mine");
    let named = get(&app, &format!("/_lunora/admin/storage/object?key={file}&bucket=FILES"));
    assert_eq!(named.error(), (404, "STORAGE_OBJECT_NOT_FOUND".to_owned()));
}

#[test]
fn names_the_tables_that_backups_leave_out_in_manifest_status_and_health() {
    let _logs = testing::capture_logs();
    let clock = ManualClock::new(1_780_315_200_000);
    let store = MemoryObjectStore::new().with_clock(&clock);
    let backup = BackupConfig::builder()
        .store(store)
        .cron(cron!("0 3 * * *"))
        .allow_empty_registry(true)
        .build();
    let app = testing::builder()
        .shard_do(VouchedShards::new(MemoryNamespace::new(async |_, _| {
            Response::raw_json(
                r#"{"result":{"rows":[],"cursor":null,"isDone":true,"otherTables":["stats"]}}"#,
            )
        })))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()).clock(clock.clone()))
        .clock(clock.clone())
        .backup(backup)
        .health(crate::operate::Health::new().admin_only())
        .global_tables(testing::MemoryGlobalTables::new().with_row("plans", json!({ "id": 1 })))
        .build();
    let left_out = json!({ "shardTables": ["stats"], "globalTables": ["plans"] });
    let made = post(&app, "/_lunora/admin/backup/create", "").json();
    assert_eq!(made["leftOut"], left_out);
    let due = crate::schedule::ScheduledEvent::new("0 3 * * *", 1_780_315_260_000);
    block_on(app.scheduled(due, &MemoryEnvironment::new(), &NoopExecutionContext)).unwrap();
    assert_eq!(get(&app, "/_lunora/admin/backup/status").json()["last"]["leftOut"], left_out);
    let health = get(&app, "/_lunora/health").json();
    let checks = health["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "backup").unwrap();
    assert_eq!(check["status"], "up");
    let message = check["message"].as_str().unwrap();
    assert!(message.contains("`stats`") && message.contains("`plans`"), "{message}");
}

#[test]
fn a_manual_snapshot_is_taken_listed_verified_read_and_kept() {
    let (app, _) = app(export);
    let made = post(&app, "/_lunora/admin/backup/create", "").json();
    assert_eq!((&made["rows"], made.get("cron")), (&json!(3), None));
    let listed = get(&app, "/_lunora/admin/backup/list").json();
    assert_eq!(listed["snapshots"][0]["id"], made["id"]);
    let body = json!({"id": made["id"]}).to_string();
    let verified = post(&app, "/_lunora/admin/backup/verify", &body).json();
    assert_eq!((&verified["ok"], &verified["rows"]), (&json!(true), &json!(3)));
    let id = made["id"].as_str().unwrap();
    let read = get(&app, &format!("/_lunora/admin/backup/object?id={id}"));
    assert_eq!(read.body.lines().count(), 3);
    let report = get(&app, "/_lunora/admin/backup/retention").json();
    assert_eq!(
        report,
        json!({"cron": "0 3 * * *", "eligible": 0, "keep": 1, "prefix": "backups/", "wouldDelete": []})
    );
    let missing = post(&app, "/_lunora/admin/backup/verify", r#"{"id":"x"}"#);
    assert_eq!(missing.error(), (404, "STORAGE_OBJECT_NOT_FOUND".to_owned()));
}

#[test]
fn a_deployment_without_a_coordinator_says_so() {
    let app = with_token().build();
    for path in ["migrate", "admin/rank", "admin/export", "admin/import", "admin/sync"] {
        let answer = post(&app, &format!("/_lunora/{path}"), "{}");
        assert_eq!(answer.error(), (400, "BAD_REQUEST".to_owned()), "{path}");
    }
    let answer = get(&app, "/_lunora/admin/backup/list");
    assert_eq!(answer.error(), (500, "BACKUP_NOT_CONFIGURED".to_owned()));
}

#[test]
fn an_overdue_backup_makes_health_unhealthy_and_leaves_readiness_alone() {
    let logs = testing::capture_logs();
    let (app, _, clock) = app_with_clock(export);
    let status = get(&app, "/_lunora/admin/backup/status").json();
    assert_eq!(status["overdue"], false);
    let health = get(&app, "/_lunora/health");
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("healthy")));
    clock.advance(std::time::Duration::from_secs(16 * 60 * 60));
    let health = get(&app, "/_lunora/health");
    assert_eq!(health.status, 503);
    assert_eq!(
        health.json()["checks"][0],
        json!({ "critical": true, "name": "backup", "status": "down" })
    );
    assert!(logs.lines()[0].contains("`0 3 * * *` was due at 2026-06-02T03:00:00.000Z"));
    assert_eq!(get(&app, "/_lunora/health/ready").status, 200);
    let status = get(&app, "/_lunora/admin/backup/status").json();
    assert_eq!(
        status,
        json!({
            "cron": "0 3 * * *", "due": "2026-06-02T03:00:00.000Z",
            "next": "2026-06-03T03:00:00.000Z", "since": "2026-06-01T12:00:00.000Z",
            "overdue": true,
        })
    );
}

#[test]
fn a_drill_runs_on_its_trigger_and_a_failed_one_makes_health_unhealthy() {
    let _logs = testing::capture_logs();
    let scratch = Rc::new(RefCell::new(Vec::new()));
    let loses_rows = Rc::new(Cell::new(false));
    let (rows, loses) = (scratch.clone(), loses_rows.clone());
    let answer = move |key: &str, operation: &str, args: &Value| match (key, operation) {
        ("__lunora_drill__::replica::0", "exportShard") => {
            json!({"rows": *rows.borrow(), "cursor": null, "isDone": true})
        }
        (_, "exportShard") => export(key, operation, args),
        ("__lunora_drill__::replica::0", "emptyScratch") => {
            rows.borrow_mut().clear();
            json!({"ok": true})
        }
        ("__lunora_drill__::replica::0", "importShard") => {
            let taken = args["rows"].as_array().unwrap().iter().cloned();
            rows.borrow_mut().extend(taken.filter(|_| !loses.get()));
            json!({"conflicts": 0, "errors": [], "inserted": {}})
        }
        other => unreachable!("{other:?}"),
    };
    // The same trigger as the backup's: both run, concurrently.
    let (app, shards, clock) = app_with_drill(answer, Some(cron!("0 3 * * *")));
    let made = post(&app, "/_lunora/admin/backup/create", "").json();
    let at = |time| crate::schedule::ScheduledEvent::new("0 3 * * *", time);
    let fire = |time| {
        clock.advance(std::time::Duration::from_secs(60));
        block_on(app.scheduled(at(time), &MemoryEnvironment::new(), &NoopExecutionContext))
    };
    fire(1_780_315_260_000).unwrap();
    let status = get(&app, "/_lunora/admin/backup/status").json();
    assert_eq!((&status["drill"]["last"]["ok"], &status["overdue"]), (&json!(true), &json!(false)));
    assert_eq!(get(&app, "/_lunora/health").status, 200);

    loses_rows.set(true);
    let failed = fire(1_780_315_320_000).unwrap_err();
    assert_eq!(failed.failures().len(), 1);
    assert_eq!(failed.failures()[0].code(), "BACKUP_DRILL_FAILED");
    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(get(&app, "/_lunora/health").status, 503);
    let problem = &get(&app, "/_lunora/admin/backup/status").json()["drill"]["last"]["problem"];
    assert_eq!(problem["shardKey"], "__root__");

    let body = json!({ "id": made["id"] }).to_string();
    let again = post(&app, "/_lunora/admin/backup/drill", &body).json();
    assert_eq!((&again["ok"], &again["id"]), (&json!(false), &made["id"]));
    loses_rows.set(false);
    let again = post(&app, "/_lunora/admin/backup/drill", "{}").json();
    assert_eq!(
        (&again["ok"], &again["shards"], &again["rows"]),
        (&json!(true), &json!(3), &json!(3))
    );
    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(get(&app, "/_lunora/health").status, 200);
    assert!(scratch.borrow().is_empty());
    let missing = post(&app, "/_lunora/admin/backup/drill", r#"{"id":"x"}"#);
    assert_eq!(missing.error(), (404, "STORAGE_OBJECT_NOT_FOUND".to_owned()));
    assert!(!shards.calls().is_empty());
}

/// Shard `c` has a message too, but is not in any registry.
fn contents(key: &str, operation: &str, args: &Value) -> Value {
    match operation {
        "listTables" => json!([{"name": "messages", "rowCount": u8::from(key == "c")}]),
        "exportShard" => json!({"rows": [], "cursor": null, "isDone": true}),
        "forgetAnnouncement" => json!({"ok": true}),
        other => unreachable!("{other} {args}"),
    }
}

#[test]
fn a_rebuild_of_the_registry_asks_the_shards_that_are_named_and_those_of_snapshots() {
    let _logs = testing::capture_logs();
    let path = "/_lunora/admin/registry/rebuild";
    let (app, shards) = app(contents);
    let report = post(&app, path, r#"{"keys":["c"," d "]}"#).json();
    assert_eq!(report["listed"], json!(["a", "b"]));
    assert_eq!(report["empty"], json!([" d ", "__root__"]));
    // This registry has fixed contents and cannot register a shard.
    assert_eq!(report["failed"][0]["shardKey"], "c");
    assert!(report["unseen"].as_str().unwrap().contains("in no snapshot"), "{report}");
    let asked = |key: &str| shards.calls().iter().any(|call| call.address.key.as_str() == key);
    assert!(asked(" d ") && !asked("d"));
    let report = post(&app, path, r#"{"snapshots":false}"#).json();
    assert!(report["unseen"].as_str().unwrap().contains("no snapshot was read"), "{report}");
}

#[test]
fn a_rebuild_of_the_registry_rejects_invalid_and_too_many_keys_before_a_shard_is_asked() {
    let (app, shards) = app(contents);
    let many = json!({ "keys": vec!["k"; 10_001] });
    for body in [
        json!({ "keys": ["a", "x::relay::1"] }),
        json!({ "keys": ["k".repeat(1025)] }),
        json!({ "keys": [7] }),
        json!({ "keys": "a" }),
        many,
    ] {
        let answer = post(&app, "/_lunora/admin/registry/rebuild", &body.to_string());
        assert_eq!(answer.error(), (400, "BAD_REQUEST".to_owned()), "{}", answer.body);
    }
    assert!(shards.calls().is_empty());
}

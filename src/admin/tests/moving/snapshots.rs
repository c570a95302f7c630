//! Backups through the plane.

use super::*;

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
        .build();
    let left_out = json!({ "shardTables": ["stats"] });
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
    assert!(message.contains("`stats`"), "{message}");
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

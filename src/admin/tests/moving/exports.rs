//! Exports and imports through the plane.

use super::*;

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

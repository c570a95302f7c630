//! Change feeds, and what runs over all shards.

use super::*;

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

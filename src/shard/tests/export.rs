//! Exports: whole, or page by page while others write.

use super::{
    admin::{TOKEN, ok},
    *,
};

fn operator(shard: &TestShard) -> TestShard {
    shard.admin_token(TOKEN)
}

fn put(shard: &TestShard, id: &str, text: &str) {
    shard.call::<()>("notes:put", &json!({ "id": id, "note": { "text": text } })).unwrap();
}

fn ids(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        format!("{}/{}", row["table"].as_str().unwrap(), row["doc"]["_id"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn without_a_cursor_everything_comes_at_once() {
    let shard = shard();
    for id in ["b", "a"] {
        put(&shard, id, "x");
    }
    shard.call::<bool>("notes:delete", &json!({ "id": "a" })).unwrap();
    let sent = say(&shard, "hello");
    let result = ok(operator(&shard).admin("exportShard", &json!({ "batchSize": 1 })));
    assert_eq!(result.as_object().unwrap().len(), 1);
    assert_eq!(ids(&result["rows"]), [&format!("messages/{}", sent.id), "notes/a", "notes/b"]);
    assert_eq!(result["rows"][1]["doc"]["_deletedAt"], 1_700_000_000_000_u64);
    let some =
        ok(operator(&shard).admin("exportShard", &json!({ "tables": ["notes", "unheard"] })));
    assert_eq!(ids(&some["rows"]), ["notes/a", "notes/b"]);
    let empty_list = ok(operator(&shard).admin("exportShard", &json!({ "tables": [] })));
    assert_eq!(empty_list, result);
}

#[test]
fn pages_deliver_what_stays_exactly_once_whatever_is_written_between_them() {
    let shard = shard();
    let operator = operator(&shard);
    let stays: Vec<_> = (0..40).map(|n| format!("stay-{n:02}")).collect();
    stays.iter().for_each(|id| put(&shard, id, "x"));
    say(&shard, "in another table");
    let (mut cursor, mut seen, mut rounds) = (Value::Null, Vec::new(), 0);
    loop {
        let page = ok(operator.admin("exportShard", &json!({ "cursor": cursor, "batchSize": 7 })));
        seen.extend(ids(&page["rows"]));
        assert!(page["seq"].as_u64().unwrap() >= 41);
        assert_eq!(page["isDone"], json!(page["cursor"].is_null()));
        if page["isDone"] == json!(true) {
            break;
        }
        cursor = page["cursor"].clone();
        // Before, behind, and the very document that the cursor names.
        put(&shard, &format!("a-{rounds}"), "x");
        put(&shard, &format!("stay-{rounds:02}-more"), "x");
        put(&shard, &format!("z-{rounds}"), "x");
        let last = seen.last().unwrap().split_once('/').unwrap().1.to_owned();
        if !stays.contains(&last) {
            shard.call::<bool>("notes:delete", &json!({ "id": last })).unwrap();
        }
        rounds += 1;
        assert!(rounds < 50);
    }
    for id in stays {
        let times = seen.iter().filter(|seen| **seen == format!("notes/{id}")).count();
        assert_eq!(times, 1, "{id}");
    }
    assert_eq!(seen.iter().filter(|id| id.starts_with("messages/")).count(), 1);
}

#[test]
fn a_page_ends_at_its_bytes_but_has_one_row_at_least() {
    let shard = shard();
    let operator = operator(&shard);
    for id in ["a", "b", "c", "d"] {
        put(&shard, id, &"x".repeat(1000));
    }
    let page = |cursor: &Value, bytes: u64| {
        ok(operator.admin("exportShard", &json!({ "cursor": cursor, "maxBytes": bytes })))
    };
    let first = page(&Value::Null, 2500);
    assert_eq!(ids(&first["rows"]), ["notes/a", "notes/b"]);
    let second = page(&first["cursor"], 1);
    assert_eq!(ids(&second["rows"]), ["notes/c"]);
    let third = page(&second["cursor"], 0);
    assert_eq!((ids(&third["rows"]), &third["isDone"]), (vec!["notes/d".to_owned()], &json!(true)));
}

#[test]
fn an_empty_shard_is_done_at_once_and_a_bad_cursor_is_an_error() {
    let shard = shard();
    let operator = operator(&shard);
    let page = ok(operator.admin("exportShard", &json!({ "cursor": null })));
    assert_eq!(page, json!({ "rows": [], "cursor": null, "isDone": true, "seq": 0 }));
    for cursor in [json!("x"), json!(""), json!("W10"), json!(5)] {
        assert_eq!(operator.admin("exportShard", &json!({ "cursor": cursor })).0, 400, "{cursor}");
    }
}

#[test]
fn an_export_imported_elsewhere_is_the_same_export() {
    let shard = shard();
    put(&shard, "a", "soft-deleted");
    shard.call::<bool>("notes:delete", &json!({ "id": "a" })).unwrap();
    let exact = r#"{"functionPath":"notes:put","args":{"id":"b","note":{"big":["$lunora.wire$","bigint","9007199254740993"],"n":1e21,"s":"\u0000é"}}}"#;
    assert_eq!(shard.post("/rpc", exact).0, 200);
    say(&shard, "hello");
    let rows = ok(operator(&shard).admin("exportShard", &json!({})))["rows"].clone();
    let elsewhere = super::shard();
    let report = ok(operator(&elsewhere).admin("importShard", &json!({ "rows": rows })));
    assert_eq!(
        report,
        json!({ "conflicts": 0, "errors": [], "inserted": { "messages": 1, "notes": 2 } })
    );
    assert_eq!(ok(operator(&elsewhere).admin("exportShard", &json!({})))["rows"], rows);
    assert_eq!(texts(&elsewhere), ["hello"]);
    assert!(query(&elsewhere, |ctx| ctx.db().get(NOTES, "a")).unwrap().0.is_none());
}

#[test]
fn the_last_page_names_the_tables_that_no_export_has() {
    let shard = shard();
    put(&shard, "a", "x");
    let page = |shard: &TestShard| {
        ok(operator(shard).admin("exportShard", &json!({ "cursor": null, "batchSize": 100 })))
    };
    assert_eq!(page(&shard).get("otherTables"), None);
    for sql in [
        "CREATE TABLE stats(name TEXT PRIMARY KEY)",
        "CREATE TABLE \"odd \"\" name\"(x)",
        "CREATE TABLE _cf_KV(x)",
        "CREATE TABLE counted(x INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE lunora_like(x)",
    ] {
        shard.host().exec(sql, &[]).unwrap();
    }
    let others = json!(["counted", "lunora_like", "odd \" name", "stats"]);
    assert_eq!(page(&shard)["otherTables"], others);
    // A table that is no longer declared keeps its documents, and no export has them.
    let woken = shard.wake(ShardDefinition::new());
    let page =
        ok(operator(&woken).admin("exportShard", &json!({ "cursor": null, "batchSize": 1 })));
    assert!(page["otherTables"].as_array().unwrap().contains(&json!("notes")));
    let first = json!({ "cursor": null, "batchSize": 1 });
    put(&shard, "b", "x");
    assert_eq!(ok(operator(&shard).admin("exportShard", &first)).get("otherTables"), None);
}

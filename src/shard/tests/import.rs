//! Imports: each row for itself, all in one transaction.

use super::{
    admin::{TOKEN, ok},
    *,
};

fn import(shard: &TestShard, rows: Value) -> Value {
    ok(shard.admin_token(TOKEN).admin("importShard", &json!({ "rows": rows, "startLine": 10 })))
}

#[test]
fn a_bad_row_is_told_and_the_others_stay() {
    let shard = shard();
    let row = |doc: Value| json!({ "table": "messages", "doc": doc });
    let report = import(
        &shard,
        json!([
            row(json!({ "_id": "a", "_creationTime": 5.25, "_commitSeq": 7, "author": "ada", "text": "a" })),
            row(json!({ "_id": "a", "author": "eve", "text": "takes the id" })),
            "nonsense",
            { "table": "messages" },
            { "doc": {} },
            row(json!([])),
            { "table": "unheard", "doc": { "_id": "x" } },
            row(json!({ "_id": 5 })),
            row(json!({ "_id": "" })),
            row(json!({ "_id": "t", "_creationTime": "yesterday" })),
            row(json!({ "_id": "w", "when": ["$lunora.wire$", "date", "today"] })),
            row(json!({ "author": "bob", "text": "gets an id" })),
        ]),
    );
    assert_eq!(report["conflicts"], 1);
    assert_eq!(report["inserted"], json!({ "messages": 2 }));
    let errors: Vec<_> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let text = |name: &str| error[name].as_str().unwrap().to_owned();
            (error["line"].as_u64().unwrap(), text("code"), text("table"))
        })
        .collect();
    let expected = [
        (12, "BAD_ROW", ""),
        (13, "BAD_ROW", "messages"),
        (14, "BAD_ROW", ""),
        (15, "BAD_ROW", "messages"),
        (16, "UNKNOWN_TABLE", "unheard"),
        (17, "VALIDATION_ERROR", "messages"),
        (18, "VALIDATION_ERROR", "messages"),
        (19, "VALIDATION_ERROR", "messages"),
        (20, "VALIDATION_ERROR", "messages"),
    ];
    let expected = expected.map(|(line, code, table)| (line, code.to_owned(), table.to_owned()));
    assert_eq!(errors, expected);
    let (kept, _) = query(&shard, |ctx| ctx.db().get(MESSAGES, "a")).unwrap();
    let kept = kept.unwrap();
    assert_eq!((kept.creation_time, &*kept.author), (5.25, "ada"));
    let text = query(&shard, |ctx| {
        ctx.db().sql("SELECT doc FROM messages WHERE _id='a'").first::<String>()
    });
    assert_eq!(
        text.unwrap().0.unwrap(),
        r#"{"_id":"a","_creationTime":5.25,"author":"ada","text":"a"}"#
    );
    assert_eq!(texts(&shard), ["a", "gets an id"]);
}

#[test]
fn a_document_too_large_for_sqlite_is_one_bad_row() {
    let shard = shard();
    let report = import(
        &shard,
        json!([
            { "table": "messages", "doc": { "_id": "big", "author": "a", "text": "x".repeat(2_100_000) } },
            { "table": "messages", "doc": { "_id": "small", "author": "a", "text": "small" } },
        ]),
    );
    assert_eq!(report["errors"][0]["code"], "INSERT_FAILED");
    assert_eq!(texts(&shard), ["small"]);
}

#[test]
fn a_database_that_fails_undoes_the_whole_call() {
    let shard = shard();
    say(&shard, "there");
    let operator = shard.admin_token(TOKEN);
    shard.host().fail_statements_with(Some("INSERT INTO \"_lunora_changes\""));
    let rows = json!({ "rows": [{ "table": "messages", "doc": { "_id": "a" } }] });
    assert_eq!(operator.admin("importShard", &rows).0, 500);
    shard.host().fail_statements_with(None);
    assert_eq!(texts(&shard), ["there"]);
}

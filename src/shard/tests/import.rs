//! Imports: each row for itself, all in one transaction.

use super::{
    admin::{TOKEN, ok},
    *,
};

pub(super) fn import(shard: &TestShard, rows: Value) -> Value {
    ok(shard.admin_token(TOKEN).admin("importShard", &json!({ "rows": rows, "startLine": 10 })))
}

#[test]
fn a_bad_row_is_reported_and_the_others_stay() {
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
    let rows = json!({ "rows": [
        { "table": "messages", "doc": { "_id": "a", "author": "ada", "text": "a" } }
    ] });
    assert_eq!(operator.admin("importShard", &rows).0, 500);
    shard.host().fail_statements_with(None);
    assert_eq!(texts(&shard), ["there"]);
}

#[test]
fn rejects_a_row_that_is_not_of_the_table_s_type() {
    let shard = shard();
    let report = import(
        &shard,
        json!([
            { "table": "messages", "doc": { "_id": "a", "author": "ada", "text": "a" } },
            { "table": "messages", "doc": { "_id": "b", "author": 5, "text": "b" } },
            { "table": "messages", "doc": { "_id": "c", "author": "ada", "text": "c" } },
        ]),
    );
    let error = &report["errors"][0];
    assert_eq!((&error["line"], &error["code"]), (&json!(11), &json!("VALIDATION_ERROR")));
    assert!(error["message"].as_str().unwrap().starts_with("author: "), "{error}");
    assert_eq!(texts(&shard), ["a", "c"]);

    let operator = shard.admin_token(TOKEN);
    for args in [
        json!({"op": "insert", "table": "messages", "doc": {"author": 5, "text": "b"}}),
        json!({"op": "patch", "table": "messages", "id": "a", "doc": {"author": 5}}),
    ] {
        assert_eq!(operator.admin("writeRow", &args).0, 400, "{args}");
    }
    let change = |seq: u64, id: &str, doc: Value| json!({"seq": seq, "table": "messages", "id": id, "op": "insert", "doc": doc, "ts": 1});
    let changes = json!({"changes": [
        change(1, "x", json!({"author": 5, "text": "x"})),
        change(2, "y", json!({"author": "ada", "text": "y"})),
    ]});
    let applied = ok(operator.admin("applyCdc", &changes));
    assert_eq!((&applied["applied"], &applied["errors"][0]["seq"]), (&json!(1), &json!(1)));
    assert_eq!(texts(&shard), ["a", "c", "y"]);
}

#[test]
fn a_mutation_stores_nothing_that_an_import_refuses() {
    let shard = shard().system();
    let refused = shard.post(
        "/rpc",
        r#"{"functionPath":"notes:put","args":{"id":"n","note":{"tags":["$lunora.wire$","bigint","boom"]}}}"#,
    );
    assert_eq!(refused.0, 400, "{}", refused.1);
}

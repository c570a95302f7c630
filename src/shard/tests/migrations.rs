//! Migrations: in batches, resumed where they were, undone.

use super::{
    admin::{TOKEN, ok},
    *,
};

#[derive(Deserialize)]
struct Old {
    text: String,
}

#[derive(Deserialize, Serialize)]
struct New {
    text: String,
    length: usize,
}

impl New {
    fn of(old: Old) -> Self {
        Self { length: old.text.len(), text: old.text }
    }
}

fn up(old: Old) -> Result<Option<New>, LunoraError> {
    if old.text == "bad" {
        return Err(LunoraError::custom("BAD_DOCUMENT", 422, "this one cannot be migrated"));
    }
    Ok((old.text != "leave me").then(|| New::of(old)))
}

fn down(new: New) -> Result<Option<Value>, LunoraError> {
    Ok(Some(json!({ "text": new.text })))
}

fn definition() -> ShardDefinition {
    super::definition()
        .reversible_migration("add-length", NOTES, up, down)
        .migration("once", NOTES, up)
}

fn notes(texts: &[&str]) -> TestShard {
    let shard = TestShard::new(definition());
    for (n, text) in texts.iter().enumerate() {
        shard
            .call::<()>("notes:put", &json!({ "id": format!("n{n}"), "note": { "text": text } }))
            .unwrap();
    }
    shard
}

fn run(shard: &TestShard, args: Value) -> Value {
    ok(shard.admin_token(TOKEN).admin("runMigration", &args))
}

fn lengths(shard: &TestShard) -> Vec<Value> {
    let notes: Vec<Value> = shard.call("notes:list", &NoArgs {}).unwrap();
    notes.into_iter().map(|note| note["length"].clone()).collect()
}

#[test]
fn a_migration_runs_once_and_can_be_undone() {
    let shard = notes(&["a", "bb", "leave me", "cccc"]);
    shard.call::<bool>("notes:delete", &json!({ "id": "n1" })).unwrap();
    let done = run(
        &shard,
        json!({ "id": "add-length", "direction": "up", "dryRun": false, "batchSize": 3 }),
    );
    assert_eq!(
        (&done["status"], &done["processed"], &done["changed"]),
        (&json!("completed"), &json!(4), &json!(3))
    );
    assert_eq!(lengths(&shard), [json!(1), Value::Null, json!(4)]);
    let exported = ok(shard.admin_token(TOKEN).admin("exportShard", &json!({})));
    let deleted = &exported["rows"][1]["doc"];
    assert_eq!((&deleted["length"], deleted["_deletedAt"].is_number()), (&json!(2), true));
    let cursor = shard.shard().cursor().unwrap();
    let again = run(&shard, json!({ "id": "add-length", "direction": "up" }));
    assert_eq!((&again["status"], &again["processed"]), (&json!("completed"), &json!(4)));
    assert_eq!(shard.shard().cursor().unwrap(), cursor);

    mutate(&shard, |ctx| ctx.db().patch(NOTES, "n2", &json!({ "length": 8 }))).unwrap();
    let undone = run(&shard, json!({ "id": "add-length", "direction": "down" }));
    assert_eq!(
        (&undone["status"], &undone["direction"], &undone["changed"]),
        (&json!("completed"), &json!("down"), &json!(4))
    );
    assert_eq!(lengths(&shard), [Value::Null, Value::Null, Value::Null]);
}

#[test]
fn a_run_resumes_where_the_last_one_stopped() {
    let shard = notes(&["a", "b", "c", "d", "e"]);
    let some = |shard: &TestShard| {
        run(shard, json!({ "id": "add-length", "batchSize": 2, "maxBatches": 1 }))
    };
    assert_eq!(some(&shard)["status"], "in_progress");
    let woken = shard.wake(definition());
    let second = some(&woken);
    assert_eq!((&second["processed"], &second["status"]), (&json!(4), &json!("in_progress")));
    let status =
        ok(woken.admin_token(TOKEN).admin("migrationStatus", &json!({ "id": "add-length" })));
    assert_eq!((&status["processed"], &status["status"]), (&json!(4), &json!("in_progress")));
    assert_eq!(some(&woken)["status"], "completed");
    assert_eq!(lengths(&woken), vec![json!(1); 5]);
    // Each document was written once.
    assert_eq!(woken.shard().cursor().unwrap(), 10);
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let shard = notes(&["a", "leave me", "c"]);
    let dry = run(&shard, json!({ "id": "add-length", "dryRun": true }));
    assert_eq!(
        (&dry["dryRun"], &dry["processed"], &dry["changed"], &dry["status"]),
        (&json!(true), &json!(3), &json!(2), &json!("completed"))
    );
    assert_eq!(lengths(&shard), vec![Value::Null; 3]);
    let all = ok(shard.admin_token(TOKEN).admin("migrationStatus", &json!({})));
    assert_eq!((all.as_array().unwrap().len(), &all[0]["status"]), (2, &json!("in_progress")));
}

#[test]
fn a_document_that_fails_stops_the_run_and_keeps_what_was_done() {
    let shard = notes(&["a", "b", "c", "bad", "e"]);
    let logs = crate::testing::capture_logs();
    let failed = run(&shard, json!({ "id": "add-length", "batchSize": 2 }));
    assert_eq!((&failed["status"], &failed["processed"]), (&json!("failed"), &json!(2)));
    assert_eq!(failed["error"], "this one cannot be migrated");
    assert_eq!(logs.lines().len(), 1);
    assert_eq!(lengths(&shard), [json!(1), json!(1), Value::Null, Value::Null, Value::Null]);
    mutate(&shard, |ctx| ctx.db().patch(NOTES, "n3", &json!({ "text": "good" }))).unwrap();
    let resumed = run(&shard, json!({ "id": "add-length", "batchSize": 2 }));
    assert_eq!((&resumed["status"], &resumed["processed"]), (&json!("completed"), &json!(5)));
    assert_eq!(resumed["error"], Value::Null);
}

#[test]
fn unknown_and_invalid_migrations_are_errors() {
    let operator = notes(&[]).admin_token(TOKEN);
    let code = |args: Value| code_of(&operator.admin("runMigration", &args)).1.to_owned();
    assert_eq!(code(json!({})), "MIGRATION_ID_REQUIRED");
    assert_eq!(code(json!({ "id": "" })), "MIGRATION_ID_REQUIRED");
    assert_eq!(code(json!({ "id": "unheard" })), "MIGRATION_NOT_FOUND");
    assert_eq!(code(json!({ "id": "once", "direction": "down" })), "BAD_REQUEST");
    assert_eq!(code(json!({ "id": "once", "direction": "sideways" })), "BAD_REQUEST");
    let twice = definition().migration("once", NOTES, up);
    assert!(twice.check().is_err());
    const UNHEARD: Table = table!("unheard");
    assert!(ShardDefinition::new().migration("x", UNHEARD, up).check().is_err());
}

#[test]
fn a_dropped_table_keeps_its_documents_until_its_migration_runs() {
    let shard = notes(&["a", "b"]);
    let without = || ShardDefinition::new().table(MESSAGES).drops("drop-notes", "notes");
    let shard = shard.wake(without());
    let dry = run(&shard, json!({ "id": "drop-notes", "dryRun": true }));
    assert_eq!((&dry["status"], &dry["changed"]), (&json!("completed"), &json!(2)));
    let done = run(&shard, json!({ "id": "drop-notes" }));
    assert_eq!((&done["status"], &done["changed"]), (&json!("completed"), &json!(2)));
    assert_eq!(run(&shard, json!({ "id": "drop-notes" }))["changed"], 2);
    let operator = shard.admin_token(TOKEN);
    let args = json!({ "id": "drop-notes", "direction": "down" });
    assert_eq!(operator.admin("runMigration", &args).0, 400);
    assert_eq!(lengths(&shard.wake(definition())), Vec::<Value>::new());
}

#[test]
fn what_is_declared_or_has_an_invalid_name_is_not_dropped() {
    const INDEXED: Table<New> = table!("notes").index("by_text", &["text"]);
    let with = |name| ShardDefinition::new().table(INDEXED).drops("drop", name).check();
    for name in
        ["notes", "NOTES", "notes.by_text", "sqlite_master", "_lunora_meta", "a.b.c", "a.", ""]
    {
        assert!(with(name).is_err(), "{name}");
    }
    for name in ["members", "notes2", "notes.by_author", "members.by_name"] {
        assert!(with(name).is_ok(), "{name}");
    }
}

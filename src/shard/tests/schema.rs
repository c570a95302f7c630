//! The tables and indexes in SQLite follow the definition.

use super::*;

fn indexes(shard: &TestShard) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type='index' AND name LIKE 'messages.%' ORDER BY name";
    let rows = shard.host().exec(sql, &[]).unwrap().rows;
    rows.into_iter()
        .map(|row| match &row[0] {
            SqlCell::Text(name) => name.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}

const BEFORE: Table<Message> = table!("messages").index("a", &["author"]).index("b", &["text"]);
const AFTER: Table<Message> =
    table!("messages").index("b", &["text", "author"]).index("c", &["rank"]);

fn with(table: Table<Message>) -> ShardDefinition {
    ShardDefinition::new().table(table).mutation("messages:send", send).query("messages:list", list)
}

#[test]
fn indexes_come_go_and_change_and_documents_stay() {
    let shard = TestShard::new(with(BEFORE));
    say(&shard, "kept");
    assert_eq!(indexes(&shard), ["messages.a", "messages.b", "messages.by_creation"]);
    let shard = shard.wake(with(AFTER));
    assert_eq!(texts(&shard), ["kept"]);
    assert_eq!(indexes(&shard), ["messages.b", "messages.by_creation", "messages.c"]);
    let rows =
        shard.host().exec("SELECT sql FROM sqlite_master WHERE name='messages.b'", &[]).unwrap();
    assert!(format!("{rows:?}").contains("author"));
    // A table that is no longer declared keeps its documents.
    let gone = shard.wake(ShardDefinition::new());
    assert_eq!(gone.answer("messages:list", &json!({})).0, 404);
    assert_eq!(texts(&gone.wake(with(BEFORE))), ["kept"]);
}

#[test]
fn a_shard_that_knows_its_definition_asks_twice_when_it_wakes() {
    let shard = TestShard::new(with(BEFORE));
    texts(&shard);
    let woken = shard.wake(with(BEFORE));
    let before = shard.host().statements();
    texts(&woken);
    assert_eq!(shard.host().statements() - before, 3, "two for the schema, one for the query");
}

#[test]
fn a_schema_that_could_not_be_made_is_made_at_the_next_call() {
    let shard = TestShard::new(with(BEFORE));
    shard.host().fail_statements_with(Some("messages.b"));
    assert_eq!(shard.answer("messages:list", &json!({})).0, 500);
    assert_eq!(indexes(&shard), Vec::<String>::new());
    shard.host().fail_statements_with(None);
    assert_eq!(shard.answer("messages:list", &json!({})).0, 200);
}

#[test]
fn an_insert_costs_two_statements_and_a_replayable_one_four() {
    let shard = shard();
    say(&shard, "opens the shard");
    let count = |shard: &TestShard| {
        let before = shard.host().statements();
        say(shard, "x");
        shard.host().statements() - before
    };
    assert_eq!(count(&shard), 2);
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m");
    say(&ada, "sweeps once");
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "n");
    assert_eq!(count(&ada), 4);
}

#[test]
fn tables_of_an_earlier_version_get_the_columns_they_lack() {
    let shard = shard();
    let ada = shard.user("ada").with_header("x-lunora-client-id", "c");
    let numbered = |seq: &str| {
        let client = ada.with_header("x-lunora-client-seq", seq);
        client.answer("messages:send", &json!({ "author": "ada", "text": "x" })).0
    };
    assert_eq!(numbered("1"), 200);
    for sql in [
        "ALTER TABLE _lunora_watermarks DROP COLUMN restored",
        "ALTER TABLE _lunora_watermarks DROP COLUMN round",
        "ALTER TABLE _lunora_replies DROP COLUMN round",
        "UPDATE _lunora_meta SET value='earlier' WHERE name='schema'",
    ] {
        shard.host().exec(sql, &[]).unwrap();
    }
    let woken = shard.wake(definition());
    let ada = woken.user("ada").with_header("x-lunora-client-id", "c");
    let numbered = |seq: &str| {
        let client = ada.with_header("x-lunora-client-seq", seq);
        client.answer("messages:send", &json!({ "author": "ada", "text": "x" })).0
    };
    assert_eq!((numbered("3"), numbered("2")), (409, 200));
}

fn woken_at(shard: &TestShard, version: u32, definition: ShardDefinition) -> TestShard {
    let woken = shard.wake(definition);
    woken.shard().set_schema_version(version);
    woken
}

#[test]
fn refuses_data_that_a_newer_version_has_opened() {
    let shard = TestShard::new(with(BEFORE));
    say(&shard, "kept");
    assert_eq!(texts(&woken_at(&shard, 2, with(BEFORE))), ["kept"]);
    assert_eq!(texts(&woken_at(&shard, 3, with(BEFORE))), ["kept"]);
    let older = woken_at(&shard, 2, with(BEFORE));
    let (status, refused) = older.answer("messages:list", &json!({}));
    assert_eq!((status, &refused["error"]["code"]), (503, &json!("SHARD_UNAVAILABLE")));
    // A build without a schema lock has no version.
    assert_eq!(texts(&shard.wake(with(BEFORE))), ["kept"]);
    assert_eq!(older.answer("messages:list", &json!({})).0, 503);
    assert_eq!(texts(&woken_at(&shard, 3, with(BEFORE))), ["kept"]);
    // In an emergency it opens all the same, and stays marked.
    older.host().set_var("LUNORA_OPEN_NEWER_DATA", "true");
    assert_eq!(texts(&older), ["kept"]);
    older.host().set_var("LUNORA_OPEN_NEWER_DATA", "false");
    assert_eq!(woken_at(&shard, 2, with(BEFORE)).answer("messages:list", &json!({})).0, 503);
}

#[test]
fn an_older_version_opens_a_shard_whose_migration_was_undone() {
    fn same(message: Message) -> Result<Option<Message>, LunoraError> {
        Ok(Some(message))
    }
    let newer = || with(BEFORE).reversible_migration("same", BEFORE, same, same);
    let migrate = |shard: &TestShard, direction: &str| {
        let shard = shard.admin_token(super::admin::TOKEN);
        let args = json!({ "id": "same", "direction": direction });
        assert_eq!(shard.admin("runMigration", &args).0, 200);
    };
    let shard = TestShard::new(with(BEFORE));
    say(&shard, "kept");
    let second = woken_at(&shard, 2, newer());
    migrate(&second, "up");
    assert_eq!(woken_at(&shard, 1, with(BEFORE)).answer("messages:list", &json!({})).0, 503);
    migrate(&second, "down");
    // The newer deployment is still there.
    assert_eq!(texts(&woken_at(&shard, 2, newer())), ["kept"]);
    assert_eq!(texts(&woken_at(&shard, 1, with(BEFORE))), ["kept"]);
    let again = woken_at(&shard, 2, newer());
    migrate(&again, "up");
    assert_eq!(texts(&woken_at(&shard, 2, newer())), ["kept"]);
    assert_eq!(woken_at(&shard, 1, with(BEFORE)).answer("messages:list", &json!({})).0, 503);
}

//! Raw SQL statements.

use super::*;

fn with_table() -> TestShard {
    let shard = shard();
    mutate(&shard, |ctx| ctx.db().sql("CREATE TABLE stats(name TEXT, n, flag, data)").run())
        .unwrap();
    shard
}

#[test]
fn values_are_bound_as_what_they_are() {
    let shard = with_table();
    let types: (String, String, String, String, String) = mutate(&shard, |ctx| {
        let row = ctx
            .db()
            .sql("SELECT typeof(?), typeof(?), typeof(?), typeof(?), typeof(?)")
            .bind(5)
            .bind(true)
            .bind(5.0)
            .bind(vec![1_u8])
            .bind(None::<i64>)
            .first()?;
        row.ok_or_else(|| LunoraError::internal("no row"))
    })
    .unwrap();
    let types = [types.0, types.1, types.2, types.3, types.4];
    assert_eq!(types, ["integer", "integer", "real", "blob", "null"]);
}

#[test]
fn integers_beyond_two_to_the_53_go_in_and_out_exactly() {
    let shard = with_table();
    for n in [i64::MAX, i64::MIN, 9_007_199_254_740_993, -9_007_199_254_740_993] {
        let exact = mutate(&shard, |ctx| {
            ctx.db().sql("DELETE FROM stats").run()?;
            ctx.db().sql("INSERT INTO stats(n) VALUES (?)").bind(n).run()?;
            ctx.db().sql("SELECT CAST(n AS TEXT) FROM stats WHERE n = ?").bind(n).first::<i64>()
        });
        assert_eq!(exact.unwrap(), Some(n));
        let rounded = mutate(&shard, |ctx| ctx.db().sql("SELECT n FROM stats").first::<i64>());
        assert_eq!(rounded.unwrap_err().code(), "RPC_FAILED");
    }
}

#[test]
fn no_row_is_none_and_a_failed_statement_is_an_error() {
    let shard = with_table();
    let none = query(&shard, |ctx| ctx.db().sql("SELECT n FROM stats").first::<i64>());
    assert_eq!(none.unwrap().0, None);
    for sql in ["SELEC 1", "SELECT * FROM nowhere", "SELECT ?"] {
        let failed = query(&shard, |ctx| ctx.db().sql(sql).all::<Value>());
        assert_eq!(failed.unwrap_err().code(), "RPC_FAILED", "{sql}");
    }
}

#[test]
fn a_statement_fails_alone_and_the_mutation_may_go_on() {
    let shard = with_table();
    let rows = mutate(&shard, |ctx| {
        ctx.db().sql("CREATE UNIQUE INDEX stats_name ON stats(name)").run()?;
        let insert = || ctx.db().sql("INSERT INTO stats(name) VALUES (?)").bind("a").run();
        insert()?;
        assert_eq!(insert().unwrap_err().code(), "RPC_FAILED");
        ctx.db().sql("SELECT count(*) FROM stats").first::<u32>()
    });
    assert_eq!(rows.unwrap(), Some(1));
}

#[test]
fn raw_sql_cannot_write_documents() {
    let shard = with_table();
    say(&shard, "there");
    for sql in [
        "DELETE FROM messages",
        "DELETE FROM main.\"Messages\"",
        "INSERT INTO messages SELECT * FROM messages",
        "UPDATE OR IGNORE [messages] SET doc = '{}'",
        "WITH a AS (SELECT 1) UPDATE messages SET doc = '{}'",
        "DROP TABLE messages",
        "ALTER TABLE messages RENAME TO x",
        "CREATE INDEX i ON messages(doc)",
        "CREATE TRIGGER t AFTER INSERT ON stats BEGIN DELETE FROM messages; END",
        "INSERT INTO _lunora_replies VALUES (1,2,3,4)",
        "SELECT * FROM _lunora_replies",
        "SELECT * FROM \"_LUNORA_meta\"",
        "SAVEPOINT a",
        "COMMIT",
    ] {
        let refused = mutate(&shard, |ctx| ctx.db().sql(sql).run());
        assert_eq!(refused.unwrap_err().code(), "RPC_FAILED", "{sql}");
    }
    assert_eq!(texts(&shard), ["there"]);
    let copied = mutate(&shard, |ctx| {
        ctx.db().sql("INSERT INTO stats(name) SELECT doc->>'text' FROM messages").run()
    });
    assert_eq!(copied.unwrap(), 1);
}

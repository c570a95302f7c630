//! Statements of operators.

use super::{
    admin::{TOKEN, ok},
    *,
};

fn operator() -> TestShard {
    let shard = shard();
    for (id, n) in [("a", 1), ("b", 2), ("c", 3)] {
        shard.call::<()>("notes:put", &json!({ "id": id, "note": { "n": n } })).unwrap();
    }
    shard.admin_token(TOKEN)
}

fn run(operator: &TestShard, sql: &str, params: Value) -> (u16, Value) {
    operator.admin("runSql", &json!({ "sql": sql, "params": params }))
}

#[test]
fn changes_nothing_by_sql_of_an_operator() {
    let operator = operator();
    let everything = || {
        let schema = run(&operator, "SELECT sql FROM sqlite_master ORDER BY name", json!([]));
        let tables = ["notes", "messages", "_lunora_changes", "_lunora_replies", "_lunora_meta"];
        let rows =
            tables.map(|table| ok(run(&operator, &format!("SELECT * FROM {table}"), json!([]))));
        (ok(schema), rows)
    };
    let before = everything();
    for sql in [
        "DELETE FROM notes",
        "DELETE FROM notes RETURNING _id",
        "/* SELECT */ DELETE FROM notes",
        "-- SELECT\nUPDATE notes SET doc='{}'",
        "WITH a AS (SELECT 1) DELETE FROM notes",
        "WITH a AS (SELECT 1) INSERT INTO notes SELECT _id||'x',0,NULL,'{}' FROM notes RETURNING *",
        "WITH \"select\" AS (SELECT 1) UPDATE notes SET doc='{}'",
        "WITH DELETE AS (SELECT 1) DELETE FROM notes",
        "WITH a AS (DELETE FROM notes RETURNING _id) SELECT * FROM a",
        "SELECT * FROM (DELETE FROM notes RETURNING _id)",
        "SELECT 1; DELETE FROM notes",
        "SELECT 1;\n-- x\n;DELETE FROM notes",
        "SELECT 1) ; DELETE FROM notes WHERE (1",
        "SELECT 1) UNION SELECT 2 FROM (SELECT 3",
        "SELECT 1) --",
        "SELECT ';' /* ; */; DELETE FROM notes",
        "REPLACE INTO notes VALUES('a',0,NULL,'{}')",
        "INSERT INTO _lunora_replies VALUES(1,2,3,4,5)",
        "CREATE TABLE x AS SELECT 1",
        "CREATE TEMP TABLE x(a)",
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; END",
        "DROP TABLE notes",
        "ALTER TABLE notes RENAME TO x",
        "PRAGMA user_version=5",
        "PRAGMA writable_schema=ON",
        "ATTACH ':memory:' AS x",
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "EXPLAIN SELECT 1",
        "EXPLAIN DELETE FROM notes",
        "EXPLAIN QUERY PLAN DELETE FROM notes",
        "EXPLAIN QUERY PLAN EXPLAIN QUERY PLAN SELECT 1",
        "EXPLAIN QUERY PLAN PRAGMA user_version=5",
        "\u{feff}DELETE FROM notes",
        "",
        ";",
        "-- SELECT",
        "SELECT 'open",
    ] {
        let refused = run(&operator, sql, json!([]));
        let nested = sql.starts_with("SELECT 1) UNION") && refused.0 == 200;
        assert!(nested || code_of(&refused) == (400, "BAD_REQUEST"), "{sql}: {refused:?}");
        assert!(everything() == before, "{sql}");
    }
    let inner = &operator.shard().inner;
    assert!(!inner.state.database.in_transaction());
    operator.call::<()>("notes:put", &json!({ "id": "d", "note": {} })).unwrap();
}

#[test]
fn a_transaction_without_effect_undoes_what_succeeded() {
    let operator = operator();
    let database = &operator.shard().inner.state.database;
    let deleted = database.without_effect(|| {
        database.exec("DELETE FROM notes", &[])?;
        database.exec_value("SELECT count(*) FROM notes", &[])
    });
    assert_eq!(crate::shard::database::to_count(deleted.unwrap().as_ref()), 0);
    assert_eq!(ok(run(&operator, "SELECT count(*) FROM notes", json!([])))["rows"], json!([[3]]));
}

#[test]
fn a_statement_that_reads_answers_its_rows() {
    let operator = operator();
    for (sql, params, columns, rows) in [
        (
            "SELECT _id, doc->>'n' AS n FROM notes ORDER BY n DESC; -- all",
            json!([]),
            json!(["_id", "n"]),
            json!([["c", 3], ["b", 2], ["a", 1]]),
        ),
        ("SELECT _id FROM notes WHERE doc->>'n' = ?", json!([2]), json!(["_id"]), json!([["b"]])),
        ("SELECT ?2 AS a, ?1 AS b", json!([1, "x"]), json!(["a", "b"]), json!([["x", 1]])),
        (
            "WITH a(x) AS (VALUES (1), (2)) SELECT x FROM a",
            json!([]),
            json!(["x"]),
            json!([[1], [2]]),
        ),
        ("VALUES (1, NULL)", json!([]), json!(["column1", "column2"]), json!([[1, null]])),
        (
            "SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c, typeof(?) AS d",
            json!([1, 1.5, true, null]),
            json!(["a", "b", "c", "d"]),
            json!([["integer", "real", "integer", "null"]]),
        ),
        (
            "SELECT CAST(? AS TEXT) AS n",
            json!([["$lunora.wire$", "bigint", "9007199254740993"]]),
            json!(["n"]),
            json!([["9007199254740993"]]),
        ),
        (
            "SELECT x'0102' AS b",
            json!([]),
            json!(["b"]),
            json!([[["$lunora.wire$", "bytes", "AQI="]]]),
        ),
        ("SELECT 1 AS a WHERE 0", json!([]), json!(["a"]), json!([])),
        (
            "SELECT op, count(*) AS n FROM _lunora_changes GROUP BY op",
            json!([]),
            json!(["op", "n"]),
            json!([["insert", 3]]),
        ),
    ] {
        let answer = ok(run(&operator, sql, params));
        assert_eq!(
            answer,
            json!({ "columns": columns, "rows": rows, "truncated": false }),
            "{sql}"
        );
    }
    let plan =
        ok(run(&operator, "explain query plan SELECT * FROM notes WHERE _id=?", json!(["a"])));
    assert!(plan["rows"].to_string().contains("notes"), "{plan}");
}

#[test]
fn rows_are_bounded_in_number_and_size() {
    let operator = operator();
    let numbers = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM a) SELECT x FROM a";
    let all = ok(run(&operator, numbers, json!([])));
    assert_eq!((all["rows"].as_array().unwrap().len(), &all["truncated"]), (500, &json!(true)));
    let two = json!({ "sql": "SELECT _id FROM notes", "limit": 2 });
    let two = ok(operator.admin("runSql", &two));
    assert_eq!((two["rows"].as_array().unwrap().len(), &two["truncated"]), (2, &json!(true)));
    let exact = json!({ "sql": "SELECT _id FROM notes", "limit": 3 });
    assert_eq!(ok(operator.admin("runSql", &exact))["truncated"], false);
    let large = "WITH a(x) AS (VALUES (1),(2),(3)) SELECT printf('%.*c', 400000, 'x') FROM a";
    let large = ok(run(&operator, large, json!([])));
    assert_eq!((large["rows"].as_array().unwrap().len(), &large["truncated"]), (2, &json!(true)));
}

#[test]
fn an_operator_sees_what_sqlite_says_of_a_statement() {
    let operator = operator();
    for (sql, params, expected) in [
        ("SELECT * FROM nowhere", json!([]), "the statement failed: no such table: nowhere"),
        ("SELECT :name", json!([]), "the statement is refused: values are bound as `?` or `?1`"),
        ("SELECT ?", json!([{}]), "params[0]: expected null"),
        ("SELECT ?", json!([]), "the statement failed: "),
    ] {
        let refused = run(&operator, sql, params);
        assert_eq!(code_of(&refused), (400, "BAD_REQUEST"), "{sql}");
        let message = refused.1["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{message}");
    }
}

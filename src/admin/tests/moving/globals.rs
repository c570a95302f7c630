//! The tables that belong to no shard, in exports, imports and applied changes.

use super::*;

/// A deployment whose default shard has `users`, and records the rows that it gets.
fn deployment(tables: Option<&MemoryGlobalTables>) -> (Lunora<MemoryEnvironment>, Rc<Cell<u32>>) {
    let imported = Rc::new(Cell::new(0));
    let count = imported.clone();
    let shards = MemoryNamespace::new(async move |_, mut request: Request| {
        let body: Value = request.json(1 << 22).await.unwrap();
        let operation = body["functionPath"].as_str().unwrap().to_owned();
        let result = match operation.strip_prefix("__lunora_admin__:").unwrap() {
            "exportShard" => json!({
                "rows": [{ "table": "users", "doc": { "_id": "u" } }], "cursor": null, "isDone": true
            }),
            "listTables" => json!([{ "name": "users", "rowCount": 1 }]),
            "importShard" => {
                let rows = body["args"]["rows"].as_array().unwrap().len();
                count.set(count.get() + u32::try_from(rows).unwrap());
                json!({ "conflicts": 0, "errors": [], "inserted": { "users": rows } })
            }
            "cdcSync" => json!({ "changes": [], "cursor": 0 }),
            "applyCdc" => json!({ "applied": 1 }),
            other => unreachable!("{other}"),
        };
        Response::raw_json(json!({ "result": result }).to_string())
    });
    let registry = StaticShardRegistry::new().table("users", ["__root__"]).unwrap();
    let clock = ManualClock::new(0);
    let builder = testing::builder()
        .shard_do(VouchedShards::new(shards))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(registry).clock(clock));
    let app = match tables {
        Some(tables) => builder.global_tables(tables.clone()).build(),
        None => builder.build(),
    };
    (app, imported)
}

fn tables() -> MemoryGlobalTables {
    let mut tables = MemoryGlobalTables::new().with_table("plans", ["_id", "n", "raw"], ["_id"]);
    for n in 0..7 {
        tables = tables.with_row("plans", json!({ "_id": format!("p{n}"), "n": i64::MAX - n }));
    }
    tables.with_row("events", json!({ "what": "x" }))
}

fn rows(app: &Lunora<MemoryEnvironment>, table: &str) -> Value {
    get(app, &format!("/_lunora/admin/global/table?table={table}")).json()["rows"].clone()
}

fn export_of(app: &Lunora<MemoryEnvironment>, body: &str) -> Answer {
    post(app, "/_lunora/admin/export", body)
}

fn import_into(app: &Lunora<MemoryEnvironment>, body: &str) -> Answer {
    post(app, "/_lunora/admin/import", body)
}

#[test]
fn an_export_ends_with_the_global_tables_and_an_import_brings_them_back() {
    let from = deployment(Some(&tables())).0;
    let text = export_of(&from, r#"{"end":true}"#).body;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            r#"{"globalTables":["events","plans"],"table":"users","doc":{"_id":"u"}}"#,
            r#"{"table":"events","global":true,"rowid":1,"doc":{"what":"x"}}"#,
            r#"{"table":"plans","global":true,"doc":{"_id":"p0","n":["$lunora.wire$","bigint","9223372036854775807"]}}"#,
        ]
    );
    assert!(lines[9].starts_with(r#"{"$end":{"rows":9,"#), "{}", lines[9]);

    let empty = MemoryGlobalTables::new()
        .with_table("plans", ["_id", "n", "raw"], ["_id"])
        .with_table("events", ["what"], []);
    let (into, _) = deployment(Some(&empty));
    let report = import_into(&into, &text).json();
    assert_eq!(report["inserted"], json!({ "events": 1, "plans": 7, "users": 1 }));
    assert_eq!((&report["errors"], &report["received"]), (&json!([]), &json!(9)));
    for table in ["plans", "events"] {
        assert_eq!(rows(&into, table), rows(&from, table));
    }
    let again = import_into(&into, &text).json();
    assert_eq!((&again["conflicts"], &again["errors"]), (&json!(8), &json!([])));
}

#[test]
fn an_export_of_named_tables_has_only_those() {
    let (app, _) = deployment(Some(&tables()));
    let text = export_of(&app, r#"{"tables":["plans"]}"#).body;
    assert_eq!(text.lines().count(), 7);
    assert!(text.starts_with(r#"{"globalTables":["plans"],"table":"plans","global":true,"#));
    let shard = export_of(&app, r#"{"tables":["users"]}"#).body;
    assert_eq!(shard, "{\"table\":\"users\",\"doc\":{\"_id\":\"u\"}}\n");
    let unknown = export_of(&app, r#"{"tables":["plans","nothing"]}"#);
    assert_eq!(unknown.error(), (404, "UNKNOWN_TABLE".to_owned()));
}

#[test]
fn a_database_that_fails_fails_the_export_and_is_named_by_an_import() {
    let _logs = testing::capture_logs();
    let tables = tables();
    let (app, _) = deployment(Some(&tables));
    let text = export_of(&app, "").body;
    tables.fail(true);
    assert_eq!(export_of(&app, "").status, 500);
    tables.fail(false);
    assert!(export_of(&app, "").body.lines().count() == 9);
    let row = text.lines().nth(1).unwrap();
    let (into, _) = deployment(Some(&tables));
    tables.fail(true);
    assert_eq!(import_into(&into, row).status, 500);
}

#[test]
fn global_rows_without_global_tables_are_refused_before_anything_is_written() {
    let text = export_of(&deployment(Some(&tables())).0, "").body;
    let many: String =
        (0..9000).map(|_| "{\"table\":\"users\",\"doc\":{\"_id\":\"u\"}}\n").collect();
    let (first, rest) = text.split_once('\n').unwrap();
    for body in [text.clone(), format!("{first}\n{many}{rest}")] {
        let (app, imported) = deployment(None);
        assert_eq!(import_into(&app, &body).error(), (400, "GLOBAL_NOT_CONFIGURED".to_owned()));
        assert_eq!(imported.get(), 0);
    }
    let (app, _) = deployment(None);
    let answer = import_into(&app, &format!("\n{}", rest.lines().next().unwrap()));
    assert!(answer.body.contains("line 2"), "{answer:?}");
    let changes = r#"{"batches":[],"globalChanges":[{"table":"plans","op":"delete","id":"p0"}]}"#;
    let refused = post(&app, "/_lunora/admin/apply", changes);
    assert_eq!(refused.error(), (400, "GLOBAL_NOT_CONFIGURED".to_owned()));
}

#[test]
fn errors_name_the_lines_of_rows_of_both_kinds() {
    let (app, imported) = deployment(Some(&tables()));
    let body = [
        r#"{"table":"users","doc":{"_id":"a"}}"#,
        r#"{"table":"plans","global":true,"doc":{"_id":"new","color":1}}"#,
        "nonsense",
        r#"{"table":"plans","doc":{"_id":"unmarked","raw":["$lunora.wire$","bytes",{}]}}"#,
        r#"{"table":"nothing","global":true,"doc":{"a":1}}"#,
        r#"{"table":"plans","global":true,"doc":{"_id":"big","n":["$lunora.wire$","bigint","9223372036854775808"]}}"#,
        r#"{"table":"plans","global":true,"doc":{"_id":"p1"}}"#,
        r#"{"table":"plans","doc":{"_id":"unmarked"}}"#,
    ];
    let report = import_into(&app, &body.join("\n")).json();
    let mut lines: Vec<_> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_u64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    lines.sort_unstable();
    let bad = "BAD_ROW";
    assert_eq!(lines, [(2, bad), (3, bad), (4, bad), (5, "UNKNOWN_TABLE"), (6, bad)]);
    let unknown = report["errors"].as_array().unwrap().iter().find(|error| error["line"] == 2);
    assert_eq!(unknown.unwrap()["message"], "the table has no column `color`");
    assert_eq!((&report["conflicts"], &report["received"]), (&json!(1), &json!(8)));
    assert_eq!(report["inserted"], json!({ "plans": 1, "users": 1 }));
    assert_eq!(imported.get(), 1);
}

#[test]
fn applied_changes_insert_update_and_delete_rows_of_global_tables() {
    let (app, _) = deployment(Some(&tables()));
    let changes = json!({
        "batches": [{ "shardKey": "__root__", "changes": [{}] }],
        "globalChanges": [
            { "table": "plans", "op": "insert", "id": "new", "doc": { "_id": "new", "n": 1 } },
            { "table": "plans", "op": "update", "id": "p0", "doc": { "_id": "p0", "n": 2 } },
            { "table": "plans", "op": "delete", "id": "p1" },
            { "table": "plans", "op": "delete", "id": "absent" },
            { "table": "plans", "op": "explode", "id": "p2" },
            { "table": "plans", "op": "update", "id": "p2", "doc": { "color": 1 }, "seq": 7 },
            { "table": "events", "op": "delete", "id": "1" },
            { "table": "nothing", "op": "delete", "id": "1" },
            "nonsense",
        ],
    });
    let report = post(&app, "/_lunora/admin/apply", &changes.to_string()).json();
    assert_eq!((&report["applied"], &report["ok"]), (&json!(5), &json!(2)));
    let errors = report["errors"].as_array().unwrap();
    let ids: Vec<_> = errors.iter().map(|error| error["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p2", "p2", "1", "1"]);
    assert_eq!(errors[1]["seq"], 7);
    let plans = rows(&app, "plans");
    let of = |id: &str| plans.as_array().unwrap().iter().find(|row| row["_id"] == id);
    assert_eq!((&of("new").unwrap()["n"], &of("p0").unwrap()["n"]), (&json!(1), &json!(2)));
    assert_eq!((of("p1"), plans.as_array().unwrap().len()), (None, 7));
    let sync = post(&app, "/_lunora/admin/sync", r#"{"tables":["users"]}"#);
    assert!(!sync.body.contains("\"global\""));
}

#[test]
fn sessions_and_codes_are_listed_and_neither_exported_nor_imported() {
    let names = ["lunora_codes", "lunora_code_limits", "lunora_sessions"];
    let with_rows = |tables: MemoryGlobalTables, id: &str| {
        names.iter().fold(tables, |tables, name| tables.with_row(*name, json!({ "_id": id })))
    };
    let (app, _) = deployment(Some(&with_rows(tables(), "mine")));
    let listed = get(&app, "/_lunora/admin/global/tables").body;
    let exported = export_of(&app, "").body;
    for name in names {
        assert!(listed.contains(name) && !exported.contains(name), "{name}: {listed}");
        let alone = export_of(&app, &json!({ "tables": [name] }).to_string());
        assert_eq!(alone.error(), (404, "UNKNOWN_TABLE".to_owned()));
        let line = json!({ "table": name, "global": true, "doc": { "_id": "theirs" } });
        let report = import_into(&app, &line.to_string()).json();
        assert_eq!((&report["inserted"], &report["errors"]), (&json!({}), &json!([])));
        let change = json!({ "table": name, "op": "delete", "id": "mine" });
        let changes = json!({ "batches": [], "globalChanges": [change] });
        assert_eq!(post(&app, "/_lunora/admin/apply", &changes.to_string()).json()["applied"], 0);
        assert_eq!(rows(&app, name), json!([{ "_id": "mine" }]));
    }
}

//! Restores shards that the registry lost.

use super::*;

/// Tables of a shard, with the rows that a query sees and the deleted documents.
type Tables = &'static [(&'static str, u64, u64)];

/// Shards that hold `contents`, and a registry with `entries`.
fn world(
    entries: &[(&str, &str)],
    contents: &'static [(&'static str, Tables)],
) -> (World, Entries) {
    let registry = Entries::default();
    for (table, key) in entries {
        block_on(registry.register(table, &key.parse().unwrap())).unwrap();
    }
    let world = World::new(registry.clone(), move |key, operation, args| {
        let tables = contents.iter().find(|(own, _)| *own == key).map_or(EMPTY, |(_, it)| it);
        match operation {
            "listTables" => tables
                .iter()
                .map(|(name, rows, _)| json!({"name": name, "rowCount": rows}))
                .collect(),
            "exportShard" => {
                assert_eq!(args["batchSize"], 1);
                let rows = tables.iter().filter(|(_, rows, deleted)| rows + deleted > 0);
                let rows: Vec<_> =
                    rows.map(|(name, ..)| json!({"table": name, "doc": {}})).take(1).collect();
                json!({"rows": rows, "cursor": null, "isDone": rows.is_empty()})
            }
            "forgetAnnouncement" => json!({"ok": true}),
            other => unreachable!("{other}"),
        }
    });
    (world, registry)
}

const EMPTY: Tables = &[("notes", 0, 0), ("users", 0, 0)];
const NOTES: Tables = &[("notes", 3, 0), ("users", 0, 0)];

fn rebuild(world: &World, keys: &[&str]) -> Value {
    let keys: Vec<ShardKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    let mut report = to_json(&world.run(world.admin.rebuild_registry(keys)).unwrap());
    let unseen = report.as_object_mut().unwrap().remove("unseen").unwrap();
    assert!(unseen.as_str().unwrap().contains("cannot list Durable Objects"), "{unseen}");
    report
}

fn keys_of(registry: &Entries, table: &str) -> Vec<String> {
    let keys = block_on(registry.list_shard_keys(table)).unwrap();
    keys.into_iter().map(String::from).collect()
}

#[test]
fn registers_a_shard_with_rows_for_every_table_that_it_declares() {
    let (world, registry) = world(&[("notes", "a"), ("users", "a")], &[("a", NOTES), ("b", NOTES)]);
    let report = rebuild(&world, &["b"]);
    assert_eq!(
        report,
        json!({"listed": ["a"], "found": ["b"], "empty": ["__root__"], "failed": []})
    );
    // The table without rows too, since the shard does not announce itself a second time.
    assert_eq!(keys_of(&registry, "notes"), ["a", "b"]);
    assert_eq!(keys_of(&registry, "users"), ["a", "b"]);
    let again = rebuild(&world, &["b"]);
    assert_eq!((&again["listed"], &again["found"]), (&json!(["a", "b"]), &json!([])));
}

#[test]
fn enters_no_shard_without_rows() {
    let (world, registry) = world(&[], &[]);
    let report = rebuild(&world, &["a"]);
    assert_eq!(
        report,
        json!({"listed": [], "found": [], "empty": ["__root__", "a"], "failed": []})
    );
    assert_eq!(keys_of(&registry, "notes"), [""; 0]);
}

#[test]
fn tells_an_empty_shard_that_is_not_listed_to_announce_its_first_row_again() {
    let told = Shared::<Vec<String>>::default();
    let seen = told.clone();
    let registry = Entries::default();
    block_on(registry.register("notes", &"listed".parse().unwrap())).unwrap();
    let world = World::raw(registry, move |key, operation, _| {
        let result = match operation {
            "listTables" => json!([{"name": "notes", "rowCount": u8::from(key == "full")}]),
            "exportShard" => json!({"rows": []}),
            "forgetAnnouncement" if key == "foreign" => {
                let error = json!({"code": "UNKNOWN_ADMIN_OP", "message": "unknown"});
                return Response::raw_json(json!({"error": error}).to_string()).with_status(404);
            }
            "forgetAnnouncement" => {
                seen.borrow_mut().push(key.to_owned());
                json!({"ok": true})
            }
            other => unreachable!("{other}"),
        };
        Response::raw_json(json!({"result": result}).to_string())
    });
    let report = rebuild(&world, &["empty", "foreign", "full"]);
    assert_eq!(report["empty"], json!(["__root__", "empty", "foreign"]));
    assert_eq!((&report["found"], &report["failed"]), (&json!(["full"]), &json!([])));
    told.borrow_mut().sort();
    assert_eq!(*told.borrow(), ["__root__", "empty"]);
}

#[test]
fn keeps_a_listed_shard_without_rows() {
    let (world, registry) = world(&[("notes", "a")], &[]);
    assert_eq!(rebuild(&world, &[])["listed"], json!(["a"]));
    assert_eq!(keys_of(&registry, "notes"), ["a"]);
}

#[test]
fn finds_the_default_shard_and_shards_whose_documents_are_all_deleted() {
    const DELETED: Tables = &[("notes", 0, 2)];
    let (world, _) = world(&[], &[("__root__", NOTES), ("a", DELETED)]);
    assert_eq!(rebuild(&world, &["a"])["found"], json!(["__root__", "a"]));
}

#[test]
fn adds_the_entries_that_a_listed_shard_lacks() {
    let (world, registry) = world(&[("notes", "a")], &[("a", NOTES)]);
    assert_eq!(rebuild(&world, &[])["found"], json!(["a"]));
    assert_eq!(keys_of(&registry, "users"), ["a"]);
}

#[test]
fn takes_keys_verbatim() {
    let (world, registry) = world(&[], &[(" a ", NOTES), ("", NOTES)]);
    let report = rebuild(&world, &[" a ", "a", ""]);
    assert_eq!(report["found"], json!(["", " a "]));
    assert_eq!(report["empty"], json!(["__root__", "a"]));
    assert_eq!(keys_of(&registry, "notes"), ["", " a "]);
}

#[test]
fn a_failing_shard_is_reported_and_the_others_are_found() {
    let (world, registry) = world(&[], &[("a", NOTES), ("b", NOTES), ("c", NOTES)]);
    world.shards.shard("b").hangs();
    let report = rebuild(&world, &["a", "b", "c"]);
    assert_eq!(report["found"], json!(["a", "c"]));
    let failed = report["failed"].as_array().unwrap();
    assert_eq!((failed.len(), &failed[0]["shardKey"]), (1, &json!("b")));
    assert_eq!(failed[0]["code"], "SHARD_TIMEOUT");
    assert_eq!(keys_of(&registry, "notes"), ["a", "c"]);
}

#[test]
fn an_entry_that_the_registry_did_not_keep_is_a_failure() {
    let world = World::new(registry(&[("notes", &["a"])]), |_, operation, _| {
        assert_eq!(operation, "listTables");
        json!([{"name": "notes", "rowCount": 1}])
    });
    let report = rebuild(&world, &["b"]);
    assert_eq!((&report["listed"], &report["found"]), (&json!(["a"]), &json!([])));
    let failed: Vec<_> = report["failed"].as_array().unwrap().iter().collect();
    assert_eq!(failed.iter().map(|it| &it["shardKey"]).collect::<Vec<_>>(), ["__root__", "b"]);
    assert!(
        failed[1]["message"].as_str().unwrap().contains("after it was registered"),
        "{failed:?}"
    );
}

#[test]
fn a_shard_that_cannot_list_its_tables_is_a_failure() {
    let world = World::raw(Entries::default(), |_, _, _| {
        let error = json!({"code": "UNKNOWN_ADMIN_OP", "message": "unknown admin operation"});
        Response::raw_json(json!({"error": error}).to_string()).with_status(404)
    });
    let report = rebuild(&world, &["a"]);
    assert_eq!(report["failed"][1]["code"], "UNKNOWN_ADMIN_OP");
    assert_eq!(report["failed"].as_array().unwrap().len(), 2);
}

#[test]
fn a_shard_with_rows_of_no_table_is_a_failure() {
    let world = World::new(Entries::default(), |key, operation, _| match operation {
        "listTables" => json!([]),
        "exportShard" if key == "a" => json!({"rows": [{"table": "notes", "doc": {}}]}),
        "exportShard" => json!({"rows": []}),
        _ => json!({"ok": true}),
    });
    let report = rebuild(&world, &["a"]);
    assert_eq!((&report["listed"], &report["found"]), (&json!([]), &json!([])));
    assert_eq!(report["failed"][0]["code"], "SHARD_ERROR");
}

#[test]
fn a_shard_that_announces_itself_when_it_is_asked_is_found() {
    let registry = Entries::default();
    let registered = registry.clone();
    let world = World::new(registry, move |key, operation, _| match operation {
        "listTables" if key == "a" => {
            registered.0.borrow_mut().push(("notes".to_owned(), key.parse().unwrap()));
            json!([{"name": "notes", "rowCount": 1}])
        }
        "listTables" => json!([{"name": "notes", "rowCount": 0}]),
        "exportShard" => json!({"rows": []}),
        _ => json!({"ok": true}),
    });
    let report = rebuild(&world, &["a"]);
    assert_eq!((&report["listed"], &report["found"]), (&json!([]), &json!(["a"])));
}

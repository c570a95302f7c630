//! The tables that belong to no shard, in snapshots and restores.

use super::*;
use crate::{
    platform::{GlobalQuery, GlobalTables},
    testing::MemoryGlobalTables,
};

/// Two tables, with a primary key and without.
fn tables() -> MemoryGlobalTables {
    let mut tables = MemoryGlobalTables::new().with_table("empty", ["x"], []);
    for n in 0..8 {
        tables = tables
            .with_row("plans", json!({ "_id": format!("p{n}"), "big": i64::MAX - n, "rate": 0.5 }))
            .with_row("events", json!({ "what": "same" }));
    }
    tables
}

fn backups(world: &World, tables: &MemoryGlobalTables) -> Backups {
    over(world.backups(), tables)
}

fn over(mut backups: Backups, tables: &MemoryGlobalTables) -> Backups {
    backups.admin = backups.admin.global_tables(tables.clone());
    backups
}

fn rows(world: &World, tables: &MemoryGlobalTables, table: &str) -> Vec<Value> {
    let query = GlobalQuery { table: table.to_owned(), limit: 1000, ..GlobalQuery::default() };
    let page = world.run(tables.page(&query)).unwrap();
    page.rows.into_iter().map(Value::Object).collect()
}

fn all(world: &World, tables: &MemoryGlobalTables) -> Vec<Vec<Value>> {
    ["empty", "events", "plans"].map(|table| rows(world, tables, table)).into()
}

fn wipe(world: &World, tables: &MemoryGlobalTables) {
    world.rows.borrow_mut().values_mut().for_each(BTreeMap::clear);
    let names = ["empty", "events", "plans"].map(str::to_owned);
    world.run(tables.clear(&names)).unwrap();
}

fn take(world: &World, backups: &Backups, time_ms: i64) -> Manifest {
    world.run(backups.take(&BackupTrigger::manual(time_ms))).unwrap()
}

#[test]
fn a_snapshot_holds_the_global_tables() {
    let (world, tables) = (World::new(&[9]), tables());
    let backups = backups(&world, &tables);
    let manifest = take(&world, &backups, 0);
    let global = manifest.global.clone().unwrap();
    let counts = [("empty", 0), ("events", 8), ("plans", 8)];
    assert_eq!(global.rows_by_table, counts.map(|(name, rows)| (name.to_owned(), rows)).into());
    assert!(!global.consistent && manifest.consistent && manifest.left_out.is_empty());
    assert_eq!((manifest.rows, manifest.rows_by_table.len()), (3 + 9 + 16, 2));
    assert!(manifest.knows_shards());
    let lines = world.lines(&manifest.file);
    let is_global = |line: &Value| line["global"] == true;
    assert!(lines[..12].iter().all(|line| !is_global(line)));
    assert!(lines[12..].iter().all(is_global));
    assert_eq!(
        lines[12],
        json!({ "table": "events", "global": true, "rowid": 1, "doc": { "what": "same" } })
    );
    assert_eq!(lines[20]["doc"]["big"][2], i64::MAX.to_string());
    assert_eq!(world.run(backups.verify(&manifest.id)).unwrap().problems, Vec::<String>::new());
    let drill = world.run(backups.drill(None)).unwrap();
    assert_eq!((drill.ok, drill.rows), (true, 12), "{drill:?}");
}

#[test]
fn a_restore_brings_global_rows_back() {
    for max_rows in [None, Some(5)] {
        let (world, tables) = (World::new(&[9]), tables());
        let (shards, before) = (world.all_rows(), all(&world, &tables));
        let backups = backups(&world, &tables);
        let manifest = take(&world, &backups, 0);
        let restore = |replace: bool| {
            let mut request = RestoreRequest::new(&manifest.id);
            (request.max_rows, request.replace) = (max_rows, replace);
            let mut reports = Vec::new();
            loop {
                let report = world.run(backups.restore(&request)).unwrap();
                assert_eq!(report.import.errors, Vec::new());
                request.from = report.next;
                reports.push(report);
                if request.from.is_none() {
                    return reports;
                }
            }
        };
        wipe(&world, &tables);
        restore(false);
        assert_eq!((world.all_rows(), all(&world, &tables)), (shards.clone(), before.clone()));
        // Restoring the same rows again changes nothing.
        let again = restore(false);
        assert_eq!(again.iter().map(|report| report.import.conflicts).sum::<u64>(), 28);
        assert_eq!(all(&world, &tables), before);

        let _ = tables.clone().with_row("plans", json!({ "_id": "later" }));
        let replaced = restore(true);
        assert_eq!((replaced[0].cleared["plans"], replaced[0].cleared["events"]), (9, 8));
        assert_eq!((world.all_rows(), all(&world, &tables)), (shards, before));
    }
}

#[test]
fn a_run_that_stops_between_two_global_pages_goes_on() {
    let (world, tables) = (World::new(&[9]), tables());
    let whole = take(&world, &backups(&world, &tables), 0);
    let slow = || {
        let backups = world.backups_with(|_| {
            let builder =
                BackupConfig::builder().store(world.store.clone()).cron(cron!("0 3 * * *"));
            builder.run_calls(1).build()
        });
        over(backups, &tables)
    };
    let mut invocations = 1;
    let cut = loop {
        match world.run(slow().take(&BackupTrigger::manual(1))) {
            Ok(manifest) => break manifest,
            Err(error) => assert_eq!(error.code(), "BACKUP_UNFINISHED", "{error}"),
        }
        invocations += 1;
        assert!(invocations < 100);
    };
    // Three pages of each table, and one of the empty one.
    assert!(invocations >= 7, "{invocations}");
    assert_eq!(world.lines(&cut.file), world.lines(&whole.file));
    assert_eq!((&cut.global, cut.rows, &cut.shards), (&whole.global, whole.rows, &whole.shards));
    assert!(world.run(world.backups().verify(&cut.id)).unwrap().ok);
}

#[test]
fn a_database_that_fails_fails_the_backup() {
    let _logs = crate::testing::capture_logs();
    let (world, tables) = (World::new(&[2]), tables());
    tables.fail(true);
    let backups = backups(&world, &tables);
    assert!(world.run(backups.take(&BackupTrigger::manual(0))).is_err());
    assert!(world.run(backups.list()).unwrap().is_empty());
    tables.fail(false);
    let manifest = take(&world, &backups, 0);
    tables.fail(true);
    let request = RestoreRequest::new(&manifest.id).without_safety_snapshot();
    assert!(world.run(backups.restore(&request)).is_err());
}

#[test]
fn a_snapshot_with_global_rows_is_not_restored_without_global_tables() {
    let (world, tables) = (World::new(&[2]), tables());
    let manifest = take(&world, &backups(&world, &tables), 0);
    let before = world.all_rows();
    let request = RestoreRequest::new(&manifest.id).replace();
    let refused = world.run(world.backups().restore(&request)).unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("GLOBAL_NOT_CONFIGURED", 400));
    assert_eq!(world.all_rows(), before);
    let plan = world.run(world.backups().plan_restore(&manifest.id)).unwrap();
    assert!(plan.problems[0].contains("global table"), "{plan:?}");
}

#[test]
fn an_older_snapshot_leaves_the_global_tables_alone() {
    let (world, tables) = (World::new(&[2]), tables());
    let old = world.take(0).unwrap();
    assert_eq!(old.global, None);
    let before = all(&world, &tables);
    let request = RestoreRequest::new(&old.id).replace();
    let report = world.run(backups(&world, &tables).restore(&request)).unwrap();
    assert_eq!((report.import.errors.len(), all(&world, &tables)), (0, before));
}

#[test]
fn a_snapshot_of_some_tables_may_name_global_ones() {
    let (world, tables) = (World::new(&[2]), tables());
    let shards = world.all_rows();
    let named = |names: &[&str]| {
        let backups = world.backups_with(|_| {
            BackupConfig::builder()
                .store(world.store.clone())
                .cron(cron!("0 3 * * *"))
                .tables(names.iter().copied())
                .build()
        });
        over(backups, &tables)
    };
    for (time, names, rows) in [(0, &["plans"][..], 8), (1, &["users", "plans"], 11)] {
        let backups = named(names);
        let manifest = take(&world, &backups, time);
        assert_eq!((manifest.rows, manifest.global.as_ref().unwrap().rows()), (rows, 8));
        let events = super::globals::rows(&world, &tables, "events");
        let request = RestoreRequest::new(&manifest.id).replace();
        let report = world.run(backups.restore(&request)).unwrap();
        assert_eq!((report.cleared["plans"], report.import.errors.len()), (8, 0));
        assert_eq!(super::globals::rows(&world, &tables, "events"), events);
        assert_eq!(world.all_rows(), shards);
    }
    let unknown = world.run(named(&["nothing"]).take(&BackupTrigger::manual(9))).unwrap_err();
    assert_eq!(unknown.code(), "UNKNOWN_TABLE");
}

/// The tables of sign-in, with one row each.
fn sign_in(user: &str, session: &str) -> MemoryGlobalTables {
    tables()
        .with_row("lunora_users", json!({ "_id": user }))
        .with_row("lunora_sessions", json!({ "_id": session }))
        .with_row("lunora_codes", json!({ "_id": "code" }))
        .with_row("lunora_code_limits", json!({ "_id": "limit" }))
}

#[test]
fn a_restore_brings_users_back_and_touches_no_session() {
    let world = World::new(&[2]);
    let manifest = take(&world, &backups(&world, &sign_in("ada", "ended")), 0);
    let names: Vec<_> = manifest.global.as_ref().unwrap().rows_by_table.keys().cloned().collect();
    assert_eq!(names, ["empty", "events", "lunora_users", "plans"]);
    assert!(manifest.left_out.is_empty(), "{:?}", manifest.left_out);

    let later = sign_in("bob", "begun since");
    let request = RestoreRequest::new(&manifest.id).replace().without_safety_snapshot();
    let report = world.run(backups(&world, &later).restore(&request)).unwrap();
    assert_eq!((report.import.errors.len(), report.cleared.get("lunora_sessions")), (0, None));
    let ids = |table: &str| rows(&world, &later, table)[0]["_id"].clone();
    assert_eq!(
        ["lunora_users", "lunora_sessions", "lunora_codes", "lunora_code_limits"].map(ids),
        ["ada", "begun since", "code", "limit"]
    );
}

//! Restoring snapshots.

use proptest::prelude::*;

use super::*;
use crate::coordinator::Sharding;

fn restore(world: &World, request: &RestoreRequest) -> Result<RestoreReport, LunoraError> {
    world.run(world.backups().restore(request))
}

fn lose_everything(world: &World) {
    world.rows.borrow_mut().values_mut().for_each(BTreeMap::clear);
}

#[test]
fn every_row_returns_to_the_shard_that_it_was_taken_from() {
    let world = World::new(&[20, 0, 7]);
    let before = world.rows.borrow().clone();
    let manifest = world.take(0).unwrap();
    lose_everything(&world);
    let report = restore(&world, &RestoreRequest::new(&manifest.id)).unwrap();
    assert_eq!((report.import.received, report.next), (30, None));
    assert_eq!(*world.rows.borrow(), before);
}

#[test]
fn restoring_over_existing_rows_adds_the_missing_ones() {
    let world = World::new(&[20]);
    let before = world.rows.borrow().clone();
    let manifest = world.take(0).unwrap();
    world.rows.borrow_mut().get_mut("a").unwrap().retain(|(_, id), _| id != "m00007");
    let report = restore(&world, &RestoreRequest::new(&manifest.id)).unwrap();
    assert_eq!((report.import.conflicts, report.import.inserted["messages"]), (22, 1));
    assert_eq!(*world.rows.borrow(), before);
}

#[test]
fn replacing_deletes_what_is_not_in_the_snapshot() {
    let world = World::new(&[600]);
    let before = world.rows.borrow().clone();
    let manifest = world.take(0).unwrap();
    put(&mut world.rows.borrow_mut(), "a", "messages", "later", json!({}));
    world.rows.borrow_mut().get_mut("a").unwrap().retain(|(_, id), _| id != "m00007");
    let report = restore(&world, &RestoreRequest::new(&manifest.id).replace()).unwrap();
    assert_eq!(report.cleared["messages"], 600);
    assert_eq!(*world.rows.borrow(), before);
}

#[test]
fn nothing_is_deleted_for_a_damaged_snapshot() {
    let world = World::new(&[9]);
    let before = world.rows.borrow().clone();
    let manifest = world.take(0).unwrap();
    let mut bytes = world.store.object(&manifest.file).unwrap().bytes.to_vec();
    bytes[30] ^= 1;
    world
        .run(world.store.put(&manifest.file, bytes.into(), crate::platform::PutOptions::new()))
        .unwrap();
    let refused = restore(&world, &RestoreRequest::new(&manifest.id).replace()).unwrap_err();
    assert_eq!(refused.code(), "CONFLICT");
    assert_eq!(*world.rows.borrow(), before);
}

#[test]
fn a_plan_shows_what_a_restore_would_do_and_writes_nothing() {
    let world = World::new(&[9, 2]);
    let manifest = world.take(0).unwrap();
    put(&mut world.rows.borrow_mut(), "c", "messages", "later", json!({}));
    let (rows, keys) = (world.rows.borrow().clone(), world.store.keys());
    let plan = world.run(world.backups().plan_restore(&manifest.id)).unwrap();
    assert_eq!((plan.problems.len(), plan.rows, plan.unknown_tables.len()), (0, 14, 0));
    assert_eq!(plan.rows_by_table, manifest.rows_by_table);
    let shards: Vec<_> = plan.shards.iter().map(|shard| (&*shard.shard_key, shard.rows)).collect();
    assert_eq!(shards, [("__root__", Some(3)), ("a", Some(9)), ("b", Some(2)), ("c", None)]);
    let mut bytes = world.store.object(&manifest.file).unwrap().bytes.to_vec();
    bytes[30] ^= 1;
    world
        .run(world.store.put(&manifest.file, bytes.into(), crate::platform::PutOptions::new()))
        .unwrap();
    let plan = world.run(world.backups().plan_restore(&manifest.id)).unwrap();
    assert_eq!(plan.problems[0], "the SHA-256 differs");
    assert_eq!((&*world.rows.borrow(), world.store.keys()), (&rows, keys));
}

#[test]
fn nothing_is_deleted_for_a_manifest_that_misplaces_its_changes_or_its_shards() {
    for part in [
        json!({ "shardKey": "a", "rows": 8, "changes": 1, "changesAt": 5 }),
        json!({ "shardKey": "k".repeat(1025), "rows": 9 }),
    ] {
        let world = World::new(&[9]);
        let before = world.rows.borrow().clone();
        let manifest = world.take(0).unwrap();
        let key = format!("{}.manifest.json", manifest.file);
        let mut changed = serde_json::to_value(&manifest).unwrap();
        changed["shards"] =
            json!([{ "shardKey": "__root__", "rows": 12 - part["rows"].as_u64().unwrap() }, part]);
        let options = crate::platform::PutOptions::new();
        world.run(world.store.put(&key, changed.to_string().into(), options)).unwrap();
        let plan = world.run(world.backups().plan_restore(&manifest.id)).unwrap();
        assert_eq!(plan.problems.len(), 1, "{:?}", plan.problems);
        let refused = restore(&world, &RestoreRequest::new(&manifest.id).replace()).unwrap_err();
        assert_eq!(refused.code(), "CONFLICT");
        assert_eq!(*world.rows.borrow(), before);
    }
}

#[test]
fn a_snapshot_of_another_writer_goes_where_the_sharding_says() {
    let world = World::with(Rows::new());
    let rows = concat!(
        "{\"table\":\"messages\",\"doc\":{\"_id\":\"m1\",\"channel\":\"a\"}}\n",
        "{\"table\":\"users\",\"doc\":{\"_id\":\"u1\"}}\n",
    );
    let file = "backups/lunora-backup-2026-01-01T00-00-00-000Z.ndjson";
    let manifest = json!({
        "id": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
        "file": file, "rows": 2, "bytes": rows.len(),
    });
    let put = crate::platform::PutOptions::new;
    world.run(world.store.put(file, rows.into(), put())).unwrap();
    let key = format!("{file}.manifest.json");
    world.run(world.store.put(&key, manifest.to_string().into(), put())).unwrap();

    let backups = world.backups().sharding(Sharding::new().by("messages", "channel"));
    assert_eq!(world.run(backups.list()).unwrap().len(), 1);
    let request = RestoreRequest::new("2026-01-01T00:00:00.000Z");
    world.run(backups.restore(&request)).unwrap();
    let shards: Vec<String> = world.rows.borrow().keys().cloned().collect();
    assert_eq!(shards, ["__root__", "a"]);
    assert!(!world.run(backups.verify(&request.id)).unwrap().ok, "there is no digest to trust");
}

proptest! {
    #[test]
    fn several_calls_restore_what_one_would(
        sizes in prop::collection::vec(1usize..15, 1..4),
        max_rows in 1u64..20,
        chunk in 1usize..200,
    ) {
        let world = World::new(&sizes);
        let world = World { store: world.store.clone().with_chunk_bytes(chunk), ..world };
        let before = world.rows.borrow().clone();
        let manifest = world.take(0).unwrap();
        lose_everything(&world);
        let mut request = RestoreRequest { max_rows: Some(max_rows), ..RestoreRequest::new(manifest.id) };
        let mut received = 0;
        for _ in 0..100 {
            let report = restore(&world, &request).unwrap();
            received += report.import.received;
            prop_assert!(report.import.errors.is_empty());
            request.from = report.next;
            if request.from.is_none() {
                break;
            }
        }
        prop_assert_eq!(received, manifest.rows);
        prop_assert_eq!(&*world.rows.borrow(), &before);
    }
}

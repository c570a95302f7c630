//! Taking snapshots.

use super::*;

#[test]
fn every_row_of_every_shard_is_in_the_snapshot_once() {
    let world = World::new(&[20, 0, 7]);
    let manifest = world.take(1_780_315_200_000).unwrap();
    assert_eq!(manifest.id, "2026-06-01T12:00:00.000Z");
    assert_eq!(manifest.file, "backups/lunora-backup-2026-06-01T12-00-00-000Z.ndjson");
    assert_eq!(
        world.store.keys(),
        [manifest.file.clone(), format!("{}.manifest.json", manifest.file)]
    );
    let lines = world.lines(&manifest.file);
    assert_eq!(lines.len(), 30);
    let mut lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.sort();
    assert_eq!(lines, world.all_rows());
}

#[test]
fn a_manifest_says_what_is_in_the_snapshot() {
    let world = World::new(&[20]);
    let manifest = world.take(1_780_315_200_000).unwrap();
    let text = world.store.object(&format!("{}.manifest.json", manifest.file)).unwrap();
    assert_eq!(text.info.metadata.content_type.as_deref(), Some("application/json"));
    assert_eq!(text.info.metadata.custom["lunoraBackupCron"], "0 3 * * *");
    let json: Value = serde_json::from_slice(&text.bytes).unwrap();
    let object = world.store.object(&manifest.file).unwrap();
    assert_eq!(
        json,
        json!({
            "bytes": object.bytes.len(),
            "consistent": true,
            "createdAt": "2026-06-01T12:00:00.000Z",
            "cron": "0 3 * * *",
            "etag": object.info.etag,
            "file": "backups/lunora-backup-2026-06-01T12-00-00-000Z.ndjson",
            "finishedAt": "2026-06-01T12:00:00.000Z",
            "id": "2026-06-01T12:00:00.000Z",
            "rows": 23,
            "rowsByTable": {"messages": 20, "users": 3},
            "scheduledTime": 1_780_315_200_000_i64,
            "sha256": crate::platform::hex(&<sha2::Sha256 as sha2::Digest>::digest(&object.bytes)),
            "shards": [
                {"rows": 3, "seq": 41, "shardKey": "__root__"},
                {"rows": 20, "seq": 41, "shardKey": "a"},
            ],
        })
    );
}

#[test]
fn a_large_snapshot_is_written_in_parts() {
    let mut rows = Rows::new();
    for id in 0..30 {
        let doc = json!({"text": "x".repeat(700_000)});
        put(&mut rows, "a", "messages", &format!("m{id}"), doc);
    }
    let world = World::with(rows);
    let backups = world.backups_with(|config| {
        BackupConfig::builder()
            .store(world.store.clone())
            .cron(config.cron().clone())
            .part_size(PartSize::mebibytes(5).unwrap())
            .build()
    });
    let manifest = world.run(backups.take(&BackupTrigger::manual(0))).unwrap();
    assert_eq!((manifest.rows, manifest.cron), (30, None));
    assert_eq!(world.lines(&manifest.file).len(), 30);
    assert_eq!(world.store.open_uploads(), 0);
    assert!(world.run(backups.verify(&manifest.id)).unwrap().ok);
}

#[test]
fn only_the_tables_that_are_named_are_backed_up() {
    let world = World::new(&[5]);
    let backups = world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).tables(["users"]).prefix("/nightly").build()
    });
    let manifest = world.run(backups.take(&BackupTrigger::manual(0))).unwrap();
    assert_eq!((manifest.rows, manifest.tables.as_deref()), (3, Some("users")));
    assert!(manifest.file.starts_with("nightly/lunora-backup-"), "{}", manifest.file);
}

#[test]
fn a_second_run_for_the_same_time_changes_nothing() {
    let world = World::new(&[5]);
    let first = world.take(0).unwrap();
    put(&mut world.rows.borrow_mut(), "a", "messages", "new", json!({}));
    let calls = world.shards.calls().len();
    assert_eq!(world.take(0).unwrap(), first);
    assert_eq!(world.shards.calls().len(), calls);
}

#[test]
fn a_run_replaces_a_killed_one() {
    let world = World::new(&[5]);
    let first = world.take(0).unwrap();
    let key = format!("{}.manifest.json", first.file);
    world.run(world.store.delete(&[key])).unwrap();
    put(&mut world.rows.borrow_mut(), "a", "messages", "new", json!({}));
    assert_eq!(world.take(0).unwrap().rows, first.rows + 1);
}

#[test]
fn two_runs_at_once_leave_one_whole_snapshot() {
    for delay in 0..12 {
        let world = World::new(&[30]);
        let trigger = BackupTrigger::scheduled("0 3 * * *", 0);
        let backups = world.backups();
        let late = async {
            for _ in 0..delay {
                world.clock.sleep(std::time::Duration::from_millis(1)).await;
            }
            put(&mut world.rows.borrow_mut(), "a", "messages", "zz", json!({}));
            backups.take(&trigger).await
        };
        let (one, other) = world.run(futures::future::join(backups.take(&trigger), late));
        assert!(one.is_ok() || other.is_ok());
        let listed = world.run(backups.list()).unwrap();
        assert_eq!(listed.len(), 1, "{delay}");
        assert!(world.run(backups.verify(&listed[0].id)).unwrap().ok, "{delay}");
    }
}

fn naming(world: &World, tables: &[&str]) -> Backups {
    world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).tables(tables.iter().copied()).build()
    })
}

#[test]
fn rejects_a_table_that_does_not_exist() {
    let world = World::new(&[5]);
    let backups = naming(&world, &["messages", "mesages"]);
    let refused = world.run(backups.take(&BackupTrigger::manual(0))).unwrap_err();
    assert_eq!(refused.code(), "UNKNOWN_TABLE");
    assert!(refused.message().contains("`mesages`"), "{}", refused.message());
    assert!(world.run(backups.list()).unwrap().is_empty());
}

#[test]
fn rejects_a_registry_without_shards_unless_that_is_meant() {
    let mut rows = Rows::new();
    put(&mut rows, "__root__", "users", "u", json!({}));
    let world = World::with(rows);
    let refused = world.run(world.backups().take(&BackupTrigger::manual(0))).unwrap_err();
    assert_eq!(refused.code(), "REGISTRY_EMPTY");
    let backups = world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).allow_empty_registry(true).build()
    });
    assert_eq!(world.run(backups.take(&BackupTrigger::manual(0))).unwrap().rows, 1);
}

#[test]
fn rejects_a_scheduled_snapshot_from_which_rows_vanished() {
    for loss in ["shard", "rows", "table"] {
        let world = World::new(&[5, 5]);
        world.take(0).unwrap();
        {
            let mut rows = world.rows.borrow_mut();
            match loss {
                "shard" => drop(rows.remove("b")),
                "rows" => rows.get_mut("b").unwrap().clear(),
                _ => rows.get_mut("__root__").unwrap().retain(|(table, _), _| table != "users"),
            }
        }
        let refused = world.take(1).unwrap_err();
        assert_eq!(refused.code(), "BACKUP_SHRUNK", "{loss}");
        // A manual snapshot confirms that the loss is intended.
        world.run(world.backups().take(&BackupTrigger::manual(2))).unwrap();
        world.take(3).unwrap();
    }
}

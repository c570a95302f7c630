//! Which snapshots retention deletes.

use super::*;
use crate::{
    keep,
    platform::{ObjectMetadata, PutOptions, StoreOperation},
    testing::capture_logs,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn keeping(world: &World, keep: Retention) -> Backups {
    world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).retain(keep).build()
    })
}

fn ids(world: &World) -> Vec<String> {
    let listed = world.run(world.backups().list()).unwrap();
    listed.into_iter().map(|manifest| manifest.id[..10].to_owned()).collect()
}

#[test]
fn keeps_the_newest_and_deletes_older_ones_with_their_rows() {
    let _logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping(&world, keep!(2));
    for day in 0..4 {
        world.run(backups.run_scheduled("0 3 * * *", day * DAY)).unwrap();
    }
    assert_eq!(ids(&world), ["1970-01-04", "1970-01-03"]);
    assert_eq!(world.store.keys().len(), 4);
}

#[test]
fn lists_and_counts_snapshots_without_reading_their_manifests() {
    let world = World::new(&[3]);
    let manifests: Vec<_> = (0..4).map(|day| world.take(day * DAY).unwrap()).collect();
    let backups = keeping(&world, keep!(1));
    world.store.fails_once(StoreOperation::Get, "no manifest is read");
    let listed = world.run(backups.list()).unwrap();
    assert_eq!(listed, manifests.iter().rev().map(Into::into).collect::<Vec<SnapshotSummary>>());
    world.store.recovers();
    let options = PutOptions::new().with_metadata(ObjectMetadata::new());
    // A snapshot of another writer has its summary in the manifest only.
    let key = SnapshotName::manifest_of(&manifests[0].file);
    let text = world.store.object(&key).unwrap().bytes;
    world.run(world.store.put(&key, text, options)).unwrap();
    assert_eq!(world.run(backups.list()).unwrap(), listed);
}

#[test]
fn never_touches_what_other_writers_wrote() {
    let _logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping(&world, keep!(1));
    world.run(backups.take(&BackupTrigger::manual(0))).unwrap();
    world.run(backups.take(&BackupTrigger::scheduled("0 9 * * *", DAY))).unwrap();
    let foreign = "backups/lunora-backup-1970-01-01T05-00-00-000Z.ndjson";
    for key in [foreign, "backups/other", "backups/lunora-backup-x.ndjson.manifest.json"] {
        world.run(world.store.put(key, "{}".into(), PutOptions::new())).unwrap();
    }
    let before = world.store.keys().len();
    for day in 2..5 {
        world.run(backups.run_scheduled("0 3 * * *", day * DAY)).unwrap();
    }
    assert_eq!(ids(&world), ["1970-01-05", "1970-01-02", "1970-01-01"]);
    assert_eq!(world.store.keys().len(), before + 2);
}

#[test]
fn a_failed_run_lets_nothing_go() {
    let _logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping(&world, keep!(1));
    world.run(backups.run_scheduled("0 3 * * *", 0)).unwrap();
    world.shards.shard("a").hangs();
    assert!(world.run(backups.run_scheduled("0 3 * * *", DAY)).is_err());
    assert_eq!(ids(&world), ["1970-01-01"]);
}

#[test]
fn a_failed_deletion_is_a_warning_and_the_backup_succeeds() {
    let logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping(&world, keep!(1));
    world.run(backups.run_scheduled("0 3 * * *", 0)).unwrap();
    // One deletion removes an old manifest, one releases the claim; the next is retention's.
    world.store.fails_after(2, StoreOperation::Delete, "on purpose");
    world.run(backups.run_scheduled("0 3 * * *", DAY)).unwrap();
    assert_eq!(ids(&world), ["1970-01-02", "1970-01-01"]);
    assert!(logs.lines().iter().any(|line| line.starts_with("warning: ")));
    world.run(backups.run_scheduled("0 3 * * *", 2 * DAY)).unwrap();
    assert_eq!(ids(&world), ["1970-01-03"]);
}

#[test]
fn rows_that_a_killed_run_left_are_deleted_after_a_day() {
    let _logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping(&world, keep!(1));
    let orphan = "backups/lunora-backup-1970-01-01T00-00-00-000Z.ndjson";
    let metadata = ObjectMetadata::new().with_custom("lunoraBackupCron", "0 3 * * *");
    let options = PutOptions::new().with_metadata(metadata);
    world.run(world.store.put(orphan, "{}\n".into(), options)).unwrap();
    world.run(backups.run_scheduled("0 3 * * *", DAY)).unwrap();
    assert!(world.store.object(orphan).is_some());
    world.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
    world.run(backups.run_scheduled("0 3 * * *", 2 * DAY)).unwrap();
    assert!(world.store.object(orphan).is_none());
}

#[test]
fn prunes_only_confirmed_snapshots_that_retention_deletes() {
    let world = World::new(&[3]);
    for day in 0..4 {
        world.take(day * DAY).unwrap();
    }
    let backups = keeping(&world, keep!(2));
    let report = world.run(backups.retention()).unwrap();
    assert_eq!((report.eligible, report.keep, &*report.prefix), (4, 2, "backups/"));
    let [second, first] = &report.would_delete[..] else { unreachable!() };
    assert!(second > first);
    let newest = world.take(3 * DAY).unwrap().file + ".manifest.json";
    let pruned = world.run(backups.prune(&[first.clone(), newest, "x".to_owned()])).unwrap();
    assert_eq!(pruned.deleted, std::slice::from_ref(first));
    assert_eq!((pruned.ignored, pruned.remaining, pruned.failed.len()), (2, 1, 0));
    assert_eq!(ids(&world).len(), 3);

    let refused = world.run(world.backups().prune(&[])).unwrap_err();
    assert_eq!(refused.code(), "BACKUP_RETENTION_NOT_CONFIGURED");
}

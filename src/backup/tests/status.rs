//! The status of a backup relative to its trigger, which is due at 03:00 each day.

use super::*;
use crate::platform::StoreOperation;

const HOUR: i64 = 60 * 60 * 1000;
/// 2026-06-01 at noon, where the clock of a world begins.
const NOON: i64 = 1_780_315_200_000;

fn status(world: &World) -> BackupStatus {
    world.run(world.backups().status()).unwrap()
}

fn wait(world: &World, ms: i64) {
    world.clock.advance(std::time::Duration::from_millis(u64::try_from(ms).unwrap()));
}

#[test]
fn is_overdue_an_hour_after_the_due_time_without_a_snapshot() {
    let world = World::new(&[3]);
    let made = world.take(NOON - 9 * HOUR).unwrap();
    let found = status(&world);
    assert_eq!(found.last.as_ref().map(|last| &last.id), Some(&made.id));
    assert_eq!(found.next.as_deref(), Some("2026-06-02T03:00:00.000Z"));
    assert_eq!(found.due.as_deref(), Some("2026-06-01T03:00:00.000Z"));
    assert!(!found.overdue);
    wait(&world, 16 * HOUR - 60_000);
    assert!(!status(&world).overdue, "03:59: within the grace");
    wait(&world, 60_000);
    let found = status(&world);
    assert!(found.overdue, "04:00");
    let error = found.into_result().unwrap_err();
    assert_eq!(error.code(), "BACKUP_OVERDUE");
    world.take(NOON + 15 * HOUR).unwrap();
    assert!(!status(&world).overdue);
}

#[test]
fn snapshots_that_are_manual_damaged_or_of_other_triggers_do_not_count() {
    let world = World::new(&[3]);
    world.take(NOON - 33 * HOUR).unwrap();
    assert!(status(&world).overdue);
    let backups = world.backups();
    world.run(backups.take(&BackupTrigger::manual(NOON))).unwrap();
    world.run(backups.take(&BackupTrigger::scheduled("0 9 * * *", NOON - 3 * HOUR))).unwrap();
    assert!(status(&world).overdue);
    let made = world.take(NOON - 9 * HOUR).unwrap();
    assert!(!status(&world).overdue);
    world.run(world.store.delete(&[made.file])).unwrap();
    assert!(status(&world).overdue);
}

#[test]
fn a_trigger_without_a_snapshot_is_not_yet_due_and_then_overdue() {
    let world = World::new(&[3]);
    let found = status(&world);
    assert_eq!((found.last, found.overdue), (None, false));
    assert_eq!(found.since.as_deref(), Some("2026-06-01T12:00:00.000Z"));
    wait(&world, 15 * HOUR);
    assert!(!status(&world).overdue);
    wait(&world, HOUR);
    let found = status(&world);
    assert!(found.overdue);
    assert_eq!(found.since.as_deref(), Some("2026-06-01T12:00:00.000Z"));
    assert_eq!(world.run(world.backups().list()).unwrap(), []);
    world.take(NOON + 15 * HOUR).unwrap();
    let found = status(&world);
    assert_eq!((found.since, found.overdue), (None, false));
}

#[test]
fn status_costs_one_listing_and_reads_nothing() {
    let world = World::new(&[3]);
    world.take(NOON - 9 * HOUR).unwrap();
    for operation in [StoreOperation::Get, StoreOperation::Head, StoreOperation::Put] {
        world.store.fails_once(operation, "a status only lists");
        assert!(!status(&world).overdue);
        world.store.recovers();
    }
    world.store.fails_once(StoreOperation::List, "gone");
    assert!(world.run(world.backups().status()).is_err());
}

#[test]
fn a_verification_leaves_a_proof_while_it_holds() {
    let _logs = crate::testing::capture_logs();
    let world = World::new(&[3]);
    let made = world.take(NOON - 9 * HOUR).unwrap();
    assert_eq!(status(&world).verified_at, None);
    wait(&world, HOUR);
    assert!(world.run(world.backups().verify(&made.id)).unwrap().ok);
    wait(&world, HOUR);
    assert_eq!(status(&world).verified_at.as_deref(), Some("2026-06-01T13:00:00.000Z"));
    let proof = world.lines(&format!("{}.proof.json", made.file)).remove(0);
    assert_eq!((&proof["rows"], &proof["sha256"]), (&json!(made.rows), &json!(made.sha256)));

    // A store that rejects the proof does not change the result.
    world.store.fails_once(StoreOperation::Put, "full");
    assert!(world.run(world.backups().verify(&made.id)).unwrap().ok);
    world.store.recovers();

    // A snapshot that is found damaged loses its proof.
    let mut bytes = world.store.object(&made.file).unwrap().bytes.to_vec();
    bytes[0] ^= 1;
    world
        .run(world.store.put(&made.file, bytes.into(), crate::platform::PutOptions::new()))
        .unwrap();
    assert!(!world.run(world.backups().verify(&made.id)).unwrap().ok);
    assert!(!world.store.keys().contains(&format!("{}.proof.json", made.file)));
}

#[test]
fn a_proof_of_other_bytes_proves_nothing() {
    let world = World::new(&[3]);
    let made = world.take(NOON - 9 * HOUR).unwrap();
    assert!(world.run(world.backups().verify(&made.id)).unwrap().ok);
    assert!(status(&world).verified_at.is_some());
    let key = format!("{}.proof.json", made.file);
    let metadata = world.store.object(&key).unwrap().info.metadata;
    let other = metadata.custom["lunoraBackupProof"].replace(made.sha256.as_ref().unwrap(), "0");
    let metadata = crate::platform::ObjectMetadata::new().with_custom("lunoraBackupProof", other);
    let options = crate::platform::PutOptions::new().with_metadata(metadata);
    world.run(world.store.put(&key, "{}".into(), options)).unwrap();
    assert_eq!(status(&world).verified_at, None);
}

#[test]
fn a_proof_is_deleted_with_its_snapshot() {
    let _logs = crate::testing::capture_logs();
    let world = World::new(&[3]);
    let keep = |config: BackupConfig<MemoryObjectStore>| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).retain(crate::keep!(1)).build()
    };
    let made = world.take(0).unwrap();
    assert!(world.run(world.backups().verify(&made.id)).unwrap().ok);
    assert_eq!(world.store.keys().len(), 3);
    world.run(world.backups_with(keep).run_scheduled("0 3 * * *", 24 * HOUR)).unwrap();
    assert_eq!(world.store.keys().len(), 2);

    // A proof that a killed run left alone is deleted after a day.
    let proof = format!("{}.proof.json", made.file);
    world.run(world.store.put(&proof, "{}".into(), crate::platform::PutOptions::new())).unwrap();
    wait(&world, 25 * HOUR);
    world.run(world.backups_with(keep).run_scheduled("0 3 * * *", 48 * HOUR)).unwrap();
    assert!(!world.store.keys().contains(&proof));
}

//! Runs of several invocations.

use super::{faults::OPERATIONS, *};
use crate::{
    keep,
    platform::{ObjectStore, PutOptions, StoreOperation},
    testing::capture_logs,
};

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
const CRON: &str = "0 3 * * *";

/// One call to a shard per invocation.
fn slow(world: &World) -> Backups {
    world.backups_with(|_| {
        let builder = BackupConfig::builder().store(world.store.clone()).cron(cron!("0 3 * * *"));
        builder.run_calls(1).part_size(PartSize::mebibytes(5).unwrap()).retain(keep!(2)).build()
    })
}

/// Like [`slow`], with a trigger that resumes.
fn resumed(world: &World) -> Backups {
    world.backups_with(|_| {
        let builder = BackupConfig::builder().store(world.store.clone()).cron(cron!("0 3 * * *"));
        builder.run_calls(1).retain(keep!(2)).resume(cron!("*/10 * * * *")).build()
    })
}

/// Takes a snapshot for a time in as many invocations as it needs, and returns their number.
fn take_all(world: &World, backups: &Backups, time_ms: i64) -> (Manifest, usize) {
    let trigger = BackupTrigger::scheduled(CRON, time_ms);
    for invocation in 1..200 {
        match world.run(backups.take(&trigger)) {
            Ok(manifest) => return (manifest, invocation),
            Err(error) => assert_eq!(error.code(), "BACKUP_UNFINISHED", "{error}"),
        }
    }
    unreachable!("the run never ends")
}

/// A deployment whose snapshot has several parts.
fn large() -> World {
    let mut rows = Rows::new();
    for (shard, count) in [("__root__", 1), ("a", 9), ("b", 2)] {
        for id in 0..count {
            let doc = json!({ "text": format!("{id}").repeat(650_000) });
            put(&mut rows, shard, "messages", &format!("m{id:02}"), doc);
        }
    }
    World::with(rows)
}

fn unfinished(world: &World) -> Vec<String> {
    world.store.keys().into_iter().filter(|key| key.ends_with(".unfinished")).collect()
}

#[test]
fn a_run_of_many_invocations_makes_the_snapshot_of_one() {
    for world in [World::new(&[30, 0, 8]), large()] {
        let whole = world.take(0).unwrap();
        let (cut, invocations) = take_all(&world, &slow(&world), DAY);
        assert!(invocations >= 4, "{invocations}");
        assert_eq!(world.lines(&cut.file), world.lines(&whole.file));
        assert_eq!((cut.rows, &cut.shards), (whole.rows, &whole.shards));
        assert_eq!((cut.bytes, cut.sha256), (whole.bytes, None));
        assert_eq!(cut.segments.len(), invocations);
        assert!(whole.segments.is_empty() && whole.sha256.is_some());
        assert!(world.run(world.backups().verify(&cut.id)).unwrap().ok);
        let status = world.run(world.backups().status()).unwrap();
        assert!(status.verified_at.is_some() && status.unfinished.is_empty());
        assert_eq!((unfinished(&world).len(), world.store.open_uploads()), (0, 0));
    }
}

#[test]
fn a_changed_segment_is_damage() {
    let world = World::new(&[30]);
    let (cut, _) = take_all(&world, &slow(&world), 0);
    let mut object = world.store.object(&cut.file).unwrap();
    let mut bytes = object.bytes.to_vec();
    let at = bytes.len() - 10;
    bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
    object.bytes = bytes.into();
    let options = PutOptions::new().with_metadata(object.info.metadata);
    world.run(world.store.put(&cut.file, object.bytes, options)).unwrap();
    let found = world.run(world.backups().verify(&cut.id)).unwrap();
    assert!(found.problems.iter().any(|it| it == "the SHA-256 of a segment differs"), "{found:?}");
}

#[test]
fn nothing_is_visible_before_the_last_invocation() {
    let world = large();
    let backups = slow(&world);
    let trigger = BackupTrigger::scheduled(CRON, 0);
    let stopped = world.run(backups.take(&trigger)).unwrap_err();
    assert_eq!((stopped.code(), stopped.status().as_u16()), ("BACKUP_UNFINISHED", 503));
    assert!(world.run(backups.list()).unwrap().is_empty());
    let status = world.run(backups.status()).unwrap();
    let [run] = &status.unfinished[..] else { unreachable!("{status:?}") };
    assert_eq!((run.id.as_str(), run.scheduled_time), ("1970-01-01T00:00:00.000Z", 0));
    assert_eq!(unfinished(&world).len(), 1);
}

#[test]
fn a_run_in_progress_is_not_overdue_until_it_stalls() {
    let world = World::new(&[30]);
    let backups = slow(&world);
    // The clock stands at noon.
    let due = 1_780_315_200_000 - 9 * HOUR;
    world.run(backups.take(&BackupTrigger::scheduled(CRON, due - 7 * DAY))).unwrap_err();
    take_all(&world, &backups, due - 2 * DAY);
    assert!(world.run(backups.status()).unwrap().overdue);
    world.run(backups.take(&BackupTrigger::scheduled(CRON, due))).unwrap_err();
    assert!(!world.run(backups.status()).unwrap().overdue);
    world.clock.advance(std::time::Duration::from_secs(2 * 60 * 60));
    assert!(world.run(backups.status()).unwrap().overdue);
}

#[test]
fn the_store_may_fail_at_every_call_of_every_invocation() {
    let _logs = capture_logs();
    let of_resuming = [StoreOperation::Suspend, StoreOperation::ResumeMultipart];
    for operation in OPERATIONS.into_iter().chain(of_resuming) {
        for calls in 0..4 {
            let world = large();
            let backups = slow(&world);
            let expected = world.take(0).unwrap();
            world.store.fails_after(calls, operation, "on purpose");
            let trigger = BackupTrigger::scheduled(CRON, DAY);
            let done = (0..60).find_map(|_| {
                // A claim that its run failed to release.
                world.clock.advance(std::time::Duration::from_secs(6 * 60));
                world.run(backups.take(&trigger)).ok()
            });
            let done = done.unwrap_or_else(|| unreachable!("{operation:?} {calls}"));
            assert_eq!(
                world.lines(&done.file),
                world.lines(&expected.file),
                "{operation:?} {calls}"
            );
            assert!(world.run(backups.verify(&done.id)).unwrap().ok, "{operation:?} {calls}");
        }
    }
}

#[test]
fn a_run_whose_upload_is_gone_starts_again() {
    let _logs = capture_logs();
    let world = large();
    let backups = slow(&world);
    for _ in 0..3 {
        world.run(backups.take(&BackupTrigger::scheduled(CRON, 0))).unwrap_err();
    }
    world.store.loses_uploads();
    let (taken, _) = take_all(&world, &backups, 0);
    assert!(world.run(backups.verify(&taken.id)).unwrap().ok);
    assert_eq!((taken.rows, unfinished(&world).len()), (12, 0));
}

#[test]
fn a_run_in_which_a_snapshot_was_restored_begins_anew() {
    let _logs = capture_logs();
    let world = World::new(&[30]);
    let source = world.take(0).unwrap();
    let backups = slow(&world);
    world.run(backups.take(&BackupTrigger::scheduled(CRON, DAY))).unwrap_err();
    world.rows.borrow_mut().get_mut("a").unwrap().clear();
    let request = RestoreRequest::new(&source.id).replace().without_safety_snapshot();
    world.run(backups.restore(&request)).unwrap();
    let (taken, invocations) = take_all(&world, &backups, DAY);
    assert_eq!(taken.segments.len(), invocations);
    assert_eq!(world.lines(&taken.file), world.lines(&source.file));
}

#[test]
fn a_run_of_other_tables_or_of_another_deployment_is_not_continued() {
    let _logs = capture_logs();
    let world = large();
    let trigger = BackupTrigger::scheduled(CRON, 0);
    for _ in 0..3 {
        world.run(slow(&world).take(&trigger)).unwrap_err();
    }
    let narrow = world.backups_with(|_| {
        let builder = BackupConfig::builder().store(world.store.clone()).cron(cron!("0 3 * * *"));
        builder.tables(["messages"]).build()
    });
    let taken = world.run(narrow.take(&trigger)).unwrap();
    assert_eq!((taken.segments.len(), taken.rows), (0, 12));
    assert_eq!((unfinished(&world).len(), world.store.open_uploads()), (0, 0));
}

#[test]
fn without_a_resume_trigger_an_unfinished_run_fails_and_the_next_one_continues_it() {
    let _logs = capture_logs();
    let world = World::new(&[8]);
    let backups = slow(&world);
    let failed = world.run(backups.run_scheduled(CRON, 0)).unwrap_err();
    assert_eq!(failed.code(), "BACKUP_UNFINISHED");
    assert!(failed.message().contains("`.resume(..)`"), "{failed}");
    for day in 1..6 {
        let _ = world.run(backups.run_scheduled(CRON, day * DAY));
    }
    let listed = world.run(backups.list()).unwrap();
    assert!(!listed.is_empty(), "no run ever ends");
}

#[test]
fn the_resume_trigger_finishes_a_run_and_prunes() {
    let _logs = capture_logs();
    let world = World::new(&[30, 8]);
    let backups = resumed(&world);
    for day in 0..4 {
        world.run(backups.run_scheduled(CRON, day * DAY)).unwrap();
        for _ in 0..20 {
            world.run(backups.run_rest()).unwrap();
        }
    }
    let listed = world.run(backups.list()).unwrap();
    let ids: Vec<_> = listed.iter().map(|snapshot| &snapshot.id[..10]).collect();
    assert_eq!(ids, ["1970-01-04", "1970-01-03"]);
    assert_eq!((world.store.keys().len(), unfinished(&world).len()), (4, 0));
}

#[test]
fn the_resume_trigger_leaves_a_run_to_the_invocation_that_continues_it() {
    let _logs = capture_logs();
    let world = World::new(&[30]);
    let backups = resumed(&world);
    world.run(backups.run_scheduled(CRON, 0)).unwrap();
    let name = SnapshotName::of_time("backups/", 0);
    let claim = world.run(backups.claim(&name)).unwrap();
    world.run(backups.run_rest()).unwrap();
    assert_eq!(unfinished(&world).len(), 1);
    world.run(backups.release_claim(claim));
    for _ in 0..20 {
        world.run(backups.run_rest()).unwrap();
    }
    assert_eq!(world.run(backups.list()).unwrap().len(), 1);
}

#[test]
fn a_run_that_a_later_snapshot_overtook_is_given_up() {
    let _logs = capture_logs();
    let world = large();
    let backups = resumed(&world);
    world.run(backups.run_scheduled(CRON, 0)).unwrap();
    world.take(DAY).unwrap();
    world.run(backups.run_rest()).unwrap();
    assert_eq!((unfinished(&world).len(), world.store.open_uploads()), (0, 0));
    let listed = world.run(backups.list()).unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn time_stops_a_run_as_calls_do() {
    let world = World::new(&[30]);
    let backups = world.backups_with(|_| {
        let builder = BackupConfig::builder().store(world.store.clone()).cron(cron!("0 3 * * *"));
        builder.run_time(std::time::Duration::ZERO).build()
    });
    let (taken, invocations) = take_all(&world, &backups, 0);
    assert!(invocations > 4);
    assert_eq!(taken.rows, 33);
}

//! Restores, and what must not run at the same time.

use std::time::Duration;

use super::*;
use crate::{
    keep,
    platform::{PutOptions, StoreOperation},
    testing::capture_logs,
};

const DAY: i64 = 24 * 60 * 60 * 1000;
const CRON: &str = "0 3 * * *";

fn keeping_one(world: &World) -> Backups {
    world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).retain(keep!(1)).build()
    })
}

fn part(id: &str) -> RestoreRequest {
    RestoreRequest { max_rows: Some(5), ..RestoreRequest::new(id).replace() }
}

#[test]
fn a_scheduled_run_fails_while_a_restore_is_between_two_calls() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let before = world.rows.borrow().clone();
    let backups = keeping_one(&world);
    world.run(backups.run_scheduled(CRON, 0)).unwrap();
    let id = world.run(backups.list()).unwrap()[0].id.clone();
    let report = world.run(backups.restore(&part(&id))).unwrap();

    let refused = world.run(backups.run_scheduled(CRON, DAY)).unwrap_err();
    assert_eq!(
        (refused.code(), refused.status()),
        ("RESTORE_IN_PROGRESS", http::StatusCode::CONFLICT)
    );
    let refused = world.run(backups.take(&BackupTrigger::manual(DAY))).unwrap_err();
    assert_eq!(refused.code(), "RESTORE_IN_PROGRESS");
    let refused = world.run(backups.restore(&part(&id))).unwrap_err();
    assert_eq!(refused.code(), "RESTORE_IN_PROGRESS");
    assert_eq!(world.run(backups.abandon_restore()).unwrap_err().code(), "RESTORE_IN_PROGRESS");

    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let refused = world.run(backups.run_scheduled(CRON, DAY)).unwrap_err();
    assert_eq!(refused.code(), "RESTORE_UNFINISHED");

    let mut request = RestoreRequest { from: report.next, ..part(&id) };
    while request.from.is_some() {
        request.from = world.run(backups.restore(&request)).unwrap().next;
    }
    assert_eq!(*world.rows.borrow(), before);
    world.run(backups.run_scheduled(CRON, DAY)).unwrap();
}

#[test]
fn retention_keeps_the_snapshot_that_an_unfinished_restore_needs() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = keeping_one(&world);
    let old = world.take(0).unwrap();
    world.take(DAY).unwrap();
    world.run(backups.restore(&part(&old.id))).unwrap();
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let report = world.run(backups.retention()).unwrap();
    assert_eq!(report.would_delete, Vec::<String>::new());
    let key = format!("{}.manifest.json", old.file);
    let pruned = world.run(backups.prune(std::slice::from_ref(&key))).unwrap();
    assert_eq!(pruned.deleted, Vec::<String>::new());

    let lease = world.run(backups.abandon_restore()).unwrap().unwrap();
    assert_eq!((lease.state, &lease.snapshot), (RestoreState::Abandoned, &old.id));
    assert_eq!(world.run(backups.prune(std::slice::from_ref(&key))).unwrap().deleted, [key]);
    world.run(backups.run_scheduled(CRON, 2 * DAY)).unwrap();
}

#[test]
fn an_interrupted_restore_is_resumed_and_keeps_its_safety_snapshot() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = world.backups();
    let old = world.take(0).unwrap();
    put(&mut world.rows.borrow_mut(), "a", "messages", "later", json!({}));
    let first = world.run(backups.restore(&part(&old.id))).unwrap();
    world.clock.advance(Duration::from_secs(24 * 60 * 60));

    let other = world.run(backups.list()).unwrap()[0].id.clone();
    let refused = world.run(backups.restore(&part(&other))).unwrap_err();
    assert_eq!(refused.code(), "RESTORE_UNFINISHED");

    let whole = RestoreRequest::new(&old.id).replace();
    let again = world.run(backups.restore(&whole)).unwrap();
    assert_eq!(again.safety_snapshot, first.safety_snapshot);
    assert_eq!(again.state, RestoreState::Finished);
    let stale = RestoreRequest { from: first.next, ..part(&old.id) };
    assert_eq!(world.run(backups.restore(&stale)).unwrap_err().code(), "RESTORE_UNFINISHED");
}

#[test]
fn a_restore_begins_with_a_safety_snapshot_that_retention_never_deletes() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = keeping_one(&world);
    let old = world.take(0).unwrap();
    put(&mut world.rows.borrow_mut(), "a", "messages", "later", json!({}));
    let report = world.run(backups.restore(&RestoreRequest::new(&old.id).replace())).unwrap();
    let safety = world.run(backups.get(&report.safety_snapshot.unwrap())).unwrap();
    assert_eq!((safety.rows, safety.cron), (24, None));
    for day in 1..4 {
        world.run(backups.run_scheduled(CRON, day * DAY)).unwrap();
    }
    assert!(world.run(backups.get(&safety.id)).is_ok());

    let without = RestoreRequest::new(&safety.id).replace().without_safety_snapshot();
    assert_eq!(world.run(backups.restore(&without)).unwrap().safety_snapshot, None);
    let lease = world.run(backups.restore_lease()).unwrap().unwrap();
    assert_eq!(lease.seqs["a"], 41);
}

#[test]
fn a_restore_that_failed_after_it_emptied_tables_blocks_until_it_is_repeated() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = world.backups();
    let old = world.take(0).unwrap();
    let whole = RestoreRequest::new(&old.id).replace();
    // Writes: the lease, the claim, the claim again, rows, manifest, the lease; then the end.
    world.store.fails_after(6, StoreOperation::Put, "on purpose");
    assert!(world.run(backups.restore(&part(&old.id))).is_err());
    assert_eq!(world.take(DAY).unwrap_err().code(), "RESTORE_UNFINISHED");
    world.run(backups.restore(&whole)).unwrap();
    world.take(DAY).unwrap();
}

#[test]
fn a_restore_refused_before_it_changed_anything_blocks_nothing() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = world.backups();
    let old = world.take(0).unwrap();
    world.shards.shard("a").hangs();
    assert!(world.run(backups.restore(&RestoreRequest::new(&old.id).replace())).is_err());
    let lease = world.run(backups.restore_lease()).unwrap().unwrap();
    assert_eq!(lease.state, RestoreState::Abandoned);
}

#[test]
fn a_held_restore_stays_open_until_it_is_finished() {
    let _logs = capture_logs();
    let world = World::new(&[20]);
    let backups = world.backups();
    let old = world.take(0).unwrap();
    let request = RestoreRequest { hold: true, ..RestoreRequest::new(&old.id).replace() };
    let report = world.run(backups.restore(&request)).unwrap();
    assert_eq!((report.next, report.state), (None, RestoreState::Running));
    assert_eq!(world.take(DAY).unwrap_err().code(), "RESTORE_IN_PROGRESS");
    world.run(backups.finish_restore(report.lease)).unwrap();
    world.take(DAY).unwrap();
}

#[test]
fn a_snapshot_during_which_a_restore_ran_is_refused() {
    let _logs = capture_logs();
    for delay in 1..40 {
        let world = World::new(&[30]);
        let backups = world.backups();
        let old = world.take(0).unwrap();
        let request = RestoreRequest::new(&old.id).replace();
        let trigger = BackupTrigger::manual(DAY);
        let run = backups.take(&trigger);
        let late = async {
            for _ in 0..delay {
                world.clock.sleep(Duration::from_millis(1)).await;
            }
            backups.restore(&request).await
        };
        let (taken, restored) = world.run(futures::future::join(run, late));
        restored.unwrap();
        if let Ok(taken) = taken {
            assert_eq!(taken.rows, 33, "{delay}");
        }
    }
}

#[test]
fn retention_counts_intact_snapshots_only() {
    let _logs = capture_logs();
    let world = World::new(&[3]);
    let backups = keeping_one(&world);
    world.take(0).unwrap();
    let newer = world.take(DAY).unwrap();
    world.run(world.store.put(&newer.file, "{}\n".into(), PutOptions::new())).unwrap();
    let report = world.run(backups.retention()).unwrap();
    assert_eq!((report.eligible, report.would_delete.len()), (1, 0));
}

#[test]
fn two_runs_for_the_same_time_leave_a_snapshot_even_if_one_is_killed() {
    let _logs = capture_logs();
    for delay in 0..6 {
        for steps in 1..60 {
            let world = World::new(&[30]);
            let backups = world.backups();
            let trigger = BackupTrigger::scheduled(CRON, 0);
            let killed = async {
                let late = async {
                    for _ in 0..delay {
                        world.clock.sleep(Duration::from_millis(1)).await;
                    }
                    backups.take(&trigger).await.map(drop)
                };
                let killer = async {
                    for _ in 0..steps {
                        world.clock.sleep(Duration::from_millis(1)).await;
                    }
                };
                futures::future::select(std::pin::pin!(late), std::pin::pin!(killer)).await;
            };
            let (taken, ()) = world.run(futures::future::join(backups.take(&trigger), killed));
            if taken.is_ok() {
                assert_eq!(world.run(backups.list()).unwrap().len(), 1, "{delay} {steps}");
            }
        }
    }
}

//! Two deployments that were given one bucket and one prefix.

use super::*;
use crate::{keep, testing::capture_logs};

const DAY: i64 = 24 * 60 * 60 * 1000;
const CRON: &str = "0 3 * * *";

/// Two deployments over one store.
fn neighbours() -> [World; 2] {
    let [mut one, mut other] = [World::new(&[3]), World::new(&[5, 5])];
    other.store = one.store.clone();
    one.shards = one.shards.with_namespace_id("one");
    other.shards = other.shards.with_namespace_id("other");
    [one, other]
}

fn keeping_one(world: &World) -> Backups {
    world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).retain(keep!(1)).build()
    })
}

#[test]
fn the_snapshot_of_a_neighbour_is_not_taken_for_the_own_of_that_time() {
    let [one, other] = neighbours();
    let taken = one.take(DAY).unwrap();
    assert_eq!((taken.deployment.as_deref(), taken.rows), (Some("one"), 6));
    let refused = other.take(DAY).unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("BACKUP_PREFIX_SHARED", 409));
    assert!(refused.message().contains("give each deployment a `.prefix(..)`"), "{refused}");
    // A later run of the deployment that took it gets the same answer as before.
    assert_eq!(one.take(DAY).unwrap(), taken);
}

#[test]
fn retention_counts_and_deletes_only_own_snapshots() {
    let _logs = capture_logs();
    let [one, other] = neighbours();
    one.take(0).unwrap();
    for day in 1..4 {
        other.run(keeping_one(&other).run_scheduled(CRON, day * DAY)).unwrap();
    }
    let listed = one.run(one.backups().list()).unwrap();
    let owners: Vec<_> = listed.iter().map(|it| it.deployment.as_deref().unwrap()).collect();
    assert_eq!(owners, ["other", "one"]);
    assert_eq!(one.run(keeping_one(&one).retention()).unwrap().eligible, 1);
}

#[test]
fn rows_that_a_killed_run_of_another_deployment_left_are_kept() {
    let _logs = capture_logs();
    let [one, other] = neighbours();
    let killed = one.take(0).unwrap();
    let manifest = SnapshotName::manifest_of(&killed.file);
    one.run(one.store.delete(&[manifest])).unwrap();
    one.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
    other.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
    other.run(keeping_one(&other).run_scheduled(CRON, DAY)).unwrap();
    assert!(one.store.object(&killed.file).is_some());
    one.run(keeping_one(&one).run_scheduled(CRON, 2 * DAY)).unwrap();
    assert!(one.store.object(&killed.file).is_none());
}

#[test]
fn the_status_is_overdue_although_another_deployment_has_a_fresh_snapshot() {
    let [one, other] = neighbours();
    // The clock stands at noon.
    let due = 1_780_315_200_000 - 9 * 60 * 60 * 1000;
    one.take(due).unwrap();
    other.take(due - 2 * DAY).unwrap();
    let status = other.run(other.backups().status()).unwrap();
    assert!(status.overdue);
    assert_eq!((status.foreign, status.deployment.as_deref()), (1, Some("other")));
    assert_eq!(status.last.unwrap().deployment.as_deref(), Some("other"));
    assert!(!one.run(one.backups().status()).unwrap().overdue);
}

#[test]
fn fewer_rows_than_another_deployment_had_are_not_a_loss() {
    let [one, other] = neighbours();
    other.take(0).unwrap();
    assert_eq!(one.take(DAY).unwrap().rows, 6);
}

#[test]
fn the_snapshot_of_another_deployment_can_be_restored_by_its_id() {
    let [one, other] = neighbours();
    let taken = one.take(0).unwrap();
    let plan = other.run(other.backups().plan_restore(&taken.id)).unwrap();
    assert!(plan.foreign && plan.problems.is_empty());
    assert!(!one.run(one.backups().plan_restore(&taken.id)).unwrap().foreign);
    other.rows.borrow_mut().clear();
    other.run(other.backups().restore(&RestoreRequest::new(&taken.id))).unwrap();
    assert_eq!(other.all_rows(), one.all_rows());
}

#[test]
fn snapshots_without_a_deployment_count_as_own() {
    let world = World::new(&[3]);
    let old = world.take(0).unwrap();
    assert_eq!(old.deployment, None);
    let mut updated = world.clone();
    updated.shards = updated.shards.with_namespace_id("one");
    assert_eq!(updated.take(0).unwrap(), old);
    assert_eq!(updated.run(keeping_one(&updated).retention()).unwrap().eligible, 1);
}

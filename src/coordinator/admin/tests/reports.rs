//! Migrations and traffic.

use serde_json::value::RawValue;

use super::*;

fn migrate(world: &World) -> MigrationReport {
    let args = RawValue::from_string(r#"{"id":"m1","direction":"up"}"#.to_owned()).unwrap();
    let request = MigrationRequest::new("t", MigrationOperation::Run, args);
    world.run(world.admin.migrate(&request)).unwrap()
}

fn run(status: &'static str) -> impl Fn(&str, &str, &Value) -> Value {
    move |key, operation, args| {
        assert_eq!((operation, &args["id"]), ("runMigration", &json!("m1")));
        let status = if key == "a" { "completed" } else { status };
        json!({"changed": 2, "processed": 3, "status": status})
    }
}

#[test]
fn a_migration_is_as_far_as_its_slowest_shard() {
    for (other, all) in [
        ("completed", MigrationStatus::Completed),
        ("in_progress", MigrationStatus::InProgress),
        ("failed", MigrationStatus::Failed),
    ] {
        let world = World::new(registry(&[("t", &["a", "b"])]), run(other));
        let report = migrate(&world);
        assert_eq!(report.status, all);
        assert_eq!((report.changed, report.processed, report.ok), (4, 6, 2));
    }
}

#[test]
fn a_shard_without_an_answer_keeps_a_migration_open_and_is_not_asked_twice() {
    let world = World::new(registry(&[("t", &["a", "b"])]), run("completed"));
    world.shards.shard("b").hangs();
    let report = migrate(&world);
    assert_eq!(report.status, MigrationStatus::InProgress);
    assert_eq!((report.ok, report.failed, world.shards.calls().len()), (1, 1, 2));
    let json = to_json(&report);
    assert_eq!(json["status"], "in_progress");
    assert_eq!(json["shards"][0]["result"]["changed"], 2);
    assert_eq!(json["shards"][1]["error"]["code"], "SHARD_TIMEOUT");
}

#[test]
fn traffic_counts_none_for_a_shard_that_failed() {
    let world = World::new(registry(&[("t", &["a", "b"])]), |_, _, _| json!({"requests": 5}));
    world.shards.shard("a").hangs();
    let report = world.run(world.admin.shard_traffic("t")).unwrap();
    assert_eq!(
        to_json(&report),
        json!({
            "failed": 1,
            "ok": 1,
            "shards": [{"requests": 0, "shardKey": "a"}, {"requests": 5, "shardKey": "b"}],
        })
    );
}

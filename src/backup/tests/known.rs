//! The shards that snapshots name.

use super::*;

fn keys_of(world: &World) -> (Vec<String>, Vec<String>) {
    let known = world.run(world.backups().known_shards()).unwrap();
    (known.keys.into_iter().map(String::from).collect(), known.unread)
}

#[test]
fn a_shard_that_is_only_named_by_a_manifest_is_known() {
    let world = World::new(&[2, 3]);
    assert_eq!(keys_of(&world), (vec![], vec![]));
    world.take(1_780_315_200_000).unwrap();
    world.rows.borrow_mut().remove("b");
    put(&mut world.rows.borrow_mut(), " c ", "messages", "m", json!({}));
    world.run(world.backups().take(&BackupTrigger::manual(1_780_315_260_000))).unwrap();
    assert_eq!(keys_of(&world).0, [" c ", "__root__", "a", "b"]);
}

#[test]
fn the_shards_of_another_deployment_are_known_too() {
    let world = World::new(&[2]);
    let manifest = world.take(1_780_315_200_000).unwrap();
    let key = format!("{}.manifest.json", manifest.file);
    let object = world.store.object(&key).unwrap();
    let mut json: Value = serde_json::from_slice(&object.bytes).unwrap();
    json["deployment"] = json!("another");
    let metadata = object.info.metadata.clone();
    let options = crate::platform::PutOptions::new().with_metadata(metadata);
    world.run(world.store.put(&key, json.to_string().into(), options)).unwrap();
    assert_eq!(keys_of(&world).0, ["__root__", "a"]);
}

#[test]
fn an_unreadable_manifest_is_reported_and_the_others_count() {
    let _logs = crate::testing::capture_logs();
    let world = World::new(&[2]);
    let broken = world.take(1_780_315_200_000).unwrap();
    world.take(1_780_401_600_000).unwrap();
    let key = format!("{}.manifest.json", broken.file);
    let metadata = world.store.object(&key).unwrap().info.metadata.clone();
    let options = crate::platform::PutOptions::new().with_metadata(metadata);
    world.run(world.store.put(&key, "{".into(), options)).unwrap();
    assert_eq!(keys_of(&world), (vec!["__root__".into(), "a".into()], vec![broken.id]));
}

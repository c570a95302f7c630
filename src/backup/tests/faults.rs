//! Faults: a run leaves a whole snapshot, or none.

use proptest::prelude::*;

use super::*;
use crate::{platform::StoreOperation, testing::capture_logs};

pub(super) const OPERATIONS: [StoreOperation; 7] = [
    StoreOperation::Put,
    StoreOperation::Get,
    StoreOperation::Head,
    StoreOperation::Delete,
    StoreOperation::CreateMultipart,
    StoreOperation::UploadPart,
    StoreOperation::Complete,
];

/// Rows that make a snapshot of several parts.
fn large() -> World {
    let mut rows = Rows::new();
    for id in 0..8 {
        let doc = json!({"text": "x".repeat(800_000)});
        put(&mut rows, "a", "messages", &format!("m{id}"), doc);
    }
    World::with(rows)
}

fn take(world: &World) -> Result<Manifest, LunoraError> {
    let backups = world.backups_with(|config| {
        let builder = BackupConfig::builder().store(world.store.clone());
        builder.cron(config.cron().clone()).part_size(PartSize::mebibytes(5).unwrap()).build()
    });
    world.run(backups.take(&BackupTrigger::scheduled("0 3 * * *", 0)))
}

/// Everything that is listed is whole; nothing else has a manifest.
fn check(world: &World) {
    let backups = world.backups();
    let listed = world.run(backups.list()).unwrap();
    for manifest in &listed {
        let verified = world.run(backups.verify(&manifest.id)).unwrap();
        assert!(verified.ok, "{verified:?}");
    }
    let manifests = world.store.keys().iter().filter(|key| key.ends_with(".manifest.json")).count();
    assert_eq!(manifests, listed.len());
}

#[test]
fn a_store_that_fails_at_any_call_leaves_a_whole_snapshot_or_none() {
    let _logs = capture_logs();
    for small in [true, false] {
        for operation in OPERATIONS {
            for calls in 0..if small { 5 } else { 2 } {
                let world = if small { World::new(&[9]) } else { large() };
                world.store.fails_after(calls, operation, "on purpose");
                let taken = take(&world);
                world.store.recovers();
                check(&world);
                assert_eq!(world.store.open_uploads(), 0, "{operation:?} {calls}");
                if let Ok(manifest) = taken {
                    assert_eq!(world.lines(&manifest.file).len() as u64, manifest.rows);
                }
                // The next run cleans up what was left behind.
                let again = take(&world).unwrap();
                assert_eq!(world.lines(&again.file).len(), world.all_rows().len());
                check(&world);
            }
        }
    }
}

#[test]
fn the_error_names_the_shard_and_nothing_is_visible() {
    let _logs = capture_logs();
    let world = World::new(&[9, 9]);
    world.shards.shard("b").hangs();
    let error = world.take(0).unwrap_err();
    assert_eq!(error.code(), "SHARD_TIMEOUT");
    assert!(error.message().contains("shard \"b\""), "{}", error.message());
    assert!(world.store.keys().is_empty());
}

proptest! {
    #[test]
    fn a_shard_that_fails_at_any_page_means_no_snapshot(
        sizes in prop::collection::vec(0usize..20, 1..4),
        healthy in 0usize..12,
    ) {
        let _logs = capture_logs();
        let world = World::new(&sizes);
        let kept = world.rows.clone();
        let calls = std::cell::Cell::new(0);
        let shards = MemoryNamespace::new(async move |address, mut request: Request| {
            calls.set(calls.get() + 1);
            if calls.get() > healthy {
                return Response::raw_json("{}").with_status(500);
            }
            let body: Value = request.json(1 << 20).await.unwrap();
            let operation = body["functionPath"].as_str().unwrap().rsplit(':').next().unwrap();
            if let Some(unknown) = unknown_operation(operation) {
                return unknown;
            }
            let result = answer(&kept, address.key.as_str(), operation, &body["args"]);
            Response::raw_json(json!({ "result": result }).to_string())
        });
        let world = World { shards, ..world };
        match world.take(0) {
            Ok(manifest) => prop_assert_eq!(manifest.rows as usize, world.all_rows().len()),
            Err(_) => prop_assert!(world.store.keys().is_empty()),
        }
        check(&world);
    }
}

#[test]
fn damage_is_found() {
    let world = World::new(&[9]);
    let manifest = world.take(0).unwrap();
    let backups = world.backups();
    let whole = world.store.object(&manifest.file).unwrap().bytes;
    let verify = |bytes: Vec<u8>| {
        world
            .run(world.store.put(&manifest.file, bytes.into(), crate::platform::PutOptions::new()))
            .unwrap();
        world.run(backups.verify(&manifest.id)).unwrap()
    };
    assert!(verify(whole.to_vec()).ok);
    let mut flipped = whole.to_vec();
    flipped[20] ^= 1;
    assert!(!verify(flipped).ok);
    assert!(!verify(whole[..whole.len() - 1].to_vec()).ok);
    assert!(!verify([&whole[..], b"{}\n"].concat()).ok);
    assert!(!verify(Vec::new()).ok);
    world.run(world.store.delete(std::slice::from_ref(&manifest.file))).unwrap();
    assert!(!world.run(backups.verify(&manifest.id)).unwrap().ok);
    assert_eq!(world.run(backups.verify("unknown")).unwrap_err().status(), 404);
}

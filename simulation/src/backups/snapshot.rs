//! A snapshot as its reader sees it: the state of every shard.

use std::collections::{BTreeMap, BTreeSet};

use lunora::testing::World;
use serde_json::Value;

/// Every token: by shard and id, the tables that hold it with its value.
pub(crate) type State = BTreeMap<(String, String), BTreeMap<String, String>>;

/// A snapshot of the store that is whole: its object is the one of its manifest.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) time_ms: u64,
    pub(crate) state: State,
}

/// Reads every whole snapshot, oldest first.
pub(crate) fn read_all(world: &World) -> Vec<Snapshot> {
    let store = world.store("BACKUPS");
    let objects = store.objects();
    let manifests = objects.keys().into_iter().filter(|key| key.ends_with(".ndjson.manifest.json"));
    let mut snapshots: Vec<Snapshot> = manifests
        .filter_map(|key| {
            let manifest = serde_json::from_slice(&objects.object(&key)?.bytes).ok()?;
            let object = objects.object(key.strip_suffix(".manifest.json")?)?;
            read(&manifest, &object.bytes)
        })
        .collect();
    snapshots.sort_by_key(|snapshot| snapshot.time_ms);
    snapshots
}

/// Applies the lines of each shard in turn; `None` for an object that its manifest does not
/// describe.
fn read(manifest: &Value, object: &[u8]) -> Option<Snapshot> {
    if manifest["bytes"].as_u64() != u64::try_from(object.len()).ok() {
        return None;
    }
    let text = std::str::from_utf8(object).ok()?;
    let mut lines =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    let mut state = State::new();
    for shard in manifest["shards"].as_array()? {
        let key = shard["shardKey"].as_str()?;
        let count = |name: &str| shard[name].as_u64().unwrap_or_default();
        for _ in 0..["rows", "watermarks", "replies", "changes"].map(count).into_iter().sum::<u64>()
        {
            apply(&mut state, key, &lines.next()?);
        }
    }
    state.retain(|_, tables| !tables.is_empty());
    let id = manifest["id"].as_str()?.to_owned();
    Some(Snapshot { id, time_ms: manifest["scheduledTime"].as_u64()?, state })
}

fn apply(state: &mut State, shard: &str, line: &Value) {
    let change = &line["$change"];
    let (table, id, doc) = if change.is_object() {
        (&change["table"], &change["id"], &change["doc"])
    } else {
        (&line["table"], &line["doc"]["_id"], &line["doc"])
    };
    let (Some(table), Some(id)) = (table.as_str(), id.as_str()) else { return };
    let tables = state.entry((shard.to_owned(), id.to_owned())).or_default();
    match doc["text"].as_str() {
        Some(value) => drop(tables.insert(table.to_owned(), value.to_owned())),
        None => drop(tables.remove(table)),
    }
}

/// Asserts that every token is in one table: that each shard is as it was at some moment.
pub(crate) fn assert_is_a_state(state: &State, what: &str) {
    for ((shard, id), tables) in state {
        assert_eq!(tables.len(), 1, "{what}: {id} of {shard:?} is in {tables:?}");
    }
}

/// The tokens of a state.
pub(crate) fn ids(state: &State) -> BTreeSet<(String, String)> {
    state.keys().cloned().collect()
}

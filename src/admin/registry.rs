//! The registry of shards: registers the shards that it lost.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{AdminCall, orchestration::json};
use crate::{errors::LunoraError, message::Response, wire::ShardKey};

/// The maximum number of keys of one request.
const MAX_KEYS: usize = 10_000;

/// Registers the shards with rows that the registry lacks. It asks the shards of `keys`, and unless
/// `"snapshots": false` those of every snapshot.
pub(super) async fn rebuild(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Rebuild {
        #[serde(default)]
        keys: Vec<String>,
        #[serde(default = "yes")]
        snapshots: bool,
    }

    let Rebuild { keys, snapshots } = call.body("Registry rebuild").await?;
    let mut keys = shard_keys(keys)?;
    let admin = call.shard_admin()?;
    let known = if snapshots { call.known_shards() } else { None };
    let mut unseen = "the platform cannot list Durable Objects: a shard is not found ".to_owned();
    match known {
        Some(known) => {
            let known = known.await?;
            keys.extend(known.keys);
            unseen += "if it is in no snapshot, is not listed and was not named";
            if !known.unread.is_empty() {
                unseen += "; unreadable manifests: ";
                unseen += &known.unread.join(", ");
            }
        }
        None => unseen += "if it is not listed and was not named; no snapshot was read",
    }
    unseen += "; a shard that is empty now is not registered";
    let mut report = admin.rebuild_registry(keys).await?;
    report.unseen = unseen;
    json(&report)
}

fn yes() -> bool {
    true
}

fn shard_keys(keys: Vec<String>) -> Result<BTreeSet<ShardKey>, LunoraError> {
    if keys.len() > MAX_KEYS {
        return Err(LunoraError::bad_request(format!(
            "too many `keys`: expected at most {MAX_KEYS}, got {}",
            keys.len()
        )));
    }
    let keys = keys.into_iter().enumerate().map(|(place, key)| {
        ShardKey::new(key).map_err(|error| {
            LunoraError::bad_request(format!("`keys[{place}]` is not a shard key: {error}"))
        })
    });
    keys.collect()
}

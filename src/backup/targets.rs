//! The assignment of a snapshot's lines to its shards.

use super::{Manifest, failure::damaged};
use crate::{errors::LunoraError, wire::ShardKey};

/// The shards of a snapshot, by the line at which each ends.
pub(super) struct Targets {
    parts: Vec<Part>,
    current: Option<usize>,
}

/// The lines of one shard: its rows, its client state, its changes.
pub(super) struct Part {
    pub(super) key: ShardKey,
    /// The number of its last line; the first line of the snapshot is 1.
    pub(super) end: u64,
    /// The number of its lines that are changes.
    pub(super) changes: u64,
    /// The offset of the changes, in bytes.
    pub(super) changes_at: u64,
}

impl Targets {
    pub(super) fn new(manifest: &Manifest) -> Result<Self, LunoraError> {
        let mut parts = Vec::new();
        if manifest.knows_shards() {
            let mut end = 0_u64;
            for shard in &manifest.shards {
                let key = ShardKey::new(&*shard.shard_key).map_err(|error| {
                    damaged(&manifest.id, &format!("invalid shard {:?}: {error}", shard.shard_key))
                })?;
                end = end.saturating_add(shard.lines());
                let (changes, changes_at) = (shard.changes, shard.changes_at);
                parts.push(Part { key, end, changes, changes_at });
            }
        }
        Ok(Self { parts, current: None })
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the shards of the snapshot.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ShardKey> {
        self.parts.iter().map(|part| &part.key)
    }

    /// Returns whether the line after `done` lines follows those of every shard.
    pub(super) fn is_past(&self, done: u64) -> bool {
        self.parts.last().is_some_and(|last| done >= last.end)
    }

    /// Returns the part of the line after `done` lines, if it is another than that of the line
    /// before.
    pub(super) fn turn_to(&mut self, done: u64) -> Option<&Part> {
        let from = self.current.unwrap_or(0);
        let place = from + self.parts.get(from..)?.iter().position(|part| done < part.end)?;
        if self.current == Some(place) {
            return None;
        }
        self.current = Some(place);
        self.parts.get(place)
    }
}

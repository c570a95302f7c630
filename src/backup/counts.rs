//! The numbers of rows that a run has read, by shard and table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GlobalPart, LeftOut, ManifestShard};
use crate::coordinator::ExportChunk;

/// The numbers of rows that a run has read.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) tables: BTreeMap<String, u64>,
    pub(super) shards: Vec<ManifestShard>,
    /// The rows of the global tables, once one was read.
    #[serde(default)]
    pub(super) global: Option<GlobalPart>,
    pub(super) left_out: LeftOut,
    pub(super) consistent: bool,
    /// The current shard, before its key and sequence number are noted.
    shard: ManifestShard,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self { consistent: true, ..Self::default() }
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        let global = self.global.as_ref().map_or(0, GlobalPart::rows);
        self.tables.values().sum::<u64>().saturating_add(global)
    }

    /// Notes where the changes of the shard begin, if this chunk is the first that has any.
    pub(super) fn note_changes(&mut self, chunk: &ExportChunk, at: u64) {
        if chunk.changes > 0 && self.shard.changes == 0 {
            self.shard.changes_at = at;
        }
    }

    pub(super) fn add(&mut self, chunk: ExportChunk) {
        if chunk.global {
            let global = self.global.get_or_insert_default();
            for (table, rows) in chunk.rows {
                *global.rows_by_table.entry(table).or_default() += rows;
            }
            return;
        }
        self.shard.changes += chunk.changes;
        self.shard.watermarks += chunk.watermarks;
        self.shard.replies += chunk.replies;
        for (table, rows) in chunk.rows {
            *self.tables.entry(table).or_default() += rows;
            self.shard.rows += rows;
        }
        let Some(end) = chunk.end_of_shard else { return };
        self.consistent &= end.consistent;
        self.left_out.shard_tables.extend(end.other_tables);
        let shard_key = chunk.shard_key.as_str().to_owned();
        let counted = std::mem::take(&mut self.shard);
        self.shards.push(ManifestShard { seq: end.seq, shard_key, ..counted });
    }
}

//! The rank of one document among those of every shard.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminCall, ShardAdmin, ShardOutcome, outcome::tally, read};
pub use crate::wire::operation::ShardRank;
use crate::{
    errors::LunoraError,
    wire::operation::{RankBefore, RankBeforeArgs},
};

/// The document to rank, by the key that its index orders by.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RankRequest {
    /// The table.
    pub table: String,
    /// The rank index.
    pub index: String,
    /// The partition, as canonical JSON; empty for an index without partitions.
    pub partition_key: String,
    /// The document's `_id`.
    pub row_id: String,
    /// The values that the index sorts by.
    pub sort_values: Vec<Box<RawValue>>,
}

/// The rank of a document (docs/wire.md, "Across shards").
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RankReport {
    /// The number of shards that gave no answer.
    pub failed: usize,
    /// The number of shards that answered.
    pub ok: usize,
    /// `true` if `position` and `total` lack the documents of a shard that failed.
    pub partial: bool,
    /// The position; the first is 1.
    pub position: u64,
    /// The count of each shard, in the registry's order.
    pub shards: Vec<ShardOutcome<ShardRank>>,
    /// The number of documents in the partition.
    pub total: u64,
}

impl ShardAdmin {
    /// Returns the rank of a document in an index, over every shard of its table.
    ///
    /// # Errors
    /// If the shards cannot be listed. A shard that fails is part of the report, which then says
    /// that it is `partial`.
    pub async fn rank(&self, request: &RankRequest) -> Result<RankReport, LunoraError> {
        let call = AdminCall::of::<RankBefore>(&RankBeforeArgs {
            table: (&request.table).into(),
            index: (&request.index).into(),
            partition_key: (&request.partition_key).into(),
            row_id: (&request.row_id).into(),
            sort_values: &request.sort_values,
        })?;
        let keys = self.shards_of(&request.table).await?;
        let outcome = |(key, answer): (_, Result<_, _>)| {
            let result =
                answer.and_then(|result: bytes::Bytes| read::<RankBefore, _>(&key, &result));
            ShardOutcome::new(key, result)
        };
        let shards: Vec<_> = self.ask_all(keys, &call).await.into_iter().map(outcome).collect();
        let counted = || shards.iter().filter_map(|shard| shard.result.as_ref().ok());
        let sum = |count: fn(&ShardRank) -> u64| counted().map(count).fold(0, u64::saturating_add);
        let (ok, failed) = tally(&shards);
        Ok(RankReport {
            position: sum(|rank| rank.before).saturating_add(1),
            total: sum(|rank| rank.total),
            partial: failed > 0,
            failed,
            ok,
            shards,
        })
    }
}

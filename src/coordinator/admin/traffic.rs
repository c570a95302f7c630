//! The distribution of requests over the shards of a table.

use serde::Serialize;

use super::{AdminCall, ShardAdmin, read};
use crate::{
    errors::LunoraError,
    wire::{
        ShardKey,
        operation::{GetMetrics, NoArgs, Traffic},
    },
};

/// The number of requests that one shard answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShardTraffic {
    /// The number of requests since the shard counts; 0 for a shard that gave no answer.
    pub requests: u64,
    /// The key of the shard.
    #[serde(serialize_with = "as_text")]
    pub shard_key: ShardKey,
}

/// The distribution of requests over the shards of a table (docs/wire.md, "Across shards").
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TrafficReport {
    /// The number of shards that gave no answer.
    pub failed: usize,
    /// The number of shards that answered.
    pub ok: usize,
    /// The count of each shard, in the registry's order.
    pub shards: Vec<ShardTraffic>,
}

impl ShardAdmin {
    /// Returns how many requests each shard of a table answered.
    ///
    /// # Errors
    /// If the shards cannot be listed. A shard that fails counts no requests.
    pub async fn shard_traffic(&self, table: &str) -> Result<TrafficReport, LunoraError> {
        let call = AdminCall::of::<GetMetrics>(&NoArgs {})?;
        let keys = self.shards_of(table).await?;
        let mut report = TrafficReport { failed: 0, ok: 0, shards: Vec::with_capacity(keys.len()) };
        for (shard_key, answer) in self.ask_all(keys, &call).await {
            let metrics =
                answer.and_then(|result| read::<GetMetrics, Traffic>(&shard_key, &result));
            match metrics {
                Ok(_) => report.ok += 1,
                Err(_) => report.failed += 1,
            }
            let requests = metrics.map_or(0, |metrics| metrics.requests);
            report.shards.push(ShardTraffic { requests, shard_key });
        }
        Ok(report)
    }
}

pub(super) fn as_text<S: serde::Serializer>(
    key: &ShardKey,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.as_str())
}

//! Arguments and answers about rank indexes, and the counters of a shard.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::IgnoredAny};

/// The counter of a shard that the coordinator reads.
#[derive(Debug, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
}

/// A position in a rank index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankBeforeArgs<'a, L> {
    pub(crate) table: Cow<'a, str>,
    pub(crate) index: Cow<'a, str>,
    #[serde(default)]
    pub(crate) partition_key: Cow<'a, str>,
    pub(crate) row_id: Cow<'a, str>,
    pub(crate) sort_values: L,
}

/// The count of one shard.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShardRank {
    /// The number of its documents that come before.
    pub before: u64,
    /// The number of documents that it has in the partition.
    pub total: u64,
}

/// The part of a rank index to return.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankPageArgs<'a, K, D = IgnoredAny> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<K>,
    /// The directions of the index, for shards that do not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directions: Option<D>,
    pub(crate) index: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition_key: Option<Cow<'a, str>>,
    pub(crate) table: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) take: Option<u32>,
}

/// A page of a rank index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankPageAnswer<L, D> {
    /// `{"doc","key"}` each.
    pub(crate) rows: L,
    #[serde(default)]
    pub(crate) has_more: bool,
    #[serde(default)]
    pub(crate) directions: D,
}

//! Queries across the shards of a table.

use serde::{Deserialize, Serialize};

/// A rule that merges the answers of many shards into one.
///
/// ```
/// use lunora_client::Merge;
///
/// let newest = Merge::TopK { k: 20, by: "_creationTime".into(), direction: Default::default() };
/// # assert_eq!(serde_json::to_value(newest)?["kind"], "topK"); Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Merge {
    /// Every answer in one list, lists flattened by one level.
    Concat,
    /// The first answer that is not `null`.
    First,
    /// The sum of numbers.
    Sum,
    /// The largest number or date.
    Max,
    /// The smallest number or date.
    Min,
    /// Groups `{"<by>":key,"value":number}` of the same key become one.
    GroupBy {
        /// The field that groups; `key` by default.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The operation that combines the values of a group.
        op: GroupOp,
    },
    /// The rank of a row among all rows, `{"position","total"}`.
    Rank,
    /// The first `k` rows of all.
    TopK {
        /// The number of rows.
        k: u32,
        /// The field that orders.
        by: String,
        /// Largest first by default.
        direction: Direction,
    },
}

/// An operation that combines the values of a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum GroupOp {
    /// The sum.
    #[default]
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    #[default]
    Desc,
}

/// A table, and how the answers of its shards become one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FanOut {
    table: String,
    merge: Merge,
}

impl FanOut {
    /// Returns a query across every shard of `table`.
    pub fn new(table: impl Into<String>, merge: Merge) -> Self {
        Self { table: table.into(), merge }
    }
}

/// The answer of a query across shards. It is an answer also if shards failed.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct FanOutAnswer<T> {
    /// Holds the merged value.
    pub data: T,
    /// Names the shards that failed.
    #[serde(default)]
    pub errors: Vec<ShardFailure>,
    /// Counts the shards that failed.
    pub failed: u32,
    /// Counts the shards that answered.
    pub ok: u32,
}

/// A shard that failed in a query across shards.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShardFailure {
    /// Identifies the kind of the failure.
    pub code: String,
    /// Says what went wrong.
    pub message: String,
    /// Names the shard.
    pub shard_key: String,
    /// Tells whether the shard did not answer in time.
    #[serde(default)]
    pub timed_out: bool,
}

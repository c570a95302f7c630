//! The fan-out field of a query across shards: `{table, merge}`.

use serde::{Deserialize, Serialize};

use crate::errors::LunoraError;

/// A query across every shard of a table, and how the answers become one (docs/wire.md, "Queries across shards").
///
/// ```
/// use lunora::coordinator::{Direction, FanOut, Merge};
///
/// let newest = FanOut::new("messages", Merge::TopK {
///     k: 20,
///     by: "createdAt".into(),
///     direction: Direction::Desc,
/// });
/// assert_eq!(newest.table(), "messages");
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FanOut {
    table: String,
    merge: Merge,
}

impl FanOut {
    /// The field of a group that the operation combines.
    pub(crate) const GROUP_VALUE: &'static str = "value";

    /// Returns a query across every shard of `table`.
    pub fn new(table: impl Into<String>, merge: Merge) -> Self {
        Self { table: table.into(), merge }
    }

    /// Returns the table, whose registry entries are the shards to query.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns how the answers are merged.
    #[must_use]
    pub fn merge(&self) -> &Merge {
        &self.merge
    }

    /// Reads the field `fanOut` of an envelope.
    // Kept out of its callers: every call runs them, and few are queries across shards.
    #[inline(never)]
    pub(crate) fn from_json(json: &str) -> Result<Self, LunoraError> {
        // serde would take a list for an object, field by field.
        if !json.starts_with('{') {
            return Err(LunoraError::bad_request("fanOut must be an object"));
        }
        let spec: Self = serde_json::from_str(json)
            .map_err(|error| LunoraError::bad_request(format!("fanOut is malformed: {error}")))?;
        spec.check()?;
        Ok(spec)
    }

    /// Refuses merges that the types allow but that are impossible.
    pub(crate) fn check(&self) -> Result<(), LunoraError> {
        let problem = match &self.merge {
            _ if self.table.is_empty() => "fanOut.table must not be empty",
            Merge::GroupBy { by: Some(by), .. } | Merge::TopK { by, .. } if by.is_empty() => {
                "fanOut.merge.by must not be empty"
            }
            Merge::GroupBy { by: Some(by), .. } if by == Self::GROUP_VALUE => {
                "fanOut.merge.by must not be `value`: that is what the groups combine"
            }
            _ => return Ok(()),
        };
        Err(LunoraError::bad_request(problem))
    }
}

/// A rule that merges the answers of many shards into one.
///
/// The body of each answer is merged as it is; if order matters, it is the registry's. Text that
/// passes through is unchanged, including integers above 2^53. `null` is ignored except in lists; a
/// shard whose answer the merge cannot take counts as failed (`SHARD_ERROR`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "MergeFields")]
#[non_exhaustive]
pub enum Merge {
    /// Every answer in one list, lists flattened by one level.
    Concat,
    /// The first answer that is not `null`; `null` if every answer is.
    First,
    /// The sum of numbers; 0 without numbers. It is exact until it is written: the order of the
    /// shards does not matter.
    Sum,
    /// The largest number or date; `null` without any, NaN if one is NaN.
    Max,
    /// The smallest number or date; `null` without any, NaN if one is NaN.
    Min,
    /// Groups `{"<by>":key,"value":number}` of the same key become one. Keys are the same when
    /// their canonical JSON is; groups stand in the order in which their keys first appear.
    GroupBy {
        /// The field that groups; `key` by default. It is never `value`.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The operation that combines the values of a group. Default: the sum.
        op: GroupOp,
    },
    /// The rank of a row among all rows, `{"position","total"}`: one more than the sum of the
    /// fields `before`, and the sum of the fields `total`.
    Rank,
    /// The first `k` rows of all. Rows that compare as equal keep the order of their shards, and
    /// those whose field is not a number, a big integer or a date come last in either direction.
    TopK {
        /// The number of rows. No more of them are ever in memory.
        k: u32,
        /// The field that orders.
        by: String,
        /// Largest first by default.
        direction: Direction,
    },
}

/// The fields of a merge as a client sends them, before validation.
///
/// Implemented manually: the code that serde derives for such an enum is several times larger.
#[derive(Deserialize)]
struct MergeFields {
    kind: String,
    k: Option<u32>,
    by: Option<String>,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    op: GroupOp,
}

impl TryFrom<MergeFields> for Merge {
    type Error = &'static str;

    fn try_from(fields: MergeFields) -> Result<Self, &'static str> {
        let MergeFields { kind, k, by, direction, op } = fields;
        Ok(match &*kind {
            "concat" => Self::Concat,
            "first" => Self::First,
            "sum" => Self::Sum,
            "max" => Self::Max,
            "min" => Self::Min,
            "groupBy" => Self::GroupBy { by, op },
            "rank" => Self::Rank,
            "topK" => Self::TopK {
                k: k.ok_or("topK needs `k`, a whole number")?,
                by: by.ok_or("topK needs `by`, the field that orders")?,
                direction,
            },
            _ => {
                return Err(
                    "merge.kind is one of concat, first, groupBy, max, min, rank, sum, topK",
                );
            }
        })
    }
}

/// An operation that combines the values of a group.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    #[default]
    Desc,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_with_its_defaults() {
        let merge = |json: &str| {
            FanOut::from_json(&format!(r#"{{"table":"t","merge":{json}}}"#))
                .map(|spec| spec.merge)
                .unwrap()
        };
        assert_eq!(merge(r#"{"kind":"concat"}"#), Merge::Concat);
        assert_eq!(merge(r#"{"kind":"groupBy"}"#), Merge::GroupBy { by: None, op: GroupOp::Sum });
        assert_eq!(
            merge(r#"{"kind":"topK","k":0,"by":"a"}"#),
            Merge::TopK { k: 0, by: "a".into(), direction: Direction::Desc }
        );
    }

    #[test]
    fn refuses_what_it_does_not_understand_before_any_shard_is_asked() {
        for json in [
            "null",
            "[]",
            r#"["t",{"kind":"sum"}]"#,
            "{}",
            r#"{"table":"t"}"#,
            r#"{"table":"","merge":{"kind":"sum"}}"#,
            r#"{"table":1,"merge":{"kind":"sum"}}"#,
            r#"{"table":"t","merge":{"kind":"avg"}}"#,
            r#"{"table":"t","merge":null}"#,
            r#"{"table":"t","merge":[]}"#,
            r#"{"table":"t","merge":"sum"}"#,
            r#"{"table":"t","merge":{}}"#,
            r#"{"table":"t","merge":{"kind":"topK","by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":-1,"by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":1.5,"by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":"5","by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":null,"by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5,"by":"a","direction":"up"}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5,"by":"a","direction":null}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5,"by":""}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5,"by":null}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":5,"by":7}}"#,
            r#"{"table":"t","merge":{"kind":"topK","k":4294967296,"by":"a"}}"#,
            r#"{"table":"t","merge":{"kind":"groupBy","by":7}}"#,
            r#"{"table":"t","merge":{"kind":"groupBy","op":null}}"#,
            r#"{"table":"t","merge":{"kind":"groupBy","op":"avg"}}"#,
            r#"{"table":"t","merge":{"kind":"groupBy","by":""}}"#,
            r#"{"table":"t","merge":{"kind":"groupBy","by":"value"}}"#,
        ] {
            let error = FanOut::from_json(json).unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), ("BAD_REQUEST", 400), "{json}");
        }
    }
}

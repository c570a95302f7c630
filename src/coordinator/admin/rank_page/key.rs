//! The key by which a rank index orders, compared as SQLite compares it.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{super::super::merge::decimal::Decimal, SortDirection};
use crate::wire::value::TAG;

/// The position of a document in its index: partition, then the sort values, then its `_id`.
#[derive(Clone, Debug)]
pub(super) struct RankKey {
    partition: String,
    values: Vec<SortValue>,
    row_id: String,
    /// The key as its shard wrote it.
    pub(super) raw: Box<RawValue>,
}

/// A sort value; the variants are in the order of their types.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum SortValue {
    Null,
    NegativeInfinity,
    Number(Decimal),
    Infinity,
    Text(String),
    /// Any other type, as bytes in hexadecimal that sort by type and value.
    Key(String),
}

impl RankKey {
    /// Parses a key; `None` if invalid.
    pub(super) fn read(raw: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Parts<'a> {
            partition_key: String,
            row_id: String,
            #[serde(borrow)]
            sort_values: Vec<&'a RawValue>,
        }

        let Parts { partition_key, row_id, sort_values } = serde_json::from_str(raw.get()).ok()?;
        let values = sort_values.into_iter().map(SortValue::read).collect::<Option<_>>()?;
        Some(Self { partition: partition_key, values, row_id, raw: raw.to_owned() })
    }

    /// Compares in the order of the index: partitions and ids ascend, each sort value has its own
    /// direction.
    pub(super) fn cmp(&self, other: &Self, directions: &[SortDirection]) -> Ordering {
        let by_value = |index: usize| {
            let order = self.values.get(index).cmp(&other.values.get(index));
            match directions.get(index) {
                Some(SortDirection::Desc) => order.reverse(),
                _ => order,
            }
        };
        let values = (0..self.values.len().max(other.values.len())).map(by_value);
        self.partition
            .cmp(&other.partition)
            .then_with(|| values.fold(Ordering::Equal, Ordering::then))
            .then_with(|| self.row_id.cmp(&other.row_id))
    }
}

impl SortValue {
    fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        match text.as_bytes().first()? {
            b'n' => Some(Self::Null),
            b'"' => serde_json::from_str(text).ok().map(Self::Text),
            b'[' => match *serde_json::from_str::<Vec<&str>>(text).ok()?.as_slice() {
                [TAG, "-inf"] => Some(Self::NegativeInfinity),
                [TAG, "inf"] => Some(Self::Infinity),
                [TAG, "key", hex] => Some(Self::Key(hex.to_owned())),
                _ => None,
            },
            _ => Decimal::parse(text).map(Self::Number),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn key(partition: &str, values: &str, id: &str) -> RankKey {
        let json =
            format!(r#"{{"partitionKey":"{partition}","rowId":"{id}","sortValues":{values}}}"#);
        RankKey::read(&RawValue::from_string(json).unwrap()).unwrap()
    }

    #[test]
    fn orders_as_sqlite_does() {
        let ascending = [
            key("", "[null]", "a"),
            key("", r#"[["$lunora.wire$","-inf"]]"#, "a"),
            key("", "[-3]", "a"),
            key("", "[9007199254740992]", "a"),
            key("", "[9007199254740993]", "a"),
            key("", r#"[["$lunora.wire$","inf"]]"#, "a"),
            key("", r#"["Z"]"#, "a"),
            key("", r#"["a"]"#, "a"),
            key("", r#"["a"]"#, "b"),
            key("", r#"["ｚ"]"#, "a"),
            // Bytes and UTF-16 units order differently above U+FFFF; SQLite compares bytes.
            key("", r#"["𝄞"]"#, "a"),
            key("", r#"[["$lunora.wire$","key","6231"]]"#, "a"),
            key("", r#"[["$lunora.wire$","key","64"]]"#, "a"),
            key("", r#"[["$lunora.wire$","key","6430"]]"#, "a"),
            key("p", "[null]", "a"),
        ];
        for pair in ascending.windows(2) {
            assert_eq!(pair[0].cmp(&pair[1], &[]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn a_direction_reverses_only_its_own_value() {
        let (low, high) = (key("", "[1,1]", "a"), key("", "[2,1]", "a"));
        assert_eq!(low.cmp(&high, &[SortDirection::Desc]), Ordering::Greater);
        assert_eq!(low.cmp(&high, &[SortDirection::Asc, SortDirection::Desc]), Ordering::Less);
        let (a, b) = (key("", "[1,1]", "a"), key("", "[1,1]", "b"));
        assert_eq!(a.cmp(&b, &[SortDirection::Desc]), Ordering::Less);
    }

    #[test]
    fn values_that_no_index_sorts_by_are_not_keys() {
        for values in ["[true]", "[[1]]", "[{}]", "1"] {
            let json = format!(r#"{{"partitionKey":"","rowId":"a","sortValues":{values}}}"#);
            assert!(RankKey::read(&RawValue::from_string(json).unwrap()).is_none(), "{values}");
        }
    }
}

//! Positions in an order of documents: the values they are ordered by, compared as SQLite does.
//!
//! A position identifies the documents before it by value, so that it stays valid under inserts and
//! deletes.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::{
    platform::SqlCell,
    shard::sql::SqlValue,
    wire::{Direction, value::TAG},
};

/// One value that an order compares, with its direction.
#[derive(Clone, Debug)]
pub(crate) struct OrderBy {
    pub(crate) expression: String,
    pub(crate) direction: Direction,
}

/// Returns the SQL of an order.
pub(crate) fn order_sql(order: &[OrderBy]) -> String {
    let terms = order.iter().map(|by| {
        let direction = match by.direction {
            Direction::Asc => "ASC",
            Direction::Desc => "DESC",
        };
        format!("{} {direction}", by.expression)
    });
    terms.collect::<Vec<_>>().join(",")
}

/// Returns the columns of a row's position in the order; two per value, so that an integer keeps
/// its last digit.
pub(crate) fn position_columns(order: &[OrderBy]) -> String {
    let columns = order
        .iter()
        .map(|OrderBy { expression, .. }| format!("{expression},CAST({expression} AS TEXT)"));
    columns.collect::<Vec<_>>().join(",")
}

/// Reads the values of those columns.
pub(crate) fn read_position(cells: impl IntoIterator<Item = SqlCell>) -> Option<Vec<SqlValue>> {
    let mut cells = cells.into_iter();
    let mut values = Vec::new();
    while let Some(value) = cells.next() {
        values.push(match (value, cells.next()?) {
            // As a text, a real has a point or an exponent, or is `Inf`.
            (SqlCell::Number(real), SqlCell::Text(digits)) => {
                digits.parse().map_or(SqlValue::Real(real), SqlValue::Integer)
            }
            (SqlCell::Text(text), _) => SqlValue::Text(text),
            (SqlCell::Blob(key), _) => SqlValue::Blob(key),
            (SqlCell::Null, SqlCell::Null) => SqlValue::Null,
            _ => return None,
        });
    }
    Some(values)
}

/// Returns the SQL of "comes after this position", or "comes before it", and its values.
///
/// For an order by `a, b` it is `a > ? OR (a IS ? AND b > ?)`; NULL is the smallest of all. A bound
/// on the first value stands in front, so that SQLite can start there in an index. Each expression
/// appears a fixed number of times, since a statement has at most 100 KB.
pub(crate) fn beyond(
    order: &[OrderBy],
    position: &[SqlValue],
    after: bool,
) -> (String, Vec<SqlValue>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    let ascends = |by: &OrderBy| (by.direction == Direction::Asc) == after;
    if let (Some(first), Some(value)) = (order.first(), position.first())
        && *value != SqlValue::Null
        && ascends(first)
    {
        sql.push_str(&format!("{}>={} AND ", first.expression, value.placeholder()));
        values.push(value.clone());
    }
    let last = order.len().min(position.len()).saturating_sub(1);
    for (at, (by, value)) in order.iter().zip(position).enumerate() {
        let OrderBy { expression, .. } = by;
        let placeholder = value.placeholder();
        sql.push('(');
        match (ascends(by), value) {
            // Every value but NULL is larger, and no value is smaller.
            (true, SqlValue::Null) => sql.push_str(&format!("{expression} IS NOT NULL")),
            (false, SqlValue::Null) => sql.push('0'),
            (true, value) => {
                sql.push_str(&format!("{expression}>{placeholder}"));
                values.push(value.clone());
            }
            // The comparison is NULL where the expression is.
            (false, value) => {
                sql.push_str(&format!("({expression}>={placeholder}) IS NOT 1"));
                values.push(value.clone());
            }
        }
        if at < last {
            sql.push_str(&format!(" OR {expression} IS {placeholder} AND "));
            values.push(value.clone());
        }
    }
    sql.push_str(&")".repeat(order.len().min(position.len())));
    (sql, values)
}

/// A value in a cursor: JSON, with reals marked, so that each keeps its type.
#[derive(Clone, Debug)]
pub(crate) struct Stop(pub(crate) SqlValue);

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            SqlValue::Integer(integer) => serializer.serialize_i64(*integer),
            SqlValue::Real(real) if real.is_finite() => serializer.serialize_f64(*real),
            SqlValue::Real(real) if *real > 0.0 => (TAG, "inf").serialize(serializer),
            SqlValue::Real(_) => (TAG, "-inf").serialize(serializer),
            SqlValue::Text(text) => serializer.serialize_str(text),
            SqlValue::Blob(key) => {
                let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                (TAG, "key", hex).serialize(serializer)
            }
            SqlValue::Null => serializer.serialize_unit(),
        }
    }
}

impl Stop {
    /// Reads a value of a cursor; `None` for anything else.
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let value = match raw.get() {
            "null" => SqlValue::Null,
            text if text.starts_with('"') => SqlValue::Text(serde_json::from_str(text).ok()?),
            list if list.starts_with('[') => {
                let list: Vec<&str> = serde_json::from_str(list).ok()?;
                match *list.as_slice() {
                    [TAG, "inf"] => SqlValue::Real(f64::INFINITY),
                    [TAG, "-inf"] => SqlValue::Real(f64::NEG_INFINITY),
                    [TAG, "key", hex] => SqlValue::Blob(from_hex(hex)?),
                    _ => return None,
                }
            }
            number => match number.parse() {
                Ok(integer) => SqlValue::Integer(integer),
                Err(_) => SqlValue::Real(serde_json::from_str(number).ok()?),
            },
        };
        Some(Self(value))
    }
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hex.len().is_multiple_of(2).then(|| hex.as_bytes().chunks(2).map(byte).collect()).flatten()
}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::read(&raw).ok_or_else(|| D::Error::custom("no value of an index"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_stop_keeps_its_type() {
        for value in [
            SqlValue::Null,
            SqlValue::Integer(i64::MIN),
            SqlValue::Integer(9_007_199_254_740_993),
            SqlValue::Real(1.0),
            SqlValue::Real(0.1),
            SqlValue::Real(f64::INFINITY),
            SqlValue::Real(f64::NEG_INFINITY),
            SqlValue::from("a \"text\""),
            SqlValue::Blob(b"b1".to_vec()),
        ] {
            let json = serde_json::to_string(&Stop(value.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Stop>(&json).unwrap().0, value, "{json}");
        }
        for json in ["true", "{}", "[2]", "[]", r#"["$lunora.wire$","key","b"]"#] {
            assert!(serde_json::from_str::<Stop>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_page_of_the_widest_index_fits_into_a_statement() {
        let field = "twenty_four_letters_long";
        let by = |_| OrderBy {
            expression: crate::shard::db::key::expression(field),
            direction: Direction::Desc,
        };
        let order: Vec<_> = (0..8).map(by).collect();
        let position = vec![SqlValue::from("x"); 8];
        let (filter, _) = beyond(&order, &position, true);
        let length = filter.len() + order_sql(&order).len() + position_columns(&order).len();
        assert!(length < 98_000, "{length}");
    }
}

//! Positions in an order of documents: the values they are ordered by, compared as SQLite does.
//!
//! A position identifies the documents before it by value, so that it stays valid under inserts and
//! deletes.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use super::{fields::CREATION_TIME, key};
use crate::{
    platform::{SqlCell, hex},
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

/// Returns the columns of a row's position in the order; two per value, `p0` and `t0` and so on, so that
/// an integer keeps its last digit. The text of a time or an id would tell nothing more: a column of reals
/// or of texts holds no integer.
pub(crate) fn position_columns(order: &[OrderBy]) -> String {
    let columns = order.iter().enumerate().map(|(at, by)| match &by.expression {
        column if is_column(by) => format!("{column} AS p{at},NULL AS t{at}"),
        key => format!("{key} AS p{at},CAST({key} AS TEXT) AS t{at}"),
    });
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
            (SqlCell::Number(real), SqlCell::Null) => SqlValue::Real(real),
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
        && (ascends(first) || is_column(first))
    {
        let operator = if ascends(first) { ">=" } else { "<=" };
        sql.push_str(&format!("{}{operator}{} AND ", first.expression, value.placeholder()));
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

/// Returns the SQL of a bound on the first value that holds for every row from `start` to `end`, and
/// its value, so that SQLite stops there in an index. [`is_beyond`] decides about the other values.
///
/// In ascending order a bound would hide rows with NULL, which come first, so it needs a start
/// behind those.
pub(crate) fn stop_at(
    order: &[OrderBy],
    start: Option<&[SqlValue]>,
    end: &[SqlValue],
) -> Option<(String, Vec<SqlValue>)> {
    let (by, value) = order.first().zip(end.first())?;
    let starts_at_value = start.and_then(<[_]>::first).is_some_and(|it| *it != SqlValue::Null);
    let operator = match by.direction {
        _ if *value == SqlValue::Null => return None,
        Direction::Desc => ">=",
        Direction::Asc if starts_at_value || is_column(by) => "<=",
        Direction::Asc => return None,
    };
    Some((format!("{}{operator}{}", by.expression, value.placeholder()), vec![value.clone()]))
}

/// Returns whether a position comes after an end.
pub(crate) fn is_beyond(order: &[OrderBy], position: &[SqlValue], end: &[SqlValue]) -> bool {
    let mut compared = order.iter().zip(position.iter().zip(end)).map(|(by, (value, end))| {
        let ordering = compare(value, end);
        if by.direction == Direction::Asc { ordering } else { ordering.reverse() }
    });
    compared.find(|ordering| ordering.is_ne()).is_some_and(Ordering::is_gt)
}

/// Compares two values as SQLite does: NULL, then numbers, then texts, then blobs.
fn compare(one: &SqlValue, other: &SqlValue) -> Ordering {
    use SqlValue::{Blob, Integer, Null, Real, Text};
    let class = |value: &SqlValue| match value {
        Null => 0,
        Integer(_) | Real(_) => 1,
        Text(_) => 2,
        Blob(_) => 3,
    };
    match (one, other) {
        (Integer(one), Integer(other)) => one.cmp(other),
        // SQLite stores NaN as NULL.
        (Real(one), Real(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
        (Integer(one), Real(other)) => compare_exactly(*one, *other),
        (Real(one), Integer(other)) => compare_exactly(*other, *one).reverse(),
        (Text(one), Text(other)) => one.cmp(other),
        (Blob(one), Blob(other)) => one.cmp(other),
        _ => class(one).cmp(&class(other)),
    }
}

/// Compares an integer with a real, also beyond 2^53, where a conversion would round.
fn compare_exactly(integer: i64, real: f64) -> Ordering {
    /// 2^63.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if real >= LIMIT {
        return Ordering::Less;
    }
    if real < -LIMIT {
        return Ordering::Greater;
    }
    #[allow(clippy::cast_possible_truncation, reason = "checked to be within the range")]
    let whole = real.trunc() as i64;
    let fraction = 0.0.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal);
    integer.cmp(&whole).then(fraction)
}

/// Returns whether the value is a column of the shard, `_creationTime` or `_id`: every row has one.
fn is_column(by: &OrderBy) -> bool {
    by.expression == key::expression(CREATION_TIME) || by.expression == "\"_id\""
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
            SqlValue::Blob(key) => (TAG, "key", hex(key)).serialize(serializer),
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
    fn compares_values_as_sqlite_does() {
        let real = SqlValue::Real;
        let ascending = [
            SqlValue::Null,
            real(f64::NEG_INFINITY),
            SqlValue::Integer(i64::MIN),
            real(-1.5),
            SqlValue::Integer(-1),
            real(-0.5),
            SqlValue::Integer(0),
            real(0.5),
            SqlValue::Integer(9_007_199_254_740_992),
            SqlValue::Integer(9_007_199_254_740_993),
            SqlValue::Integer(i64::MAX),
            real(9_223_372_036_854_775_808.0),
            real(f64::INFINITY),
            SqlValue::from(""),
            SqlValue::from("a"),
            SqlValue::from("\u{e9}"),
            SqlValue::Blob(Vec::new()),
            SqlValue::Blob(b"b1".to_vec()),
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
        let equal = SqlValue::Integer(9_007_199_254_740_992);
        assert_eq!(compare(&equal, &real(9_007_199_254_740_992.0)), Ordering::Equal);
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
        let stop = stop_at(&order, Some(&position), &position).map_or(0, |(sql, _)| sql.len());
        let length = filter.len() + stop + order_sql(&order).len() + position_columns(&order).len();
        assert!(length < 98_000, "{length}");
    }
}

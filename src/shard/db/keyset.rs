//! Positions in an order of documents: the values they are ordered by, compared as SQLite does.
//!
//! A position says what came before it by value, so that it stays true whatever is inserted or
//! deleted meanwhile.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::{platform::SqlCell, shard::sql::SqlValue, wire::Direction};

/// One value that an order compares, and which way.
#[derive(Clone, Debug)]
pub(crate) struct OrderBy {
    pub(crate) expression: String,
    pub(crate) direction: Direction,
}

/// The SQL of an order.
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

/// The columns that tell where a row is in the order; two for each value, so that an integer comes
/// to its last digit.
pub(crate) fn position_columns(order: &[OrderBy]) -> String {
    let columns = order.iter().map(|OrderBy { expression, .. }| {
        format!(
            "typeof({expression}),CASE typeof({expression}) WHEN 'integer' THEN CAST({expression} AS TEXT) ELSE {expression} END"
        )
    });
    columns.collect::<Vec<_>>().join(",")
}

/// The values of those columns.
pub(crate) fn read_position(cells: impl IntoIterator<Item = SqlCell>) -> Option<Vec<SqlValue>> {
    let mut cells = cells.into_iter();
    let mut values = Vec::new();
    while let Some(kind) = cells.next() {
        let SqlCell::Text(kind) = kind else { return None };
        values.push(match (&*kind, cells.next()?) {
            ("integer", SqlCell::Text(digits)) => SqlValue::Integer(digits.parse().ok()?),
            ("real", SqlCell::Number(real)) => SqlValue::Real(real),
            ("text", SqlCell::Text(text)) => SqlValue::Text(text),
            ("null", SqlCell::Null) => SqlValue::Null,
            _ => return None,
        });
    }
    Some(values)
}

/// The SQL of "comes after this position", or "comes before it", and its values.
///
/// For an order by `a, b` it is `a > ? OR (a IS ? AND b > ?)`; NULL is the smallest of all. A bound
/// on the first value stands in front, so that SQLite can start there in an index.
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
    sql.push('(');
    let terms = order.iter().zip(position).enumerate();
    for (at, (by, value)) in terms {
        if at > 0 {
            sql.push_str(" OR (");
            for (by, value) in order.iter().zip(position).take(at) {
                sql.push_str(&format!("{} IS {} AND ", by.expression, value.placeholder()));
                values.push(value.clone());
            }
        }
        match (ascends(by), value) {
            // Everything but NULL is larger; nothing is smaller.
            (true, SqlValue::Null) => sql.push_str(&format!("{} IS NOT NULL", by.expression)),
            (false, SqlValue::Null) => sql.push('0'),
            (true, value) => {
                sql.push_str(&format!("{}>{}", by.expression, value.placeholder()));
                values.push(value.clone());
            }
            (false, value) => {
                let expression = &by.expression;
                sql.push_str(&format!(
                    "({expression}<{0} OR {expression} IS NULL)",
                    value.placeholder()
                ));
                values.push(value.clone());
            }
        }
        if at > 0 {
            sql.push(')');
        }
    }
    sql.push(')');
    (sql, values)
}

/// A value in a cursor: JSON, with reals marked, so that each comes back as what it was.
#[derive(Clone, Debug)]
pub(crate) struct Stop(pub(crate) SqlValue);

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            SqlValue::Integer(integer) => serializer.serialize_i64(*integer),
            SqlValue::Real(real) if real.is_finite() => serializer.serialize_f64(*real),
            SqlValue::Real(real) => serializer.collect_seq([if *real > 0.0 { 1 } else { -1 }]),
            SqlValue::Text(text) => serializer.serialize_str(text),
            SqlValue::Null | SqlValue::Blob(_) => serializer.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let value = match raw.get() {
            "null" => Some(SqlValue::Null),
            "[1]" => Some(SqlValue::Real(f64::INFINITY)),
            "[-1]" => Some(SqlValue::Real(f64::NEG_INFINITY)),
            text if text.starts_with('"') => serde_json::from_str(text).ok().map(SqlValue::Text),
            number => match number.parse() {
                Ok(integer) => Some(SqlValue::Integer(integer)),
                Err(_) => serde_json::from_str(number).ok().map(SqlValue::Real),
            },
        };
        value.map(Self).ok_or_else(|| D::Error::custom("no value of an index"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_stop_comes_back_as_what_it_was() {
        for value in [
            SqlValue::Null,
            SqlValue::Integer(i64::MIN),
            SqlValue::Integer(9_007_199_254_740_993),
            SqlValue::Real(1.0),
            SqlValue::Real(0.1),
            SqlValue::Real(f64::INFINITY),
            SqlValue::from("a \"text\""),
        ] {
            let json = serde_json::to_string(&Stop(value.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Stop>(&json).unwrap().0, value, "{json}");
        }
        for json in ["true", "{}", "[2]", "[]"] {
            assert!(serde_json::from_str::<Stop>(json).is_err(), "{json}");
        }
    }
}

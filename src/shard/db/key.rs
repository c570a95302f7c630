//! The values that an index has of a document, as SQLite extracts them.

use super::fields::{CREATION_TIME, Fields};
use crate::shard::sql::SqlValue;

/// The SQL of a field's value. A query finds an index by this very text.
pub(crate) fn expression(field: &str) -> String {
    if field == CREATION_TIME {
        return "\"_creationTime\"".to_owned();
    }
    // Letters, digits, `_` and dots only: `is_field` was asked.
    let mut sql = String::from("json_extract(\"doc\",'$");
    for name in field.split('.') {
        sql.extend([".\"", name, "\""]);
    }
    sql.push_str("')");
    sql
}

/// Returns what SQLite extracts of a document for `field`, without asking it; lists and objects
/// but for their white space.
pub(crate) fn of_document(document: &str, field: &str) -> SqlValue {
    Extractor::new(document).get(field)
}

/// A document whose top level is parsed once, for several fields.
pub(crate) struct Extractor<'a>(Option<Fields<'a>>);

impl<'a> Extractor<'a> {
    pub(crate) fn new(document: &'a str) -> Self {
        Self(Fields::parse(document))
    }

    /// Returns what [`of_document`] does.
    pub(crate) fn get(&self, field: &str) -> SqlValue {
        let mut names = field.split('.');
        let first = names.next().unwrap_or_default();
        let Some(mut json) = self.0.as_ref().and_then(|fields| fields.get(first)) else {
            return SqlValue::Null;
        };
        for name in names {
            match Fields::parse(json).and_then(|fields| fields.get(name)) {
                Some(value) => json = value,
                None => return SqlValue::Null,
            }
        }
        of_json(json)
    }
}

fn of_json(json: &str) -> SqlValue {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map_or(SqlValue::Null, SqlValue::Text),
        Some(b't') => SqlValue::Integer(1),
        Some(b'f') => SqlValue::Integer(0),
        Some(b'[' | b'{') => SqlValue::Text(json.to_owned()),
        Some(b'n') | None => SqlValue::Null,
        Some(_) => match json.parse::<i64>() {
            Ok(integer) => SqlValue::Integer(integer),
            Err(_) => json.parse().map_or(SqlValue::Null, SqlValue::Real),
        },
    }
}

/// Whether SQLite takes the two for the same value.
#[allow(clippy::cast_precision_loss, reason = "where it rounds, too much is reported as changed")]
pub(crate) fn same(one: &SqlValue, other: &SqlValue) -> bool {
    match (one, other) {
        (SqlValue::Integer(integer), SqlValue::Real(real))
        | (SqlValue::Real(real), SqlValue::Integer(integer)) => *integer as f64 == *real,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extracts_what_sqlite_does() {
        let document =
            r#"{"a":1,"b":1.0,"c":"x\n","d":true,"e":null,"f":{"g":[1,2]},"h":9007199254740993}"#;
        for (field, value) in [
            ("a", SqlValue::Integer(1)),
            ("b", SqlValue::Real(1.0)),
            ("c", SqlValue::from("x\n")),
            ("d", SqlValue::Integer(1)),
            ("e", SqlValue::Null),
            ("f.g", SqlValue::from("[1,2]")),
            ("f.x", SqlValue::Null),
            ("a.x", SqlValue::Null),
            ("h", SqlValue::Integer(9_007_199_254_740_993)),
            ("z", SqlValue::Null),
        ] {
            assert_eq!(of_document(document, field), value, "{field}");
        }
        assert!(same(&SqlValue::Integer(1), &SqlValue::Real(1.0)));
        assert!(!same(&SqlValue::Integer(1), &SqlValue::from("1")));
    }
}

//! The keys that an index has of documents: values whose order in SQLite is that of the types, and
//! within a type that of the values.

use std::{borrow::Cow, cell::RefCell};

use serde_json::value::RawValue;

use super::fields::{CREATION_TIME, Fields};
use crate::{
    shard::sql::SqlValue,
    wire::{
        number,
        value::{Date, TAG},
    },
};

/// Returns the SQL of a field's key. A query finds an index by this exact text, so a change of it
/// rebuilds every index when its object wakes.
///
/// `null`, numbers and texts are native to SQLite. Every other type is a blob, which SQLite sorts
/// behind texts: a letter that sorts the types, then bytes that sort by value (see [`Key`]).
pub(crate) fn expression(field: &str) -> String {
    if field == CREATION_TIME {
        return "\"_creationTime\"".to_owned();
    }
    EXPRESSIONS.with_borrow_mut(|known| {
        if let Some((_, expression)) = known.iter().find(|(of, _)| of == field) {
            return expression.clone();
        }
        let expression = new_expression(field);
        if known.len() == MOST_EXPRESSIONS {
            known.clear();
        }
        known.push((field.to_owned(), expression.clone()));
        expression
    })
}

/// An operator may name any field.
const MOST_EXPRESSIONS: usize = 128;

thread_local! {
    /// Expressions by field, so that each is written once and not with every statement.
    static EXPRESSIONS: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

fn new_expression(field: &str) -> String {
    let path = path(field);
    let json = extract(&path, "");
    let payload = extract(&path, "[2]");
    let tag = [extract(&path, "[0]"), extract(&path, "[1]")].join("||' '||");
    let digits = format!("ltrim({payload},'-0')");
    let complement = replaced(&digits, ('0'..='9').zip(('a'..='j').rev()));
    let sextets = replaced(&format!("rtrim({payload},'=')"), SEXTETS.iter().copied());
    format!(
        "CASE json_type(\"doc\",'{path}') \
         WHEN 'true' THEN x'6231' WHEN 'false' THEN x'6230' \
         WHEN 'object' THEN CAST('v'||{json} AS BLOB) \
         WHEN 'array' THEN CASE {tag} \
         WHEN '{TAG} date' THEN CASE WHEN {payload} BETWEEN -8.64e15 AND 8.64e15 \
         THEN CAST(printf('d%017d',CAST({payload} AS INTEGER)+8640000000000000) AS BLOB) \
         ELSE x'64' END \
         WHEN '{TAG} bigint' THEN CAST(CASE WHEN {payload}<'0' AND {digits}>'' \
         THEN printf('i0%04d',9999-length({digits}))||{complement} \
         ELSE printf('i1%04d',length({digits}))||{digits} END AS BLOB) \
         WHEN '{TAG} bytes' THEN CAST('p'||{sextets} AS BLOB) \
         WHEN '{TAG} inf' THEN 9e999 WHEN '{TAG} -inf' THEN -9e999 \
         WHEN '{TAG} nan' THEN NULL WHEN '{TAG} undefined' THEN NULL \
         ELSE CAST(CASE WHEN {tag} IN ('{TAG} url','{TAG} map','{TAG} set','{TAG} error') \
         THEN 't' ELSE 'u' END||{json} AS BLOB) END \
         ELSE {json} END"
    )
}

/// Returns the SQL of a field's value as JSON text.
pub(crate) fn json_expression(field: &str) -> String {
    if field == CREATION_TIME {
        return "json_quote(\"_creationTime\")".to_owned();
    }
    let path = path(field);
    let json = extract(&path, "");
    format!(
        "CASE json_type(\"doc\",'{path}') WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
         WHEN 'array' THEN {json} WHEN 'object' THEN {json} ELSE json_quote({json}) END"
    )
}

fn path(field: &str) -> String {
    // Only letters, digits, `_` and dots: `is_field` checked it.
    field.split('.').fold(String::from("$"), |path, name| path + ".\"" + name + "\"")
}

fn extract(path: &str, element: &str) -> String {
    format!("json_extract(\"doc\",'{path}{element}')")
}

fn replaced(sql: &str, pairs: impl Iterator<Item = (char, char)>) -> String {
    pairs.fold(sql.to_owned(), |sql, (from, to)| format!("replace({sql},'{from}','{to}')"))
}

/// The digits of base64 that do not sort by value behind `z`, and their replacements: base64
/// written this way sorts as the bytes do.
const SEXTETS: [(char, char); 12] = [
    ('0', '{'),
    ('1', '|'),
    ('2', '}'),
    ('3', '~'),
    ('4', '\u{c0}'),
    ('5', '\u{c1}'),
    ('6', '\u{c2}'),
    ('7', '\u{c3}'),
    ('8', '\u{c4}'),
    ('9', '\u{c5}'),
    ('+', '\u{c6}'),
    ('/', '\u{c7}'),
];

/// The keys of types that SQLite does not have, in their order.
pub(crate) enum Key<'a> {
    Bool(bool),
    /// Milliseconds; absent for an invalid date, which sorts first.
    Date(Option<i64>),
    /// Decimal text. Of negative ones both the length and the digits are complements.
    BigInt(&'a str),
    /// Bytes as base64.
    Bytes(&'a str),
    /// A URL, a map, a set or an error, as its JSON.
    Tagged(&'a str),
    List(&'a str),
    Object(&'a str),
}

impl From<Key<'_>> for SqlValue {
    fn from(key: Key<'_>) -> Self {
        let key = match key {
            Key::Bool(flag) => format!("b{}", u8::from(flag)),
            Key::Date(None) => "d".to_owned(),
            Key::Date(Some(ms)) => format!("d{:017}", ms.saturating_add(8_640_000_000_000_000)),
            Key::BigInt(text) => {
                let digits = text.trim_start_matches(['-', '0']);
                if text.starts_with('-') && !digits.is_empty() {
                    let complement = digits.bytes().map(|digit| char::from(b'j' - (digit & 15)));
                    let length = 9999_usize.saturating_sub(digits.len());
                    format!("i0{length:04}{}", complement.collect::<String>())
                } else {
                    format!("i1{:04}{digits}", digits.len())
                }
            }
            Key::Bytes(base64) => {
                let sextet = |digit| {
                    SEXTETS.iter().find(|(from, _)| *from == digit).map_or(digit, |(_, to)| *to)
                };
                let digits = base64.trim_end_matches('=').chars().map(sextet);
                ["p".to_owned(), digits.collect()].concat()
            }
            Key::Tagged(json) => ["t", &minified(json)].concat(),
            Key::List(json) => ["u", &minified(json)].concat(),
            Key::Object(json) => ["v", &minified(json)].concat(),
        };
        Self::Blob(key.into_bytes())
    }
}

/// Returns whether a key is the JSON text of a value, which may be written in several ways.
pub(crate) fn is_text_of_json(key: &SqlValue) -> bool {
    matches!(key, SqlValue::Blob(key) if matches!(key.first(), Some(b't' | b'u' | b'v')))
}

fn minified(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        in_text || !c.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

/// Returns the key of a document that [`expression`] has for `field`, without SQLite.
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

/// Returns the key of a value in wire form.
pub(crate) fn of_json(json: &str) -> SqlValue {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map_or(SqlValue::Null, SqlValue::Text),
        Some(b't') => Key::Bool(true).into(),
        Some(b'f') => Key::Bool(false).into(),
        Some(b'[') => of_list(json),
        Some(b'{') => Key::Object(json).into(),
        Some(b'n') | None => SqlValue::Null,
        Some(_) => match json.parse::<i64>() {
            Ok(integer) => SqlValue::Integer(integer),
            Err(_) => number::parse(json).map_or(SqlValue::Null, SqlValue::Real),
        },
    }
}

fn of_list(json: &str) -> SqlValue {
    let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    let raw = |at: usize| items.get(at).map_or("", |item| item.get());
    let text = |at: usize| serde_json::from_str::<Cow<'_, str>>(raw(at)).unwrap_or_default();
    if text(0) != TAG {
        return Key::List(json).into();
    }
    match &*text(1) {
        "date" => {
            Key::Date(Date::from_millis(number::parse(raw(2)).unwrap_or(f64::NAN)).millis()).into()
        }
        "bigint" => Key::BigInt(&text(2)).into(),
        "bytes" => Key::Bytes(&text(2)).into(),
        "inf" => SqlValue::Real(f64::INFINITY),
        "-inf" => SqlValue::Real(f64::NEG_INFINITY),
        "nan" | "undefined" => SqlValue::Null,
        "url" | "map" | "set" | "error" => Key::Tagged(json).into(),
        _ => Key::List(json).into(),
    }
}

/// Returns whether SQLite takes the two for the same value.
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
            ("d", SqlValue::Blob(b"b1".to_vec())),
            ("e", SqlValue::Null),
            ("f.g", SqlValue::Blob(b"u[1,2]".to_vec())),
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

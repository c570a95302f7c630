//! The values of a configuration file in either syntax, and where each begins.

use std::collections::BTreeMap;

use jsonc_parser::{CollectOptions, ParseOptions, ast, common::Ranged, parse_to_ast};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{Place, Problem};

/// A value, and the byte where it begins.
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// Counts as absent, as in wrangler.
    Null,
    /// A number, a boolean or a date, which no check reads.
    Other,
}

impl Node {
    /// Parses the text of `file`, whose extension selects the syntax.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        let root = if is_toml(file) { of_toml(file, text)? } else { of_jsonc(file, text)? };
        match root.value {
            Value::Table(_) => Ok(root),
            _ => Err(Problem::new(
                Place { file: file.into(), line: 1 },
                "the file is not a JSON object",
                "expected `{` at the start",
            )),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.table()?.get(key)?;
        (!matches!(found.value, Value::Null)).then_some(found)
    }

    pub(super) fn table(&self) -> Option<&BTreeMap<String, Self>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of a key.
    pub(super) fn string(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// Returns the elements of the list at `key`; empty if absent.
    pub(super) fn elements(&self, key: &str) -> &[Self] {
        self.get(key).and_then(Self::list).unwrap_or_default()
    }
}

pub(super) fn is_toml(file: &str) -> bool {
    file.ends_with(".toml")
}

/// The syntax that wrangler accepts in `.json` and `.jsonc` alike.
pub(super) const JSONC: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_extended_string_escapes: false,
    allow_non_finite_numbers: false,
};

/// Returns the text of `file` as JSON.
pub(super) fn to_json(file: &str, text: &str) -> Result<serde_json::Value, Problem> {
    if is_toml(file) {
        return toml::from_str(text).map_err(|error| not_toml(file, text, &error));
    }
    Ok(parse_jsonc(file, text)?.map_or(serde_json::Value::Null, Into::into))
}

fn of_jsonc(file: &str, text: &str) -> Result<Node, Problem> {
    Ok(parse_jsonc(file, text)?.map_or(Node { at: 0, value: Value::Null }, json))
}

fn parse_jsonc<'t>(file: &str, text: &'t str) -> Result<Option<ast::Value<'t>>, Problem> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &JSONC);
    parsed.map(|parsed| parsed.value).map_err(|error| {
        Problem::new(
            Place::of_offset(file, text, error.range().start),
            format!("invalid JSON with comments: {}", error.kind()),
            "fix the syntax",
        )
    })
}

fn json(value: ast::Value<'_>) -> Node {
    let at = value.range().start;
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.into_owned()),
        ast::Value::Array(list) => Value::List(list.elements.into_iter().map(json).collect()),
        // Of a key that is repeated the last counts.
        ast::Value::Object(object) => Value::Table(
            (object.properties.into_iter())
                .map(|property| (property.name.into_string(), json(property.value)))
                .collect(),
        ),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::NumberLit(_) | ast::Value::BooleanLit(_) => Value::Other,
    };
    Node { at, value }
}

fn of_toml(file: &str, text: &str) -> Result<Node, Problem> {
    let table = DeTable::parse(text).map_err(|error| not_toml(file, text, &error))?;
    Ok(Node { at: 0, value: toml_table(table.into_inner()) })
}

fn not_toml(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let message = format!("invalid TOML: {}", error.message());
    Problem::new(Place::of_offset(file, text, at), message, "fix the syntax")
}

fn toml_table(table: DeTable<'_>) -> Value {
    let entries = table.into_iter();
    Value::Table(entries.map(|(key, value)| (key.into_inner().into_owned(), toml(value))).collect())
}

fn toml(value: Spanned<DeValue<'_>>) -> Node {
    let at = value.span().start;
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Array(list) => Value::List(list.into_iter().map(toml).collect()),
        DeValue::Table(table) => toml_table(table),
        _ => Value::Other,
    };
    Node { at, value }
}

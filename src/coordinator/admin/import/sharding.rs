//! The rules that assign the documents of a table to shards.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{coordinator::merge::fields, wire::ShardKey};

/// The rules that name the shard of a table's documents by one of their fields.
///
/// A table without a rule lives in the default shard.
///
/// ```
/// use lunora::coordinator::Sharding;
///
/// let sharding = Sharding::new().by("messages", "channel");
/// assert_eq!(sharding.field_of("messages"), Some("channel"));
/// assert_eq!(sharding.field_of("users"), None);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sharding {
    fields: BTreeMap<String, String>,
}

impl Sharding {
    /// Creates an empty set of rules: everything lives in the default shard.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Assigns the documents of `table` to the shard that their field `field` names: a string as it
    /// is, any other value as its JSON text.
    #[must_use]
    pub fn by(mut self, table: impl Into<String>, field: impl Into<String>) -> Self {
        self.fields.insert(table.into(), field.into());
        self
    }

    /// Adds the rules of `other` for tables that have none here.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self.fields.is_empty(), other.fields.is_empty()) {
            (_, true) => self,
            (true, false) => other,
            (false, false) => self.merge(other),
        }
    }

    // Kept out of the functions that build an application: both have rules in few of them.
    #[inline(never)]
    fn merge(mut self, other: Self) -> Self {
        for (table, field) in other.fields {
            self.fields.entry(table).or_insert(field);
        }
        self
    }

    /// Returns the field that names the shard of a table's documents.
    #[must_use]
    pub fn field_of(&self, table: &str) -> Option<&str> {
        self.fields.get(table).map(String::as_str)
    }

    /// Returns the tables that have a rule, sorted by name.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Returns the shard of a document, or the reason for which it has none.
    pub(super) fn shard_of(
        &self,
        table: &str,
        doc: &RawValue,
        default: &ShardKey,
    ) -> Result<ShardKey, String> {
        let Some(field) = self.field_of(table) else { return Ok(default.clone()) };
        let value = fields::pick(doc.get(), [field]).and_then(|[value]| value);
        let Some(value) = value.filter(|value| *value != "null") else {
            return Err(format!("the document has no `{field}`, which names its shard"));
        };
        let key = match serde_json::from_str::<String>(value) {
            Ok(text) => text,
            Err(_) => value.to_owned(),
        };
        if key.is_empty() {
            return Err(format!("`{field}` is empty, and names no shard"));
        }
        ShardKey::new(key).map_err(|error| format!("`{field}` names no shard: {error}"))
    }
}

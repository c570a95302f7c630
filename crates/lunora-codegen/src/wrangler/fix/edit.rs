//! One entry to add, in no syntax yet.

use super::Change;

/// An entry, and the list that it is added to.
pub(super) struct Edit {
    pub(super) environment: Option<String>,
    /// The path of the list, or of the table if there is a `key`.
    pub(super) list: &'static str,
    /// The key of the entry in a table.
    pub(super) key: Option<String>,
    pub(super) item: Item,
    pub(super) assumed: Vec<&'static str>,
}

/// A value to write.
pub(super) enum Item {
    Text(String),
    Number(u32),
    List(Vec<Item>),
    Table(Vec<(&'static str, Item)>),
}

impl Edit {
    /// Returns the keys from the root to the list.
    pub(super) fn path(&self) -> Vec<&str> {
        let environment = self.environment.iter().flat_map(|name| ["env", name.as_str()]);
        environment.chain(self.list.split('.')).collect()
    }

    pub(super) fn change(&self) -> Change {
        let entry = match &self.key {
            Some(key) => format!("{key:?}: {}", self.item.json()),
            None => self.item.json(),
        };
        let assumed = self.assumed.iter().map(|key| (*key).to_owned()).collect();
        Change { list: self.path().join("."), entry, assumed }
    }
}

impl Item {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns the value as JSON, on one line.
    fn json(&self) -> String {
        let joined = |items: Vec<String>| items.join(", ");
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::json).collect())),
            Self::Table(entries) => {
                let entry = |(key, item): &(&str, Self)| format!("\"{key}\": {}", item.json());
                format!("{{ {} }}", joined(entries.iter().map(entry).collect()))
            }
        }
    }
}

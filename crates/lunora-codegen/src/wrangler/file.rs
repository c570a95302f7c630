//! A wrangler configuration file as wrangler understands it.

use std::collections::BTreeMap;

use super::{
    BindingKind,
    value::{Node, is_toml},
};
use crate::{Place, Problem};

/// The parsed file.
pub(crate) struct Wrangler<'a> {
    file: &'a str,
    text: &'a str,
    root: Node,
}

/// The Worker of the top level, or that of a named environment.
pub(crate) struct Environment<'w> {
    /// `None` for the top level.
    pub(crate) name: Option<&'w str>,
    pub(super) file: &'w Wrangler<'w>,
    own: &'w Node,
}

/// The storage of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Sqlite,
    KeyValue,
}

impl<'a> Wrangler<'a> {
    /// Parses the text of `file`, whose extension selects the syntax.
    pub(crate) fn parse(file: &'a str, text: &'a str) -> Result<Self, Problem> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Self { file, text, root: Node::parse(file, text)? })
    }

    /// Returns the top level, and each named environment, which inherits no bindings from it.
    pub(crate) fn environments(&'a self) -> Vec<Environment<'a>> {
        let top = Environment { name: None, file: self, own: &self.root };
        let named = self.root.get("env").and_then(Node::table).into_iter().flatten();
        let named = named.filter(|(_, own)| own.table().is_some()).map(|(name, own)| Environment {
            name: Some(name.as_str()),
            file: self,
            own,
        });
        std::iter::once(top).chain(named).collect()
    }

    /// Returns the name of the file.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn is_toml(&self) -> bool {
        is_toml(self.file)
    }

    /// Returns the list that declares classes: `exports` and `migrations` exclude each other.
    pub(super) fn class_list(&self) -> &'static str {
        let by_exports = self.environments().iter().any(Environment::has_class_exports);
        if by_exports { "exports" } else { "migrations" }
    }

    /// Returns the line where the file begins its object.
    pub(crate) fn beginning(&self) -> Place {
        self.place(&self.root)
    }

    fn place(&self, node: &Node) -> Place {
        Place::of_offset(self.file, self.text, node.at)
    }
}

impl<'w> Environment<'w> {
    /// Returns the names of one kind's bindings.
    pub(crate) fn bindings(&self, kind: BindingKind) -> Vec<&'w str> {
        self.texts(kind, kind.name_key())
    }

    /// Returns the entry of a binding.
    pub(super) fn binding(&self, kind: BindingKind, name: &str) -> Option<&'w Node> {
        self.entries(kind).iter().find(|entry| entry.string(kind.name_key()) == Some(name))
    }

    /// Returns the text at `key` of every entry.
    pub(super) fn texts(&self, kind: BindingKind, key: &str) -> Vec<&'w str> {
        self.entries(kind).iter().filter_map(|entry| entry.string(key)).collect()
    }

    /// Returns every tag of the migrations.
    pub(super) fn tags(&self) -> Vec<&'w str> {
        self.migrations().iter().filter_map(|migration| migration.string("tag")).collect()
    }

    /// Returns the class behind each binding of a Durable Object of this Worker itself.
    pub(crate) fn classes(&self) -> Vec<(&'w str, &'w str, Place)> {
        (self.entries(BindingKind::DurableObject).iter())
            .filter(|entry| entry.get("script_name").is_none())
            .filter_map(|entry| {
                Some((entry.string("name")?, entry.string("class_name")?, self.file.place(entry)))
            })
            .collect()
    }

    /// Returns the triggers that fire here; `None` if the file does not list them.
    pub(crate) fn crons(&self) -> Option<Vec<&'w str>> {
        let list = self.inherited("triggers")?.get("crons")?.list()?;
        Some(list.iter().filter_map(Node::text).collect())
    }

    /// Returns the place where this environment itself lists its triggers.
    pub(super) fn own_crons(&self) -> Option<Place> {
        Some(self.file.place(self.own.get("triggers")?.get("crons")?))
    }

    /// Returns the jurisdiction of a bucket, and the place of its entry; `None` for an absent bucket.
    pub(crate) fn bucket_jurisdiction(&self, name: &str) -> Option<(Option<&'w str>, Place)> {
        let entry = self.binding(BindingKind::Bucket, name)?;
        Some((entry.string("jurisdiction"), self.file.place(entry)))
    }

    pub(crate) fn compatibility_date(&self) -> Option<(&'w str, Place)> {
        let date = self.inherited("compatibility_date")?;
        Some((date.text()?, self.file.place(date)))
    }

    /// Returns the storage of each class, by all migrations or by `exports`.
    pub(crate) fn storage(&self) -> BTreeMap<&'w str, Storage> {
        let mut storage = BTreeMap::new();
        for migration in self.migrations() {
            let classes = |key| migration.elements(key).iter().filter_map(Node::text);
            storage.extend(classes("new_classes").map(|class| (class, Storage::KeyValue)));
            storage.extend(classes("new_sqlite_classes").map(|class| (class, Storage::Sqlite)));
            for class in classes("deleted_classes") {
                storage.remove(class);
            }
            for renamed in migration.elements("renamed_classes") {
                let (from, to) = (renamed.string("from"), renamed.string("to"));
                if let (Some(kept), Some(to)) = (from.and_then(|from| storage.remove(from)), to) {
                    storage.insert(to, kept);
                }
            }
            // What comes from another Worker keeps what it was there, which is not said here.
            for moved in migration.elements("transferred_classes") {
                if let Some(to) = moved.string("to") {
                    storage.insert(to, Storage::Sqlite);
                }
            }
        }
        for (class, export) in self.class_exports() {
            // The other states are of classes that are gone.
            if matches!(export.string("state"), None | Some("created" | "expecting-transfer")) {
                let is_sqlite = export.string("storage") == Some("sqlite");
                storage.insert(class, if is_sqlite { Storage::Sqlite } else { Storage::KeyValue });
            }
        }
        storage
    }

    /// Returns whether classes are declared in `exports`, which excludes `migrations`.
    pub(super) fn has_class_exports(&self) -> bool {
        self.class_exports().next().is_some()
    }

    /// Returns the place of `migrations` beside classes in `exports`.
    pub(super) fn migrations_beside_exports(&self) -> Option<Place> {
        let both = self.has_class_exports() && !self.migrations().is_empty();
        both.then(|| self.inherited("migrations").map(|list| self.file.place(list)))?
    }

    /// Returns the environment whose value of an inherited key counts here: this one, or the top level.
    pub(super) fn owner_of(&self, key: &str) -> Option<&'w str> {
        self.name.filter(|_| self.own.get(key).is_some())
    }

    fn migrations(&self) -> &'w [Node] {
        self.inherited("migrations").and_then(Node::list).unwrap_or_default()
    }

    fn class_exports(&self) -> impl Iterator<Item = (&'w str, &'w Node)> + use<'w> {
        let exports = self.inherited("exports").and_then(Node::table).into_iter().flatten();
        let classes = exports.filter(|(_, entry)| entry.string("type") == Some("durable-object"));
        classes.map(|(class, entry)| (class.as_str(), entry))
    }

    fn entries(&self, kind: BindingKind) -> &'w [Node] {
        let mut keys = kind.list().split('.');
        let list = keys.try_fold(self.own, |at, key| at.get(key));
        list.and_then(Node::list).unwrap_or_default()
    }

    /// Returns a key of the environment, or that of the top level if absent.
    fn inherited(&self, key: &str) -> Option<&'w Node> {
        self.own.get(key).or_else(|| self.file.root.get(key))
    }
}

//! `wrangler.jsonc` as it is read here: JSON with comments, and the line of each value.

use std::collections::BTreeMap;

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, Value},
    common::Ranged,
    parse_to_ast,
};

use super::{BindingKind, FILE};
use crate::{Place, Problem};

/// The parsed file.
pub(crate) struct Wrangler<'a> {
    text: &'a str,
    root: Object<'a>,
}

/// The Worker of the top level, or that of a named environment.
pub(crate) struct Environment<'w> {
    /// `None` for the top level.
    pub(crate) name: Option<String>,
    file: &'w Wrangler<'w>,
    own: &'w Object<'w>,
}

/// Where the rows of a class are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Sqlite,
    KeyValue,
}

impl<'a> Wrangler<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Problem> {
        let options = ParseOptions {
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
        match parse_to_ast(text, &CollectOptions::default(), &options) {
            Ok(parsed) => match parsed.value {
                Some(Value::Object(root)) => Ok(Self { text, root }),
                _ => Err(Problem::new(
                    Place { file: FILE.into(), line: 1 },
                    "it is no object",
                    "begin it with `{`",
                )),
            },
            Err(error) => Err(Problem::new(
                Place::of_offset(FILE, text, error.range().start),
                format!("it is not JSON with comments ({})", error.kind()),
                "mend the syntax",
            )),
        }
    }

    /// The top level, and each named environment, which inherits no bindings from it.
    pub(crate) fn environments(&'a self) -> Vec<Environment<'a>> {
        let top = Environment { name: None, file: self, own: &self.root };
        let named = self.root.get_object("env").into_iter().flat_map(|env| &env.properties);
        let named = named.filter_map(|property| {
            let own = property.value.as_object()?;
            Some(Environment { name: Some(property.name.as_str().into()), file: self, own })
        });
        std::iter::once(top).chain(named).collect()
    }

    pub(crate) fn place(&self, value: &impl Ranged) -> Place {
        Place::of_offset(FILE, self.text, value.range().start)
    }

    /// The line where the file begins its object.
    pub(crate) fn beginning(&self) -> Place {
        self.place(&self.root)
    }
}

impl<'w> Environment<'w> {
    /// The names of one kind's bindings.
    pub(crate) fn bindings(&self, kind: BindingKind) -> Vec<&'w str> {
        self.entries(kind).filter_map(|entry| string(entry, kind.name_key())).collect()
    }

    /// The class behind each binding of a Durable Object of this very Worker.
    pub(crate) fn classes(&self) -> Vec<(&'w str, &'w str, Place)> {
        self.entries(BindingKind::DurableObject)
            .filter(|entry| entry.get("script_name").is_none())
            .filter_map(|entry| {
                Some((string(entry, "name")?, string(entry, "class_name")?, self.file.place(entry)))
            })
            .collect()
    }

    pub(crate) fn crons(&self) -> Vec<&'w str> {
        let triggers = self.inherited("triggers").and_then(Value::as_object);
        let crons = triggers.and_then(|triggers| triggers.get_array("crons"));
        let crons = crons.into_iter().flat_map(|crons| &crons.elements);
        crons.filter_map(|cron| Some(&*cron.as_string_lit()?.value)).collect()
    }

    /// The jurisdiction of a bucket, and where its entry begins; `None` for one that is not there.
    pub(crate) fn bucket_jurisdiction(&self, name: &str) -> Option<(Option<&'w str>, Place)> {
        let mut buckets = self.entries(BindingKind::Bucket);
        let entry = buckets.find(|entry| string(entry, "binding") == Some(name))?;
        Some((string(entry, "jurisdiction"), self.file.place(entry)))
    }

    pub(crate) fn compatibility_date(&self) -> Option<(&'w str, Place)> {
        let date = self.inherited("compatibility_date")?.as_string_lit()?;
        Some((&date.value, self.file.place(date)))
    }

    /// Where each class keeps its rows, after all migrations.
    pub(crate) fn storage(&self) -> BTreeMap<&'w str, Storage> {
        let mut storage = BTreeMap::new();
        let migrations = self.inherited("migrations").and_then(Value::as_array);
        for migration in migrations.into_iter().flat_map(|list| &list.elements) {
            let Some(migration) = migration.as_object() else { continue };
            let list =
                |key: &str| migration.get_array(key).into_iter().flat_map(|list| &list.elements);
            for class in list("new_classes").filter_map(Value::as_string_lit) {
                storage.insert(&*class.value, Storage::KeyValue);
            }
            for class in list("new_sqlite_classes").filter_map(Value::as_string_lit) {
                storage.insert(&*class.value, Storage::Sqlite);
            }
            for class in list("deleted_classes").filter_map(Value::as_string_lit) {
                storage.remove(&*class.value);
            }
            for renamed in list("renamed_classes").filter_map(Value::as_object) {
                let (from, to) = (string(renamed, "from"), string(renamed, "to"));
                if let (Some(kept), Some(to)) = (from.and_then(|from| storage.remove(from)), to) {
                    storage.insert(to, kept);
                }
            }
            // What comes from another Worker keeps what it was there, which is not said here.
            for moved in list("transferred_classes").filter_map(Value::as_object) {
                if let Some(to) = string(moved, "to") {
                    storage.insert(to, Storage::Sqlite);
                }
            }
        }
        storage
    }

    fn entries(&self, kind: BindingKind) -> impl Iterator<Item = &'w Object<'w>> + use<'w> {
        let mut at = Some(self.own);
        let mut keys = kind.list().split('.').peekable();
        let mut list = None;
        while let (Some(key), Some(object)) = (keys.next(), at) {
            if keys.peek().is_some() {
                at = object.get_object(key);
            } else {
                list = object.get_array(key);
            }
        }
        list.into_iter().flat_map(|list| &list.elements).filter_map(Value::as_object)
    }

    /// A key that an environment takes from the top level where it has none of its own.
    fn inherited(&self, key: &str) -> Option<&'w Value<'w>> {
        let property = self.own.get(key).or_else(|| self.file.root.get(key))?;
        Some(&property.value)
    }
}

fn string<'w>(object: &'w Object<'w>, key: &str) -> Option<&'w str> {
    object.get_string(key).map(|text| &*text.value)
}

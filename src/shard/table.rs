//! Tables of documents: their names, indexes and options, checked at compile time.

use std::{any::Any, fmt, marker::PhantomData};

use serde::de::DeserializeOwned;

use super::{
    function::args::{Problem, check_document, fields_of},
    names::{begins_with, is_field, is_name, same_name},
    sentence::{Sentence, same},
};
use crate::{
    errors::LunoraError,
    wire::{Direction, value::Value},
};

/// A table of documents of type `T`, with its indexes and options.
///
/// Written with [`table!`](crate::shard::table), usually as a constant. An invalid name does not
/// compile.
///
/// ```
/// use lunora::shard::{Table, table};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Message { author: String, text: String }
///
/// const MESSAGES: Table<Message> = table!("messages")
///     .index("by_author", &["author"])
///     .soft_delete();
/// assert_eq!(MESSAGES.name(), "messages");
/// ```
///
/// # Documents
///
/// A document is a row of its own, kept as its JSON text in wire form, with an `_id` and a
/// `_creationTime`. Fields whose names begin with `_` belong to the shard.
pub struct Table<T = Value> {
    spec: TableSpec,
    of: PhantomData<fn() -> T>,
}

/// A [`Table`] without the type of its documents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TableSpec {
    pub(crate) name: &'static str,
    indexes: [Option<IndexSpec>; MAX_INDEXES],
    pub(crate) soft_delete: bool,
    pub(crate) shard_by: Option<&'static str>,
    /// The type of the documents, if it is known.
    of: Aside<TypeFns>,
    /// What makes the calls that the documents are; only a shard with such a table carries its code.
    calls: Aside<&'static (dyn Any + Send + Sync)>,
}

/// What does not distinguish tables.
#[derive(Clone, Copy, Debug)]
struct Aside<T>(Option<T>);

/// What a type answers about itself.
#[derive(Clone, Copy, Debug)]
struct TypeFns {
    check: fn(&str) -> Result<(), Problem>,
    fields: fn() -> Option<&'static [&'static str]>,
}

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Aside<T> {}

/// An index: an order of the documents of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct IndexSpec {
    pub(crate) name: &'static str,
    /// The fields by which a rank index is partitioned; empty for an ordinary index.
    pub(crate) partition: &'static [&'static str],
    pub(crate) fields: IndexFields,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum IndexFields {
    /// All ascending; a query chooses the direction.
    Ordinary(&'static [&'static str]),
    /// Each in its own direction.
    Ranked(&'static [(&'static str, Direction)]),
}

/// The maximum number of indexes per table.
const MAX_INDEXES: usize = 16;

impl<T> Table<T> {
    /// Returns the table of a checked specification; [`table!`](crate::shard::table) writes it.
    #[must_use]
    pub const fn from_spec(spec: TableSpec) -> Self {
        Self { spec, of: PhantomData }
    }

    /// Adds an index: documents can be found by the values of `fields`, in that order.
    ///
    /// A field may lie in an object: `"author.name"`. In an index `null` and absent fields come
    /// first, then numbers and flags (`true` is 1), then texts by their bytes. Of one value,
    /// documents are in the order in which they were created.
    ///
    /// # Panics
    /// In a constant that is a compile error: if the name or a field is invalid, with no fields or
    /// more than 8, if the name is taken, and from the seventeenth index on.
    #[must_use]
    pub const fn index(self, name: &'static str, fields: &'static [&'static str]) -> Self {
        check_fields(fields);
        let fields = IndexFields::Ordinary(fields);
        Self::from_spec(self.spec.with(IndexSpec { name, partition: &[], fields }))
    }

    /// Names what makes the calls that the documents are.
    pub(super) const fn of_calls(self, calls: &'static (dyn Any + Send + Sync)) -> Self {
        Self::from_spec(TableSpec { calls: Aside(Some(calls)), ..self.spec })
    }

    /// Adds a rank index: within documents that agree on `partition`, the place of each by the
    /// values of `sort`, every one in its own direction. It is what `rankBefore` and `rankPage`
    /// count by.
    ///
    /// # Panics
    /// In a constant that is a compile error; see [`index`](Self::index).
    #[must_use]
    pub const fn rank_index(
        self,
        name: &'static str,
        partition: &'static [&'static str],
        sort: &'static [(&'static str, Direction)],
    ) -> Self {
        if !partition.is_empty() {
            check_fields(partition);
        }
        assert!(!sort.is_empty() && sort.len() <= MAX_FIELDS, "an index has 1 to 8 fields");
        let mut at = 0;
        while at < sort.len() {
            check_field(sort[at].0);
            at += 1;
        }
        let fields = IndexFields::Ranked(sort);
        Self::from_spec(self.spec.with(IndexSpec { name, partition, fields }))
    }

    /// Keeps documents that are deleted: they are marked with `_deletedAt`, no query sees them,
    /// and an export has them.
    #[must_use]
    pub const fn soft_delete(mut self) -> Self {
        self.spec.soft_delete = true;
        self
    }

    /// Sets the field of a document that is the key of its shard: an import over several shards
    /// sends each document to its shard, if the Worker has `.shard_do(Room::shards(..))`.
    ///
    /// # Panics
    /// In a constant that is a compile error: if `field` is not the name of a field.
    #[must_use]
    pub const fn shard_by(mut self, field: &'static str) -> Self {
        check_field(field);
        self.spec.shard_by = Some(field);
        self
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.spec.name
    }

    /// Returns the table without the type of its documents.
    #[must_use]
    pub const fn spec(&self) -> TableSpec {
        self.spec
    }
}

impl TableSpec {
    /// Returns a table without indexes.
    ///
    /// # Panics
    /// In a constant that is a compile error: if `name` is not the name of a table.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            is_name(name.as_bytes()),
            "a table's name has ASCII letters, digits and `_` only, begins with a letter, and has at most 64 characters"
        );
        assert!(
            !begins_with(name.as_bytes(), b"sqlite_") && !begins_with(name.as_bytes(), b"lunora_"),
            "names of tables that begin with `sqlite_` or `lunora_` are taken"
        );
        Self {
            name,
            indexes: [None; MAX_INDEXES],
            soft_delete: false,
            shard_by: None,
            of: Aside(None),
            calls: Aside(None),
        }
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what makes the calls that the documents are.
    pub(super) fn calls(&self) -> Option<&'static (dyn Any + Send + Sync)> {
        self.calls.0
    }

    /// Returns the name of an index that the table has; [`index!`](crate::shard::index) calls it.
    ///
    /// # Panics
    /// If it has no index of that name. In a constant that is a compile error.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::panic, reason = "called by `index!`, in a const context")]
    pub const fn index_named(&self, name: &'static str) -> &'static str {
        let mut sentence = Sentence::new();
        sentence.push("the table `");
        sentence.push(self.name);
        sentence.push("` has no index `");
        sentence.push(name);
        sentence.push("`: it has `by_creation`");
        if same(name, BY_CREATION) {
            return name;
        }
        let mut at = 0;
        while at < MAX_INDEXES {
            if let Some(index) = &self.indexes[at] {
                if same(name, index.name) {
                    return name;
                }
                sentence.push(", `");
                sentence.push(index.name);
                sentence.push("`");
            }
            at += 1;
        }
        panic!("{}", sentence.as_str())
    }

    /// Returns whether `name` is that of the table, or of one of its indexes in the form
    /// `table.index`.
    pub(crate) const fn is_or_has(&self, name: &str) -> bool {
        if same_name(self.name, name) {
            return true;
        }
        let Some((table, index)) = name.as_bytes().split_at_checked(self.name.len()) else {
            return false;
        };
        if !begins_with(table, self.name.as_bytes()) || !begins_with(index, b".") {
            return false;
        }
        let mut at = 0;
        while at < MAX_INDEXES {
            if let Some(own) = &self.indexes[at]
                && own.name.len() + 1 == index.len()
                && begins_with(index.split_at(1).1, own.name.as_bytes())
            {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Refuses a document that is not of the table's type: a query over the table would fail.
    pub(crate) fn check_type(&self, document: &str) -> Result<(), LunoraError> {
        self.problem_of(document).map_or(Ok(()), |problem| Err(problem.into_document_error()))
    }

    /// Returns why a document is not of the table's type.
    pub(crate) fn problem_of(&self, document: &str) -> Option<Problem> {
        self.of.0.and_then(|of| (of.check)(document).err())
    }

    /// Returns the names of the fields, if the type of the documents lists them: a struct does, and
    /// a type that takes any field does not.
    pub(crate) fn fields(&self) -> Option<&'static [&'static str]> {
        self.of.0.and_then(|of| (of.fields)())
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = &IndexSpec> {
        self.indexes.iter().flatten()
    }

    #[allow(clippy::panic, reason = "called in a const context")]
    const fn with(mut self, index: IndexSpec) -> Self {
        assert!(
            is_name(index.name.as_bytes()),
            "an index's name has ASCII letters, digits and `_` only, begins with a letter, and has at most 64 characters"
        );
        assert!(
            !same_name(index.name, BY_CREATION),
            "every table has the index `by_creation` already: it is the order without an index"
        );
        let mut at = 0;
        while at < MAX_INDEXES {
            match &self.indexes[at] {
                Some(other) => assert!(
                    !same_name(other.name, index.name),
                    "a table has two indexes of the same name"
                ),
                None => {
                    self.indexes[at] = Some(index);
                    return self;
                }
            }
            at += 1;
        }
        panic!("a table has at most 16 indexes");
    }
}

/// The index that every table has.
pub(crate) const BY_CREATION: &str = "by_creation";

/// The maximum number of fields per index.
const MAX_FIELDS: usize = 8;

const fn check_fields(fields: &[&str]) {
    assert!(!fields.is_empty() && fields.len() <= MAX_FIELDS, "an index has 1 to 8 fields");
    let mut at = 0;
    while at < fields.len() {
        check_field(fields[at]);
        at += 1;
    }
}

const fn check_field(field: &str) {
    assert!(
        is_field(field),
        "a field's name has ASCII letters, digits and `_` only and begins with a letter; a dot leads into an object"
    );
}

/// Returns whether `name` is that of one of `tables`, or of an index of one.
pub(crate) const fn is_declared(name: &str, tables: &[TableSpec]) -> bool {
    let mut at = 0;
    while at < tables.len() {
        if tables[at].is_or_has(name) {
            return true;
        }
        at += 1;
    }
    false
}

impl<T: DeserializeOwned> From<Table<T>> for TableSpec {
    fn from(table: Table<T>) -> Self {
        let of = TypeFns { check: check_document::<T>, fields: fields_of::<T> };
        Self { of: Aside(Some(of)), ..table.spec }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Table<T> {}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.spec.name).finish()
    }
}

//! The reads of a function and the writes of a commit, which determine the queries to run again.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{db::key, sql::SqlValue};

/// The reads of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reads {
    tables: BTreeMap<&'static str, TableReads>,
    everything: bool,
    caller: bool,
}

/// The reads of a query in one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TableReads {
    pub(crate) whole: bool,
    pub(crate) ids: BTreeSet<String>,
    /// Documents whose fields have these values.
    pub(crate) matching: Vec<Vec<(&'static str, SqlValue)>>,
}

impl Reads {
    /// The maximum number of single documents and index lookups that are recorded per table; beyond
    /// it, the whole table counts as read.
    const MAX_DETAILS: usize = 64;

    /// Returns whether a commit may have changed the answer of the query.
    #[must_use]
    pub fn touched_by(&self, commit: &Commit) -> bool {
        if commit.everything {
            return self.everything || !self.tables.is_empty();
        }
        if self.everything {
            return commit.wrote();
        }
        commit.changes.iter().any(|change| {
            self.tables.get(change.table).is_some_and(|reads| reads.touched_by(change))
        })
    }

    /// Returns the tables that were read; `None` if anything may have been.
    #[must_use]
    pub fn tables(&self) -> Option<Vec<&'static str>> {
        (!self.everything).then(|| self.tables.keys().copied().collect())
    }

    /// Returns whether the function read its caller. One that did not answers every caller alike.
    #[must_use]
    pub fn depends_on_caller(&self) -> bool {
        self.caller
    }

    /// Returns whether no commit can change the answer of the query.
    pub(crate) fn is_constant(&self) -> bool {
        !self.everything && self.tables.is_empty()
    }

    pub(crate) fn everything(&self) -> bool {
        self.everything
    }

    pub(crate) fn by_table(&self) -> impl Iterator<Item = (&'static str, &TableReads)> {
        self.tables.iter().map(|(table, reads)| (*table, reads))
    }

    pub(crate) fn note_caller(&mut self) {
        self.caller = true;
    }

    pub(crate) fn note_everything(&mut self) {
        self.everything = true;
    }

    pub(crate) fn note_table(&mut self, table: &'static str) {
        *self.tables.entry(table).or_default() =
            TableReads { whole: true, ..TableReads::default() };
    }

    pub(crate) fn note_document(&mut self, table: &'static str, id: &str) {
        let reads = self.tables.entry(table).or_default();
        if !reads.whole {
            reads.ids.insert(id.to_owned());
            reads.give_up_details();
        }
    }

    pub(crate) fn note_matching(
        &mut self,
        table: &'static str,
        fields: Vec<(&'static str, SqlValue)>,
    ) {
        let reads = self.tables.entry(table).or_default();
        if !reads.whole && !reads.matching.contains(&fields) {
            reads.matching.push(fields);
            reads.give_up_details();
        }
    }
}

impl TableReads {
    fn give_up_details(&mut self) {
        if self.ids.len() + self.matching.len() > Reads::MAX_DETAILS {
            *self = Self { whole: true, ..Self::default() };
        }
    }

    fn touched_by(&self, change: &Change) -> bool {
        let matches = |fields: &Vec<(&str, SqlValue)>, document: &Option<Rc<str>>| {
            document.as_deref().is_some_and(|document| {
                fields
                    .iter()
                    .all(|(field, value)| key::same(&key::of_document(document, field), value))
            })
        };
        self.whole
            || self.ids.contains(&change.id)
            || self
                .matching
                .iter()
                .any(|fields| matches(fields, &change.before) || matches(fields, &change.after))
    }
}

/// The writes of one transaction.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Commit {
    /// The position of the change log; `None` without a log.
    pub cursor: Option<u64>,
    /// The documents, in the order in which they were written.
    pub changes: Vec<Change>,
    /// `true` if a statement made unknown writes.
    pub everything: bool,
}

impl Commit {
    /// Returns whether anything was written.
    #[must_use]
    pub fn wrote(&self) -> bool {
        self.everything || !self.changes.is_empty()
    }
}

/// One document that was written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// The table.
    pub table: &'static str,
    /// The document's `_id`.
    pub id: String,
    /// The operation.
    pub op: ChangeOp,
    /// Its JSON text before; `None` if no such document was visible to a query.
    pub before: Option<Rc<str>>,
    /// Its JSON text after the change; `None` if a query no longer sees it.
    pub after: Option<Rc<str>>,
}

/// An operation on a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeOp {
    /// An insert.
    Insert,
    /// An update.
    Update,
    /// A deletion.
    Delete,
}

impl ChangeOp {
    /// Returns its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(table: &'static str, id: &str, before: Option<&str>, after: Option<&str>) -> Commit {
        let (before, after) = (before.map(Rc::from), after.map(Rc::from));
        let change = Change { table, id: id.to_owned(), op: ChangeOp::Update, before, after };
        Commit { cursor: None, changes: vec![change], everything: false }
    }

    #[test]
    fn a_document_that_was_read_is_touched_by_its_own_write_only() {
        let mut reads = Reads::default();
        reads.note_document("t", "a");
        assert!(reads.touched_by(&commit("t", "a", None, None)));
        assert!(!reads.touched_by(&commit("t", "b", None, None)));
        assert!(!reads.touched_by(&commit("u", "a", None, None)));
    }

    #[test]
    fn an_index_lookup_is_touched_by_what_enters_or_leaves_it() {
        let mut reads = Reads::default();
        reads.note_matching("t", vec![("by", SqlValue::from("ada"))]);
        let (ada, bob) = (Some(r#"{"by":"ada"}"#), Some(r#"{"by":"bob"}"#));
        assert!(reads.touched_by(&commit("t", "1", None, ada)));
        assert!(reads.touched_by(&commit("t", "1", ada, bob)));
        assert!(reads.touched_by(&commit("t", "1", bob, ada)));
        assert!(!reads.touched_by(&commit("t", "1", bob, None)));
    }

    #[test]
    fn too_many_details_become_the_whole_table() {
        let mut reads = Reads::default();
        for id in 0..=Reads::MAX_DETAILS {
            reads.note_document("t", &id.to_string());
        }
        assert!(reads.touched_by(&commit("t", "never read", None, None)));
    }

    #[test]
    fn a_write_of_anything_touches_every_query_that_read() {
        let anything = Commit { everything: true, ..Commit::default() };
        let mut reads = Reads::default();
        assert!(!reads.touched_by(&anything));
        reads.note_document("t", "a");
        assert!(reads.touched_by(&anything));
        let mut all = Reads::default();
        all.note_everything();
        assert!(all.touched_by(&commit("t", "a", None, None)) && all.tables().is_none());
        assert!(!all.touched_by(&Commit::default()));
    }
}

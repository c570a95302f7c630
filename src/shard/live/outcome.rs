//! The outcomes of runs, and the values that subscriptions share.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use serde_json::value::RawValue;

use super::{
    answers::Ran,
    frame::ShardFrame,
    interfaces::{LiveRun, LiveSocket},
    outline::{Outline, Sent, digest},
};
use crate::{errors::LunoraError, shard::tracking::Reads};

/// The outcome of one run, and the callers that may share it.
pub(super) struct Outcome<S: LiveSocket> {
    pub(super) outcome: Result<Rc<Value<S>>, Failure>,
    pub(super) reads: Rc<Reads>,
}

/// The value of a query, and what is made of it once for all who get it.
pub(super) struct Value<S: LiveSocket> {
    pub(super) json: String,
    digest: u64,
    text: OnceCell<S::Text>,
    outline: OnceCell<Option<Rc<Outline>>>,
    /// The changes from the value of an outline, in the name of a table; most clients hold the same.
    changes: RefCell<Option<Changes>>,
}

struct Changes {
    from: Rc<Outline>,
    table: String,
    each: Option<Rc<[Box<RawValue>]>>,
}

/// The last value of a flush. Queries that differ in their arguments alone often have the same one.
pub(super) struct Latest<S: LiveSocket>(Option<Rc<Value<S>>>);

/// The reason why a query has no value.
pub(super) enum Failure {
    /// The query is for operators only, and the socket is not an operator's, or no longer.
    NoAdmin,
    Query(LunoraError),
}

impl Failure {
    /// Returns the frame for a subscriber.
    pub(super) fn frame(&self, id: &str) -> String {
        match self {
            Self::NoAdmin => {
                ShardFrame::of_code(Some(id), "FORBIDDEN", "the admin token was changed")
            }
            Self::Query(error) => ShardFrame::of_error(Some(id), error),
        }
    }
}

impl<S: LiveSocket> Default for Latest<S> {
    fn default() -> Self {
        Self(None)
    }
}

impl<S: LiveSocket> Latest<S> {
    fn value(&mut self, json: String) -> Rc<Value<S>> {
        if let Some(latest) = self.0.as_ref().filter(|latest| is_same(&latest.json, &json)) {
            return latest.clone();
        }
        let value = Rc::new(Value::new(json));
        self.0 = Some(value.clone());
        value
    }
}

/// Whether two texts are equal. It compares eight bytes at a time, as `==` does not on wasm.
fn is_same(a: &str, b: &str) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_bytes().as_chunks::<8>(), b.as_bytes().as_chunks::<8>());
    let eight = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    a.len() == b.len() && a_rest == b_rest && a.iter().zip(b).all(|(a, b)| eight(a) == eight(b))
}

impl<S: LiveSocket> Value<S> {
    fn new(json: String) -> Self {
        Self {
            digest: digest(&json),
            json,
            text: OnceCell::new(),
            outline: OnceCell::new(),
            changes: RefCell::default(),
        }
    }

    /// Returns the value in the form in which the host sends it.
    pub(super) fn text(&self) -> &S::Text {
        self.text.get_or_init(|| S::text(&self.json))
    }

    pub(super) fn outline(&self) -> Option<&Rc<Outline>> {
        self.outline.get_or_init(|| Outline::of(&self.json).map(Rc::new)).as_ref()
    }

    /// Returns the changes for a client that holds `from`; `None` if it is to be sent the whole value.
    pub(super) fn changes(&self, from: &Rc<Outline>, table: &str) -> Option<Rc<[Box<RawValue>]>> {
        let mut changes = self.changes.borrow_mut();
        if let Some(known) = &*changes
            && Rc::ptr_eq(&known.from, from)
            && known.table == table
        {
            return known.each.clone();
        }
        let each = self.outline().and_then(|to| from.changes_to(to, &self.json, table));
        let each: Option<Rc<[Box<RawValue>]>> = each.map(Rc::from);
        *changes =
            Some(Changes { from: from.clone(), table: table.to_owned(), each: each.clone() });
        each
    }
}

impl<S: LiveSocket> Outcome<S> {
    pub(super) fn new(LiveRun { outcome, reads }: LiveRun, latest: &mut Latest<S>) -> Self {
        let outcome = outcome.map(|json| latest.value(json)).map_err(Failure::Query);
        Self { outcome, reads: Rc::new(reads) }
    }

    pub(super) fn failed(failure: Failure) -> Self {
        Self { outcome: Err(failure), reads: Rc::default() }
    }

    /// Returns the digest of the value; `None` for a failure.
    pub(super) fn digest(&self) -> Option<u64> {
        self.outcome.as_ref().ok().map(|value| value.digest)
    }

    /// Returns what a client holds once it was sent the value.
    pub(super) fn sent(&self, takes_changes: bool) -> Option<Sent> {
        let value = self.outcome.as_ref().ok()?;
        let outline = || value.outline().cloned();
        Some(Sent { digest: value.digest, outline: takes_changes.then(outline).flatten() })
    }

    /// Returns the table of the rows, if only one was read; else `name`.
    pub(super) fn table<'a>(&'a self, name: &'a str) -> &'a str {
        match self.reads.tables().as_deref() {
            Some([table]) => table,
            _ => name,
        }
    }

    /// Whether every caller gets it: a value that does not depend on the caller. A failure is
    /// never shared.
    pub(super) fn is_for_everybody(&self) -> bool {
        self.outcome.is_ok() && !self.reads.depends_on_caller()
    }

    pub(super) fn ran(&self, query: &Rc<str>, caller: &Rc<str>) -> Ran {
        Ran {
            query: query.clone(),
            caller: (!self.is_for_everybody()).then(|| caller.clone()),
            reads: self.reads.clone(),
            digest: self.digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_the_same_if_every_byte_is(a in "[ab]{0,20}", b in "[ab]{0,20}", at: prop::sample::Index) {
            prop_assert!(is_same(&a, &a.clone()));
            prop_assert_eq!(is_same(&a, &b), a == b);
            let mut changed = a.clone().into_bytes();
            if !changed.is_empty() {
                changed[at.index(a.len())] = b'c';
            }
            prop_assert_eq!(is_same(&a, &String::from_utf8_lossy(&changed)), a.is_empty());
        }
    }
}

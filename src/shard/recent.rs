//! The documents that queries read one after the other, kept while nothing can write.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// A document as it is stored in its table.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) json: Rc<str>,
    pub(crate) creation_time: f64,
    pub(crate) deleted_at: Option<f64>,
}

/// The documents that were read by id.
#[derive(Default)]
pub(crate) struct Recent(RefCell<Option<Held>>);

#[derive(Default)]
struct Held {
    by_table: BTreeMap<&'static str, BTreeMap<String, Option<Stored>>>,
    bytes: usize,
    /// How many transactions had begun.
    transactions: u64,
}

/// The time in which documents are kept; it ends when this is dropped.
pub(crate) struct Keeping<'a>(&'a Recent);

impl Recent {
    /// Documents of more bytes are not kept together.
    const MAX_BYTES: usize = 1024 * 1024;

    /// Keeps documents until the result is dropped or a transaction begins.
    pub(crate) fn keeping(&self) -> Keeping<'_> {
        *self.0.borrow_mut() = Some(Held::default());
        Keeping(self)
    }

    /// Returns a document that was read since `transactions` had begun, or that there is none.
    pub(crate) fn get(
        &self,
        table: &'static str,
        id: &str,
        transactions: u64,
    ) -> Option<Option<Stored>> {
        let held = self.0.borrow();
        let held = held.as_ref().filter(|held| held.transactions == transactions)?;
        held.by_table.get(table)?.get(id).cloned()
    }

    pub(crate) fn keep(
        &self,
        table: &'static str,
        id: &str,
        stored: Option<&Stored>,
        transactions: u64,
    ) {
        let mut held = self.0.borrow_mut();
        let Some(held) = &mut *held else { return };
        let bytes = id.len() + stored.map_or(0, |stored| stored.json.len());
        if held.transactions != transactions || held.bytes + bytes > Self::MAX_BYTES {
            *held = Held { transactions, ..Held::default() };
        }
        held.bytes += bytes;
        held.by_table.entry(table).or_default().insert(id.to_owned(), stored.cloned());
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        *self.0.0.borrow_mut() = None;
    }
}

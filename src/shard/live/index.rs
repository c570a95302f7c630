//! Finds the answers that a commit may have changed by its writes, without trying each.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use crate::shard::{
    db::key,
    sql::SqlValue,
    tracking::{Commit, Reads},
};

/// The number of an answer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct AnswerId(pub(super) u64);

/// Answers by the reads of their queries.
#[derive(Default)]
pub(super) struct ReadIndex {
    tables: BTreeMap<&'static str, TableIndex>,
    /// The answers that may have read anything.
    everything: BTreeSet<AnswerId>,
}

#[derive(Default)]
struct TableIndex {
    whole: BTreeSet<AnswerId>,
    ids: HashMap<Rc<str>, BTreeSet<AnswerId>>,
    /// Look-ups by the same fields, by the values they looked for.
    matching: HashMap<Vec<&'static str>, HashMap<Vec<Key>, BTreeSet<AnswerId>>>,
}

/// A value of a look-up. Numbers that SQLite takes for equal are equal, and so are some integers
/// beyond 2^53 that differ: an extra query may run again, but none is missed.
#[derive(Eq, Hash, PartialEq)]
enum Key {
    Null,
    Number(u64),
    Text(String),
    Blob(Vec<u8>),
}

impl ReadIndex {
    pub(super) fn insert(&mut self, id: AnswerId, reads: &Reads) {
        if reads.everything() {
            self.everything.insert(id);
        }
        for (table, read) in reads.by_table() {
            let index = self.tables.entry(table).or_default();
            if read.whole {
                index.whole.insert(id);
            }
            for document in &read.ids {
                index.ids.entry(document.as_str().into()).or_default().insert(id);
            }
            for lookup in &read.matching {
                let (fields, values) = split(lookup);
                let by_values = index.matching.entry(fields).or_default();
                by_values.entry(values).or_default().insert(id);
            }
        }
    }

    pub(super) fn remove(&mut self, id: AnswerId, reads: &Reads) {
        self.everything.remove(&id);
        for (table, read) in reads.by_table() {
            let Some(index) = self.tables.get_mut(table) else { continue };
            index.whole.remove(&id);
            for document in &read.ids {
                remove_from(&mut index.ids, document.as_str(), id);
            }
            for lookup in &read.matching {
                let (fields, values) = split(lookup);
                if let Some(by_values) = index.matching.get_mut(&fields) {
                    remove_from(by_values, &values, id);
                    if by_values.is_empty() {
                        index.matching.remove(&fields);
                    }
                }
            }
            if index.is_empty() {
                self.tables.remove(table);
            }
        }
    }

    /// Adds the answers that a commit may have changed to `touched`.
    pub(super) fn touched_by(&self, commit: &Commit, touched: &mut BTreeSet<AnswerId>) {
        if !commit.wrote() {
            return;
        }
        touched.extend(&self.everything);
        if commit.everything {
            return self.tables.values().for_each(|index| index.all(touched));
        }
        for change in &commit.changes {
            let Some(index) = self.tables.get(change.table) else { continue };
            touched.extend(&index.whole);
            touched.extend(index.ids.get(&*change.id).into_iter().flatten());
            if index.matching.is_empty() {
                continue;
            }
            for document in [&change.before, &change.after].into_iter().flatten() {
                let document = key::Extractor::new(document);
                for (fields, by_values) in &index.matching {
                    let values: Vec<Key> =
                        fields.iter().map(|field| Key::of(&document.get(field))).collect();
                    touched.extend(by_values.get(&values).into_iter().flatten());
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.everything.is_empty()
    }
}

impl TableIndex {
    fn all(&self, into: &mut BTreeSet<AnswerId>) {
        into.extend(&self.whole);
        into.extend(self.ids.values().flatten());
        into.extend(self.matching.values().flat_map(HashMap::values).flatten());
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.ids.is_empty() && self.matching.is_empty()
    }
}

fn split(lookup: &[(&'static str, SqlValue)]) -> (Vec<&'static str>, Vec<Key>) {
    lookup.iter().map(|(field, value)| (*field, Key::of(value))).unzip()
}

fn remove_from<K, Q>(sets: &mut HashMap<K, BTreeSet<AnswerId>>, key: &Q, id: AnswerId)
where
    K: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
    Q: Eq + std::hash::Hash + ?Sized,
{
    if let Some(set) = sets.get_mut(key) {
        set.remove(&id);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

impl Key {
    #[allow(clippy::cast_precision_loss, reason = "where it rounds, too much is run again")]
    fn of(value: &SqlValue) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Integer(integer) => Self::number(*integer as f64),
            SqlValue::Real(real) if real.is_nan() => Self::Null,
            SqlValue::Real(real) => Self::number(*real),
            SqlValue::Text(text) => Self::Text(text.clone()),
            SqlValue::Blob(bytes) => Self::Blob(bytes.clone()),
        }
    }

    fn number(number: f64) -> Self {
        // Zero has two forms of bits.
        Self::Number(if number == 0.0 { 0 } else { number.to_bits() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shard::tracking::{Change, ChangeOp};

    const TABLES: [&str; 2] = ["t", "u"];

    /// Generates the reads of a query: tables, documents, look-ups, or anything.
    fn reads() -> impl Strategy<Value = Reads> {
        let step = (0..TABLES.len(), 0..6_u8, 0..4_i64);
        prop::collection::vec(step, 0..4).prop_map(|steps| {
            let mut reads = Reads::default();
            for (table, what, value) in steps {
                let table = TABLES[table];
                match what {
                    0 => reads.note_table(table),
                    1 => reads.note_everything(),
                    2 => reads.note_document(table, &value.to_string()),
                    3 => reads.note_matching(table, vec![("a", SqlValue::Integer(value))]),
                    4 => reads.note_matching(table, vec![("a", SqlValue::Null)]),
                    _ => reads.note_matching(
                        table,
                        vec![("a", SqlValue::Integer(value)), ("b", SqlValue::from("x"))],
                    ),
                }
            }
            reads
        })
    }

    fn document() -> impl Strategy<Value = Option<Rc<str>>> {
        prop::option::of((0..4_i64, any::<bool>(), any::<bool>()).prop_map(|(a, real, b)| {
            let a = if real { format!("{a}.0") } else { a.to_string() };
            let b = if b { ",\"b\":\"x\"" } else { "" };
            format!("{{\"a\":{a}{b}}}").into()
        }))
    }

    fn commit() -> impl Strategy<Value = Commit> {
        let change = (0..TABLES.len(), 0..4_i64, document(), document()).prop_map(
            |(table, id, before, after)| Change {
                table: TABLES[table],
                id: id.to_string(),
                op: ChangeOp::Update,
                before,
                after,
            },
        );
        (prop::collection::vec(change, 0..3), prop::bool::weighted(0.1))
            .prop_map(|(changes, everything)| Commit { cursor: None, changes, everything })
    }

    proptest! {
        #[test]
        fn finds_exactly_what_asking_each_answer_finds(
            all in prop::collection::vec(reads(), 0..12),
            removed in prop::collection::vec(any::<bool>(), 12),
            commit in commit(),
        ) {
            let mut index = ReadIndex::default();
            let ids: Vec<_> = (0_u64..).map(AnswerId).zip(&all).collect();
            for (id, reads) in &ids {
                index.insert(*id, reads);
            }
            let mut expected = BTreeSet::new();
            for ((id, reads), removed) in ids.iter().zip(&removed) {
                if *removed {
                    index.remove(*id, reads);
                } else if reads.touched_by(&commit) {
                    expected.insert(*id);
                }
            }
            let mut touched = BTreeSet::new();
            index.touched_by(&commit, &mut touched);
            prop_assert_eq!(touched, expected);
            for ((id, reads), removed) in ids.iter().zip(&removed) {
                if !removed {
                    index.remove(*id, reads);
                }
            }
            prop_assert!(index.is_empty());
        }
    }
}

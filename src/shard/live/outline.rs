//! The rows of a value, and the changes from one value to the next: for clients that keep the rows and
//! take changes of single ones (docs/wire.md, "Changes of rows").

use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::sort;

/// A value that a client holds.
pub(super) struct Sent {
    pub(super) digest: u64,
    /// For a client that takes changes of rows, if the value has rows.
    pub(super) outline: Option<Rc<Outline>>,
}

/// The rows of a list or of a page, without their contents.
#[derive(Default)]
pub(super) struct Outline {
    rows: Vec<Row>,
    /// The digest of what surrounds the rows; of a list, nothing does.
    around: Option<u64>,
}

struct Row {
    key: Box<str>,
    created: f64,
    digest: u64,
}

/// A document as it stands in a value.
#[derive(Deserialize)]
struct Stamp<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "_creationTime")]
    created: f64,
}

/// The change of one row.
#[derive(Serialize)]
struct Change<'a> {
    table: &'a str,
    op: &'static str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<&'a RawValue>,
    /// The row, in a poke.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
}

impl Outline {
    /// The most changes that are sent one by one.
    const MAX_CHANGES: usize = 64;

    /// Returns the outline of a value; `None` if it is neither a list nor a page of documents.
    pub(super) fn of(value: &str) -> Option<Self> {
        let (rows, around) = parts(value)?;
        let mut outline = Self { rows: Vec::with_capacity(rows.len()), around };
        for row in rows {
            let Stamp { id, created } = serde_json::from_str(row.get()).ok()?;
            outline.rows.push(Row { key: id.into(), created, digest: digest(row.get()) });
        }
        let is_unique = outline.by_key().len() == outline.rows.len();
        is_unique.then_some(outline)
    }

    fn by_key(&self) -> BTreeMap<&str, u64> {
        sort::map(self.rows.iter().map(|row| (&*row.key, row.digest)))
    }

    /// Returns the changes that make `value`, whose outline is `new`, of the value that this is the
    /// outline of: each as JSON, in the order in which a client applies them. `None` if it is not sure
    /// that every client gets `value` by them, or if they are not shorter than it.
    pub(super) fn changes_to(
        &self,
        new: &Self,
        value: &str,
        table: &str,
    ) -> Option<Vec<Box<RawValue>>> {
        if self.around != new.around {
            return None;
        }
        let (old, now) = (self.by_key(), new.by_key());
        let stays = |row: &&Row| old.contains_key(&*row.key) && now.contains_key(&*row.key);
        let kept = new.rows.iter().filter(stays).count();
        let is_in_order = || {
            let before = self.rows.iter().filter(stays).map(|row| &row.key);
            before.eq(new.rows.iter().filter(stays).map(|row| &row.key))
        };
        let has_new = kept < new.rows.len();
        if !is_in_order() || has_new && !(kept >= 2 && new.is_sorted()) {
            return None;
        }
        let (mut changes, mut room) = (Vec::new(), value.len());
        for (op, key, row) in self.differences(new, value)? {
            let change = Change { table, op, key, row, value: None };
            let change = serde_json::value::to_raw_value(&change).ok()?;
            room = room.checked_sub(change.get().len())?;
            changes.push(change);
        }
        (1..=Self::MAX_CHANGES).contains(&changes.len()).then_some(changes)
    }

    /// Returns the changes that make `value`, whose outline this is, of a set of rows, whatever their
    /// order: of `from`, or of no row at all.
    pub(super) fn patch(
        &self,
        from: Option<&Self>,
        value: &str,
        table: &str,
    ) -> Option<Vec<Box<RawValue>>> {
        let nothing = Self::default();
        let mut changes = Vec::new();
        for (op, key, value) in from.unwrap_or(&nothing).differences(self, value)? {
            let change = Change { table, op, key, row: None, value };
            changes.push(serde_json::value::to_raw_value(&change).ok()?);
        }
        Some(changes)
    }

    /// Returns what differs in `value`, whose outline is `new`: the operation, the key, and the text of
    /// the row. Rows that are gone come first, and then the others in their new order.
    fn differences<'a>(
        &'a self,
        new: &'a Self,
        value: &'a str,
    ) -> Option<Vec<(&'static str, &'a str, Option<&'a RawValue>)>> {
        let (old, now) = (self.by_key(), new.by_key());
        let gone = self.rows.iter().filter(|row| !now.contains_key(&*row.key));
        let gone = gone.map(|row| ("delete", &*row.key, None));
        let (texts, _) = parts(value)?;
        let written = new.rows.iter().zip(texts).filter_map(|(row, text)| {
            let op = match old.get(&*row.key) {
                Some(digest) if *digest == row.digest => return None,
                Some(_) => "update",
                None => "insert",
            };
            Some((op, &*row.key, Some(text)))
        });
        Some(gone.chain(written).collect())
    }

    /// Returns whether every row was created later than the one before it, or every row earlier. Then
    /// there is one place for a new row, whichever way a client looks for it.
    fn is_sorted(&self) -> bool {
        let in_pairs = |is_right: fn(f64, f64) -> bool| {
            self.rows.windows(2).all(|pair| is_right(pair[0].created, pair[1].created))
        };
        in_pairs(|a, b| a < b) || in_pairs(|a, b| a > b)
    }
}

/// Returns the rows of a list or of a page, and the digest of what surrounds them.
fn parts(text: &str) -> Option<(Vec<&RawValue>, Option<u64>)> {
    if text.starts_with('[') {
        return Some((serde_json::from_str(text).ok()?, None));
    }
    let mut fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
    let rows = serde_json::from_str(fields.remove("page")?.get()).ok()?;
    let is_page = fields.contains_key("isDone") && fields.contains_key("continueCursor");
    let around = serde_json::value::to_raw_value(&fields).ok()?;
    is_page.then(|| (rows, Some(digest(around.get()))))
}

pub(super) fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn changes(old: &Value, new: &Value) -> Option<Vec<Value>> {
        let (old, new) = (old.to_string(), new.to_string());
        let (from, to) = (Outline::of(&old)?, Outline::of(&new)?);
        let changes = from.changes_to(&to, &new, "notes")?;
        Some(changes.iter().map(|change| serde_json::from_str(change.get()).unwrap()).collect())
    }

    /// Applies changes as a client that looks for the place of a new row from the front, or from the
    /// back.
    fn apply(rows: &mut Vec<Value>, change: &Value, from_the_back: bool) {
        let at = rows.iter().position(|row| row["_id"] == change["key"]);
        let created = |row: &Value| row["_creationTime"].as_f64().unwrap();
        match change["op"].as_str().unwrap() {
            "delete" => drop(rows.remove(at.unwrap())),
            "update" => rows[at.unwrap()] = change["row"].clone(),
            _ => {
                let time = created(&change["row"]);
                let ascends = created(&rows[0]) < created(&rows[rows.len() - 1]);
                let is_before = |row: &Value| (created(row) < time) == ascends;
                let place = if from_the_back {
                    rows.iter().rposition(is_before).map_or(0, |at| at + 1)
                } else {
                    rows.iter().position(|row| !is_before(row)).unwrap_or(rows.len())
                };
                rows.insert(place, change["row"].clone());
            }
        }
    }

    /// Lists of rows: identifier, time, text. Few identifiers and times, so that they meet.
    fn lists() -> impl Strategy<Value = Vec<Value>> {
        let row = (0..12_u8, 0..12_u8, 0..3_u8);
        (proptest::collection::vec(row, 0..10), 0..3_u8).prop_map(|(mut rows, order)| {
            rows.sort_by_key(|(id, ..)| *id);
            rows.dedup_by_key(|(id, ..)| *id);
            match order {
                0 => rows.sort_by_key(|(_, time, _)| *time),
                1 => rows.sort_by_key(|(_, time, _)| std::cmp::Reverse(*time)),
                _ => {}
            }
            let text = |n| "text ".repeat(20 + usize::from(n));
            rows.into_iter()
                .map(|(id, time, n)| json!({ "_id": id.to_string(), "_creationTime": time, "text": text(n) }))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_client_that_applies_changes_ends_with_the_whole_value(
            old in lists(), new in lists(), from_the_back: bool, in_page: bool,
        ) {
            let value = |rows: &[Value]| match in_page {
                true => json!({ "page": rows, "isDone": true, "continueCursor": null }),
                false => json!(rows),
            };
            if let Some(changes) = changes(&value(&old), &value(&new)) {
                let mut rows = old;
                for change in &changes {
                    apply(&mut rows, change, from_the_back);
                }
                prop_assert_eq!(rows, new);
            }
        }
    }

    fn row(id: &str, time: u32, text: &str) -> Value {
        json!({ "_id": id, "_creationTime": time, "text": text.repeat(40) })
    }

    #[test]
    fn names_each_row_that_went_changed_or_came() {
        let old = json!([row("a", 1, "x"), row("b", 2, "x"), row("c", 3, "long")]);
        let new = json!([row("b", 2, "y"), row("c", 3, "long"), row("d", 4, "x")]);
        let expected = [
            json!({ "table": "notes", "op": "delete", "key": "a" }),
            json!({ "table": "notes", "op": "update", "key": "b", "row": row("b", 2, "y") }),
            json!({ "table": "notes", "op": "insert", "key": "d", "row": row("d", 4, "x") }),
        ];
        assert_eq!(changes(&old, &new).as_deref(), Some(&expected[..]));
        let page = |rows: &Value, cursor| json!({ "page": rows, "isDone": false, "continueCursor": cursor });
        assert_eq!(changes(&page(&old, "p"), &page(&new, "p")).as_deref(), Some(&expected[..]));
        assert_eq!(changes(&page(&old, "p"), &page(&new, "q")), None);
        assert_eq!(changes(&old, &page(&new, "p")), None);
    }

    #[test]
    fn a_value_whose_rows_a_client_could_place_elsewhere_is_sent_whole() {
        let (a, b, c) = (row("a", 1, "x"), row("b", 2, "x"), row("c", 3, "x"));
        let list = |rows: &[&Value]| json!(rows);
        for (old, new) in [
            (list(&[&a]), list(&[&a, &b])),
            (list(&[]), list(&[&a])),
            (list(&[&a, &b]), list(&[&b, &a])),
            (list(&[&a, &c, &b]), list(&[&a, &c, &b, &row("d", 4, "x")])),
            (list(&[&a, &b]), list(&[&a, &b, &row("d", 2, "x")])),
            (list(&[&a, &b]), json!([a, b, { "_id": "d" }])),
            (list(&[&a, &b]), list(&[&a, &b, &b])),
            (list(&[&a, &b]), json!({ "rows": [a] })),
            (list(&[&a, &b]), json!("text")),
        ] {
            assert_eq!(changes(&old, &new), None, "{old} {new}");
        }
    }

    #[test]
    fn changes_longer_than_the_value_are_not_sent() {
        let rows = |from: u32, text: &str| {
            json!((from..from + 9).map(|n| row(&n.to_string(), n, text)).collect::<Vec<_>>())
        };
        assert_eq!(changes(&rows(0, "x"), &rows(7, "x")), None);
        assert!(changes(&rows(0, "x"), &rows(2, "x")).is_some());
    }
}

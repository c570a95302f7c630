//! `groupBy`: merges groups with the same key.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Merger, Unmergeable,
    canonical::canonical,
    fields::pick,
    json,
    list::join,
    number::{Extreme, Number, Sum},
    scalar::number,
    tag,
};
use crate::sort;
use crate::wire::{FanOut, GroupOp};

/// The position of a row: its shard, and its index there.
type Place = (usize, usize);

/// Groups `{"<by>":key,"value":number}`, by the canonical text of their keys.
///
/// Each answer is a list of groups, or one group. The merged groups have the same form and come in
/// the order in which their keys first appear, shard by shard; a key keeps the text of its first
/// appearance. A group without a key has the key `null`. A `null` value counts for nothing, but its
/// group is kept, with the sum 0 or the extreme `null`. An answer with any other value that is not
/// a number is refused as a whole, and so is one with a group that has no `value`.
pub(super) struct Groups {
    by: String,
    op: GroupOp,
    groups: BTreeMap<String, Group>,
    held: usize,
}

impl Groups {
    pub(super) fn new(by: Option<&str>, op: GroupOp) -> Self {
        Self { by: by.unwrap_or("key").to_owned(), op, groups: BTreeMap::new(), held: 0 }
    }

    fn read<'a>(&self, row: &'a str) -> Result<Row<'a>, Unmergeable> {
        let fields = pick(row, [&self.by, FanOut::GROUP_VALUE]);
        let [key, value] = fields.ok_or(Unmergeable("something other than groups"))?;
        let text = value.ok_or(Unmergeable("a group without `value`"))?;
        let number = number(text)?;
        if let Some(number) = &number {
            Accumulator::new(self.op).check(number)?;
        }
        let key = key.unwrap_or("null");
        Ok(Row { key, text, number })
    }

    fn merge(&mut self, place: Place, row: Row<'_>) {
        let op = self.op;
        let canonical = canonical(row.key);
        let group = self.groups.entry(canonical).or_insert_with_key(|canonical| {
            self.held += canonical.len() + row.key.len() + row.text.len();
            Group { first: place, key: row.key.to_owned(), value: Accumulator::new(op) }
        });
        if place < group.first {
            group.first = place;
            row.key.clone_into(&mut group.key);
        }
        if let Some(number) = row.number {
            group.value.add(number, place, row.text);
        }
    }
}

impl Merger for Groups {
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let rows = tag::elements(json(&answer)?);
        let rows: Result<Vec<_>, _> = rows.iter().map(|row| self.read(row.get())).collect();
        for (index, row) in rows?.into_iter().enumerate() {
            self.merge((shard, index), row);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held
    }

    fn finish(self: Box<Self>) -> String {
        let by = serde_json::to_string(&self.by).unwrap_or_default();
        let mut groups: Vec<_> = self.groups.into_values().collect();
        sort::sort_by_key(&mut groups, |group| group.first);
        let rows: Vec<_> = groups
            .into_iter()
            .map(|group| {
                let value = group.value.into_json();
                ["{", &by, ":", &group.key, ",\"value\":", &value, "}"].concat()
            })
            .collect();
        join(rows.iter().map(String::as_str))
    }
}

struct Row<'a> {
    key: &'a str,
    text: &'a str,
    number: Option<Number>,
}

struct Group {
    first: Place,
    key: String,
    value: Accumulator,
}

enum Accumulator {
    Sum(Sum),
    Extreme(Extreme<Place>),
}

impl Accumulator {
    fn new(op: GroupOp) -> Self {
        match op {
            GroupOp::Sum => Self::Sum(Sum::default()),
            GroupOp::Max => Self::Extreme(Extreme::largest()),
            GroupOp::Min => Self::Extreme(Extreme::smallest()),
        }
    }

    fn check(&self, number: &Number) -> Result<(), Unmergeable> {
        match self {
            Self::Sum(_) => Sum::check(number),
            Self::Extreme(_) => Ok(()),
        }
    }

    fn add(&mut self, number: Number, place: Place, text: &str) {
        match self {
            Self::Sum(sum) => sum.add(&number),
            Self::Extreme(extreme) => extreme.add(number, place, text),
        }
    }

    fn into_json(self) -> String {
        match self {
            Self::Sum(sum) => sum.to_json(),
            Self::Extreme(extreme) => extreme.into_json(),
        }
    }
}

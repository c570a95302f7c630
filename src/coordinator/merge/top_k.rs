//! `topK`: the first rows of all shards, with at most that many in memory.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use bytes::Bytes;

use super::{
    Merger, Unmergeable,
    fields::pick,
    json,
    list::join,
    number::{Number, Ordered},
    tag,
};
use crate::wire::Direction;

/// The first `k` rows by a field.
///
/// Each answer is a list of rows, or one row. Numbers, `bigint` and dates compare by value. Rows
/// whose field is anything else, NaN included, come last in either direction. Rows that compare as
/// equal keep the order of the shards, and within a shard their own.
pub(super) struct TopK {
    k: usize,
    by: String,
    direction: Direction,
    /// A heap with the last of the best rows on top.
    best: BinaryHeap<Row>,
    held: usize,
}

impl TopK {
    pub(super) fn new(k: u32, by: &str, direction: Direction) -> Self {
        Self {
            k: usize::try_from(k).unwrap_or(usize::MAX),
            by: by.to_owned(),
            direction,
            best: BinaryHeap::new(),
            held: 0,
        }
    }

    fn rank(&self, row: &str) -> Rank {
        let [field] = pick(row, [&self.by]).unwrap_or_default();
        match (field.and_then(Number::read), self.direction) {
            (None | Some(Number::Nan), _) => Rank::Last,
            (Some(Number::Ordered(key, _)), Direction::Asc) => Rank::Asc(key),
            (Some(Number::Ordered(key, _)), Direction::Desc) => Rank::Desc(Reverse(key)),
        }
    }

    fn offer(&mut self, rank: Rank, place: (usize, usize), text: &str) {
        if self.best.len() == self.k {
            let is_better = |last: &Row| (&rank, place) < (&last.rank, last.place);
            if !self.best.peek().is_some_and(is_better) {
                return;
            }
            self.held -= self.best.pop().map_or(0, |row| row.text.len());
        }
        self.held += text.len();
        let text = text.to_owned();
        self.best.push(Row { rank, place, text });
    }
}

impl Merger for TopK {
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        for (index, row) in tag::elements(json(&answer)?).iter().enumerate() {
            self.offer(self.rank(row.get()), (shard, index), row.get());
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held
    }

    fn finish(self: Box<Self>) -> String {
        let rows = self.best.into_sorted_vec();
        join(rows.iter().map(|row| &*row.text))
    }
}

/// A row, as a copy, since the answer it came in is dropped.
struct Row {
    rank: Rank,
    place: (usize, usize),
    text: String,
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.rank, self.place).cmp(&(&other.rank, other.place))
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Row {}

/// The rank of a row. One merge has one direction, so that `Asc` and `Desc` never meet.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Asc(Ordered),
    Desc(Reverse<Ordered>),
    Last,
}

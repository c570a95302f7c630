//! Merges the first documents of all shards, out of sorted parts that come in any order.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{SortDirection, cursor::Cursor, key::RankKey};
use crate::wire::{ShardKey, operation::RankPageAnswer};

/// The part that one shard offers.
pub(super) type Slice = RankPageAnswer<Vec<Row>, Vec<SortDirection>>;

#[derive(Deserialize)]
pub(super) struct Row {
    doc: Box<RawValue>,
    key: Box<RawValue>,
}

/// Keeps the first `take` rows of all parts, in whatever order the parts come.
pub(super) struct PageMerge {
    take: usize,
    directions: Directions,
    /// Rows in the order of the index; with equal keys, in the order of the shards.
    kept: Vec<Kept>,
    /// The first key of each shard that is not on the page, by the shard's position.
    left: HashMap<usize, (ShardKey, RankKey)>,
    /// The smallest last key of the parts with more rows: their shards may have rows after it.
    horizon: Option<RankKey>,
}

struct Kept {
    doc: Box<RawValue>,
    key: RankKey,
    place: usize,
    shard: ShardKey,
}

#[derive(Clone)]
enum Directions {
    /// No shard has reported directions yet; these are the caller's.
    Assumed(Vec<SortDirection>),
    Told(Vec<SortDirection>),
}

impl PageMerge {
    pub(super) fn new(take: usize, assumed: &[SortDirection]) -> Self {
        Self {
            take,
            directions: Directions::Assumed(assumed.to_vec()),
            kept: Vec::new(),
            left: HashMap::new(),
            horizon: None,
        }
    }

    /// Adds the part of the shard at `place`: all of it, or nothing and an error.
    pub(super) fn add(
        &mut self,
        place: usize,
        shard: &ShardKey,
        slice: Slice,
        cursor: &Cursor,
    ) -> Result<(), &'static str> {
        let before = self.directions.clone();
        let added = self.try_add(place, shard, slice, cursor);
        if added.is_err() {
            // A shard that failed does not tell the others how to order.
            self.directions = before;
        }
        added
    }

    fn try_add(
        &mut self,
        place: usize,
        shard: &ShardKey,
        slice: Slice,
        cursor: &Cursor,
    ) -> Result<(), &'static str> {
        self.agree_on(slice.directions)?;
        let rows = slice.rows.into_iter().map(|row| Some((RankKey::read(&row.key)?, row.doc)));
        let rows: Vec<_> = rows.collect::<Option<_>>().ok_or("a row with an invalid key")?;
        let start = cursor.after(shard).and_then(RankKey::read);
        let mut keys = start.iter().chain(rows.iter().map(|(key, _)| key));
        let ascends = keys.next().is_none_or(|first| {
            keys.try_fold(first, |last, next| {
                (self.cmp(last, next) == Ordering::Less).then_some(next)
            })
            .is_some()
        });
        if !ascends {
            return Err("rows that are out of order, or before the cursor");
        }
        if slice.has_more && rows.is_empty() {
            return Err("no rows, although it claims more");
        }
        let last = rows.last().map(|(key, _)| key).filter(|_| slice.has_more);
        if let Some(last) = last
            && self.horizon.as_ref().is_none_or(|horizon| self.cmp(last, horizon).is_lt())
        {
            self.horizon = Some(last.clone());
        }
        for (key, doc) in rows {
            self.offer(Kept { doc, key, place, shard: shard.clone() });
        }
        Ok(())
    }

    /// Returns the page, and the position at which it ends; `None` after the last page, and for a
    /// page without rows. `outcomes` are the shards that were asked, and whether they answered.
    pub(super) fn finish(
        mut self,
        cursor: &Cursor,
        outcomes: &BTreeMap<&str, bool>,
    ) -> (Vec<Box<RawValue>>, Option<Cursor>) {
        self.cut_at_horizon();
        let is_whole = outcomes.values().all(|answered| *answered);
        let more = self.horizon.is_some() || !self.left.is_empty() || !is_whole;
        let next = self.kept.last().filter(|_| more).map(|last| self.end(last, cursor, outcomes));
        (self.kept.into_iter().map(|kept| kept.doc).collect(), next)
    }

    /// Returns the position after `last`, the last row of the page.
    ///
    /// A shard that answered is after that row, or where it was if that is further. A shard that
    /// did not answer is where it was.
    fn end(&self, last: &Kept, cursor: &Cursor, outcomes: &BTreeMap<&str, bool>) -> Cursor {
        let further = |raw: &&RawValue| {
            RankKey::read(raw).is_some_and(|key| self.cmp(&key, &last.key).is_gt())
        };
        // Shards that catch up may fill a page that ends before the others' position.
        let ahead = cursor.common().filter(further);
        let mut behind = BTreeMap::new();
        for (shard, after) in cursor.behind() {
            let after = match outcomes.get(shard) {
                Some(true) if ahead.is_none() => continue,
                Some(true) => Some(after.filter(further).unwrap_or(&last.key.raw)),
                _ => after,
            };
            behind.insert(shard.to_owned(), after.map(ToOwned::to_owned));
        }
        if ahead.is_none() {
            let failed = outcomes.iter().filter(|(_, answered)| !**answered);
            for (shard, _) in failed.filter(|(shard, _)| !cursor.is_behind(shard)) {
                behind.insert((*shard).to_owned(), cursor.common().map(ToOwned::to_owned));
            }
        }
        for (shard, key) in self.left.values() {
            if self.cmp(key, &last.key) != Ordering::Equal {
                continue;
            }
            let consumed = self.kept.iter().rfind(|kept| kept.shard == *shard);
            let after = match consumed {
                Some(kept) => Some(kept.key.raw.clone()),
                None => cursor.after(shard).map(ToOwned::to_owned),
            };
            behind.insert(shard.as_str().to_owned(), after);
        }
        Cursor::new(ahead.unwrap_or(&last.key.raw).to_owned(), behind)
    }

    fn cut_at_horizon(&mut self) {
        let Some(horizon) = &self.horizon else { return };
        let end = self.kept.partition_point(|kept| self.cmp(&kept.key, horizon).is_le());
        for cut in self.kept.split_off(end).into_iter().rev() {
            self.left.insert(cut.place, (cut.shard, cut.key));
        }
    }

    fn offer(&mut self, row: Kept) {
        let order =
            |other: &Kept| self.cmp(&other.key, &row.key).then_with(|| other.place.cmp(&row.place));
        let index = self.kept.partition_point(|other| order(other) == Ordering::Less);
        if index < self.take {
            self.kept.insert(index, row);
            if self.kept.len() <= self.take {
                return;
            }
            if let Some(evicted) = self.kept.pop() {
                // Rows of one shard are evicted from the last on: this is its first one left.
                self.left.insert(evicted.place, (evicted.shard, evicted.key));
            }
        } else {
            self.left.entry(row.place).or_insert((row.shard, row.key));
        }
    }

    /// Checks the directions: shards that order differently have no common order to merge by.
    fn agree_on(&mut self, told: Vec<SortDirection>) -> Result<(), &'static str> {
        match &self.directions {
            _ if told.is_empty() => Ok(()),
            Directions::Told(before) if *before != told => {
                Err("directions that are not those of another shard")
            }
            Directions::Told(_) => Ok(()),
            Directions::Assumed(assumed) => {
                if !self.kept.is_empty() && *assumed != told {
                    return Err("directions that are not those of another shard");
                }
                self.directions = Directions::Told(told);
                Ok(())
            }
        }
    }

    fn cmp(&self, a: &RankKey, b: &RankKey) -> Ordering {
        let (Directions::Assumed(directions) | Directions::Told(directions)) = &self.directions;
        a.cmp(b, directions)
    }
}

//! `sum`, `max`, `min` and `rank`: one number a shard.

use bytes::Bytes;

use super::{
    Merger, Unmergeable,
    fields::pick,
    json,
    number::{Extreme, Number, Sum},
    tag,
};

/// The sum of the answers; `null` adds nothing.
#[derive(Default)]
pub(super) struct Sums(Sum);

impl Merger for Sums {
    fn add(&mut self, _shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        if let Some(number) = number(json(&answer)?)? {
            Sum::check(&number)?;
            self.0.add(&number);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        0
    }

    fn finish(self: Box<Self>) -> String {
        self.0.to_json()
    }
}

/// The largest or the smallest answer, dates included; `null` is none.
pub(super) struct Extremes(Extreme<usize>);

impl Extremes {
    pub(super) fn max() -> Self {
        Self(Extreme::largest())
    }

    pub(super) fn min() -> Self {
        Self(Extreme::smallest())
    }
}

impl Merger for Extremes {
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let text = json(&answer)?;
        if let Some(number) = number(text)? {
            self.0.add(number, shard, text);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.held()
    }

    fn finish(self: Box<Self>) -> String {
        self.0.into_json()
    }
}

/// One more than the sum of the fields `before`: how many rows each shard has before the row.
#[derive(Default)]
pub(super) struct Rank(Sum);

impl Merger for Rank {
    fn add(&mut self, _shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let [before] = pick(json(&answer)?, ["before"]).unwrap_or_default();
        let before = before.and_then(Number::read);
        let is_count = |number: &Number| Sum::check(number).is_ok();
        let before = before.filter(is_count);
        self.0.add(&before.ok_or(Unmergeable("no number `before`"))?);
        Ok(())
    }

    fn held(&self) -> usize {
        0
    }

    fn finish(mut self: Box<Self>) -> String {
        if let Some(one) = Number::read("1") {
            self.0.add(&one);
        }
        self.0.to_json()
    }
}

/// A number, or none for `null` and `undefined`; anything else is no answer to the question.
pub(super) fn number(json: &str) -> Result<Option<Number>, Unmergeable> {
    match Number::read(json) {
        None if tag::is_nothing(json) => Ok(None),
        None => Err(Unmergeable("something other than a number")),
        number => Ok(number),
    }
}

//! `sum`, `max`, `min` and `rank`: one number per shard.

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

/// The maximum or the minimum answer, dates included; `null` is ignored.
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

/// The result `{"position","total"}`: one more than the sum of the fields `before` (the number of
/// rows of each shard before the row), and the sum of the fields `total` (the number of its rows).
#[derive(Default)]
pub(super) struct Rank {
    before: Sum,
    total: Sum,
}

impl Merger for Rank {
    fn add(&mut self, _shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let [before, total] = pick(json(&answer)?, ["before", "total"]).unwrap_or_default();
        let count = |field: Option<&str>| {
            field.and_then(Number::read).filter(|number| Sum::check(number).is_ok())
        };
        let before = count(before).ok_or(Unmergeable("no number `before`"))?;
        self.total.add(&count(total).ok_or(Unmergeable("no number `total`"))?);
        self.before.add(&before);
        Ok(())
    }

    fn held(&self) -> usize {
        0
    }

    fn finish(mut self: Box<Self>) -> String {
        if let Some(one) = Number::read("1") {
            self.before.add(&one);
        }
        let (position, total) = (self.before.to_json(), self.total.to_json());
        [r#"{"position":"#, &position, r#","total":"#, &total, "}"].concat()
    }
}

/// Reads a number; `None` for `null` and `undefined`. Anything else is an invalid answer.
pub(super) fn number(json: &str) -> Result<Option<Number>, Unmergeable> {
    match Number::read(json) {
        None if tag::is_nothing(json) => Ok(None),
        None => Err(Unmergeable("something other than a number")),
        number => Ok(number),
    }
}

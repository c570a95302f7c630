//! Merges the answers of shards, each as soon as it arrives.
//!
//! A merge works on the raw JSON text of each answer and builds no tree of it. It passes values on
//! as unchanged text.

mod canonical;
pub(super) mod decimal;
pub(super) mod fields;
mod group;
mod list;
mod number;
mod scalar;
mod tag;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod top_k;

use std::fmt;

use bytes::Bytes;

use crate::wire::Merge;

/// Takes answers in any order; the result depends only on the positions of the shards.
pub(super) trait Merger {
    /// Adds the answer of the shard at position `shard`: all of it, or nothing and an error.
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable>;

    /// Returns the number of bytes of answers in memory.
    fn held(&self) -> usize;

    /// Returns the merged value, as JSON text.
    fn finish(self: Box<Self>) -> String;
}

/// A description of an answer that cannot be merged: "shard k answered with …".
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Unmergeable(pub(super) &'static str);

impl Unmergeable {
    pub(super) const NO_JSON: Self = Self("something other than JSON");
}

impl fmt::Display for Unmergeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

pub(super) fn merger(merge: &Merge) -> Box<dyn Merger> {
    match merge {
        Merge::Concat => Box::<list::Concat>::default(),
        Merge::First => Box::<list::First>::default(),
        Merge::Sum => Box::<scalar::Sums>::default(),
        Merge::Max => Box::new(scalar::Extremes::max()),
        Merge::Min => Box::new(scalar::Extremes::min()),
        Merge::GroupBy { by, op } => Box::new(group::Groups::new(by.as_deref(), *op)),
        Merge::Rank => Box::<scalar::Rank>::default(),
        Merge::TopK { k, by, direction } => Box::new(top_k::TopK::new(*k, by, *direction)),
    }
}

/// Returns the field `result` of an answer.
pub(super) fn result_of(answer: &Bytes) -> Result<Bytes, Unmergeable> {
    // One pass over an answer that has it; what is wrong with another one is looked for afterwards.
    let text = str::from_utf8(answer).unwrap_or_default();
    match fields::pick(text.trim_matches([' ', '\n', '\r', '\t']), ["result"]) {
        Some([Some(result)]) => Ok(answer.slice_ref(result.as_bytes())),
        _ => Err(json(answer).err().unwrap_or(Unmergeable("no `result`"))),
    }
}

/// Returns the text of an answer, without surrounding whitespace, if it is one JSON value.
fn json(answer: &[u8]) -> Result<&str, Unmergeable> {
    match serde_json::from_slice::<&serde_json::value::RawValue>(answer) {
        Ok(value) => Ok(value.get()),
        Err(_) => Err(Unmergeable::NO_JSON),
    }
}

//! `concat` and `first`: splice text without parsing values.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Merger, Unmergeable, json, tag};

/// Joins all answers in one list, in the order of the shards. A list is flattened by one level; any
/// other value, `null` and wire-tagged values (`["$lunora.wire$",…]`) included, is one element.
#[derive(Default)]
pub(super) struct Concat {
    parts: BTreeMap<usize, Bytes>,
    held: usize,
}

impl Merger for Concat {
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let text = json(&answer)?;
        let elements = tag::list(text).unwrap_or(text);
        if !elements.is_empty() {
            self.held += elements.len();
            self.parts.insert(shard, answer.slice_ref(elements.as_bytes()));
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held
    }

    fn finish(self: Box<Self>) -> String {
        let parts = self.parts.values();
        join(parts.map(|part| str::from_utf8(part).unwrap_or_default()))
    }
}

/// Returns the first answer that is not `null` or `undefined`, in the order of the shards; `null`
/// if there is none.
#[derive(Default)]
pub(super) struct First(Option<(usize, Bytes)>);

impl Merger for First {
    fn add(&mut self, shard: usize, answer: Bytes) -> Result<(), Unmergeable> {
        let text = json(&answer)?;
        let is_first = self.0.as_ref().is_none_or(|(first, _)| shard < *first);
        if is_first && !tag::is_nothing(text) {
            self.0 = Some((shard, answer.slice_ref(text.as_bytes())));
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, text)| text.len())
    }

    fn finish(self: Box<Self>) -> String {
        let text = self.0.and_then(|(_, text)| String::from_utf8(text.into()).ok());
        text.unwrap_or_else(|| "null".to_owned())
    }
}

/// Returns the list of `parts`, each one element or several with commas between them.
pub(super) fn join<'a>(parts: impl Iterator<Item = &'a str> + Clone) -> String {
    let bytes = parts.clone().map(|part| part.len() + 1).sum::<usize>();
    let mut list = String::with_capacity(bytes + 2);
    for part in parts {
        list.push(if list.is_empty() { '[' } else { ',' });
        list.push_str(part);
    }
    if list.is_empty() {
        list.push('[');
    }
    list.push(']');
    tag::escape(list)
}

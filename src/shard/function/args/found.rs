//! Finds a value in JSON by its position.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// The longest name of a field in a path, in characters.
const MAX_NAME: usize = 80;

/// A value within JSON, and the path that leads to it.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) path: String,
    /// Absent if the text there is not JSON.
    pub(super) value: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// Finds the value that these positions lead to, the innermost first.
    pub(super) fn at(json: &'a str, steps: &[usize]) -> Self {
        let mut found = Self::default();
        let mut reader = serde_json::Deserializer::from_str(json);
        // As deep as the steps, and they were read within a limit.
        reader.disable_recursion_limit();
        // The rest of the text is not read, which serde_json reports as an error.
        let _ = Walk { steps, found: &mut found }.deserialize(&mut reader);
        found
    }
}

/// Leads a path on to a field.
pub(super) fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(name.chars().take(MAX_NAME));
}

struct Walk<'w, 'a> {
    steps: &'w [usize],
    found: &'w mut Found<'a>,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            self.found.value = Some(<&RawValue>::deserialize(deserializer)?.get());
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let (index, steps) = next(self.steps)?;
        for _ in 0..index {
            map.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        if let Some(name) = map.next_key::<String>()? {
            push_field(&mut self.found.path, &name);
            map.next_value_seed(Walk { steps, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let (index, steps) = next(self.steps)?;
        for _ in 0..index {
            list.next_element::<IgnoredAny>()?;
        }
        self.found.path.push_str(&format!("[{index}]"));
        list.next_element_seed(Walk { steps, found: self.found }).map(drop)
    }
}

/// Splits the outermost step off.
fn next<E: Error>(steps: &[usize]) -> Result<(usize, &[usize]), E> {
    let (index, steps) = steps.split_last().ok_or_else(|| E::custom("no step"))?;
    Ok((*index, steps))
}

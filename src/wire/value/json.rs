//! Reading JSON as it stands: no tag is looked at yet.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::{MAX_DEPTH, Object, Value};

/// The maximum number of brackets of a value within [`MAX_DEPTH`]: three per level
/// (`[TAG,"map",[[k,v]]]`), and two for the leaf (`[TAG,"date",[TAG,"nan"]]`).
const MAX_BRACKETS: usize = 3 * MAX_DEPTH + 2;

/// Reads any JSON into the variants of [`Value`] that JSON has. Deeper than any legal value is an error, so that the
/// stack is safe whatever the deserializer allows; it is the only error this makes itself.
#[derive(Clone, Copy)]
pub(super) struct Json {
    brackets_left: usize,
}

impl Json {
    /// Returns a reader for a whole value.
    pub(super) fn new() -> Self {
        Self { brackets_left: MAX_BRACKETS }
    }

    fn inside<E: Error>(self) -> Result<Self, E> {
        let brackets_left = self.brackets_left.checked_sub(1);
        brackets_left
            .map(|brackets_left| Self { brackets_left })
            .ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Number(integer as f64))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Value, E> {
        Ok(Value::Number(integer as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = elements.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some(key) = entries.next_key()? {
            fields.push((key, entries.next_value_seed(inside)?));
        }
        Ok(Value::Object(Object::from_iter(fields)))
    }
}

//! Reads wire form into the types of Rust: a tagged number becomes a number where one is expected.

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor, value},
    forward_to_deserialize_any,
};
use serde_json::{Error, Number, Value};

use super::{MAX_SAFE, tagged};

/// Reads what a deployment wrote.
///
/// # Errors
/// Those of `serde_json`.
pub(crate) fn from_wire<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let value: Value = serde_json::from_str(text)?;
    // An untagged enum, and one with its tag inside, forget which number they expect.
    T::deserialize(Wire(&value)).or_else(|error| T::deserialize(plain(&value)).map_err(|_| error))
}

/// Returns a value whose tagged numbers are plain ones, where JSON can hold them.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => match integer(items) {
            Some(integer) if integer.unsigned_abs() > MAX_SAFE => {
                Number::from_i128(integer).map_or_else(|| value.clone(), Value::Number)
            }
            _ => items.iter().map(plain).collect(),
        },
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.clone(), plain(field))).collect()
        }
        _ => value.clone(),
    }
}

/// Returns a big integer that fits.
fn integer(items: &[Value]) -> Option<i128> {
    match tagged(items)? {
        ("bigint", [Value::String(digits), ..]) => digits.parse().ok(),
        _ => None,
    }
}

fn float(items: &[Value]) -> Option<f64> {
    match tagged(items)?.0 {
        "nan" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Wire<'a>(&'a Value);

macro_rules! integers {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::Array(items) => match tagged(items) {
                    Some(("bigint", [Value::String(digits), ..])) => visit(digits, visitor),
                    _ => self.deserialize_any(visitor),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )+};
}

/// Gives a visitor the smallest kind of integer that holds the digits.
fn visit<'de, V: Visitor<'de>>(digits: &str, visitor: V) -> Result<V::Value, Error> {
    if let Ok(integer) = digits.parse() {
        visitor.visit_u64(integer)
    } else if let Ok(integer) = digits.parse() {
        visitor.visit_i64(integer)
    } else if let Ok(integer) = digits.parse() {
        visitor.visit_i128(integer)
    } else if let Ok(integer) = digits.parse() {
        visitor.visit_u128(integer)
    } else {
        visitor.visit_str(digits)
    }
}

macro_rules! floats {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::Array(items) => match float(items) {
                    Some(float) => visitor.visit_f64(float),
                    None => self.deserialize_any(visitor),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Wire<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.iter())),
            Value::Object(fields) => {
                visitor.visit_map(Fields { fields: fields.iter(), value: None })
            }
            leaf => leaf.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            Value::Array(items) if matches!(tagged(items), Some(("undefined", _))) => {
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => {
                visitor.visit_enum(value::MapAccessDeserializer::new(Fields {
                    fields: fields.iter(),
                    value: None,
                }))
            }
            leaf => leaf.deserialize_enum(name, variants, visitor),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    floats! { deserialize_f32 deserialize_f64 }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Wire(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields<'de> {
    fields: serde_json::map::Iter<'de>,
    value: Option<&'de Value>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Wire(self.value.take().unwrap_or(&Value::Null)))
    }
}

/// A key, which is a string, also where a number is expected.
struct Key<'de>(&'de str);

macro_rules! parsed {
    ($($method:ident => $visit:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse() {
                Ok(parsed) => visitor.$visit(parsed),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(value::BorrowedStrDeserializer::new(self.0))
    }

    parsed! {
        deserialize_bool => visit_bool
        deserialize_i8 => visit_i8 deserialize_i16 => visit_i16 deserialize_i32 => visit_i32
        deserialize_i64 => visit_i64 deserialize_i128 => visit_i128
        deserialize_u8 => visit_u8 deserialize_u16 => visit_u16 deserialize_u32 => visit_u32
        deserialize_u64 => visit_u64 deserialize_u128 => visit_u128
        deserialize_f32 => visit_f32 deserialize_f64 => visit_f64
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

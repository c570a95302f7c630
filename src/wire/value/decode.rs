//! From text to values.

use std::{collections::HashMap, fmt, mem};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{BigInt, Bytes, BytesKind, Date, ErrorValue, MAX_DEPTH, TAG, Value};

/// Reads a value from JSON.
///
/// # Errors
/// When the text is no JSON, nests deeper than [`MAX_DEPTH`], or holds a malformed tagged value.
pub fn decode(json: &str) -> Result<Value, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    // Our own limit is lower than any stack.
    deserializer.disable_recursion_limit();
    let plain = Plain { depth: 0 }.deserialize(&mut deserializer).map_err(DecodeError::Json)?;
    deserializer.end().map_err(DecodeError::Json)?;
    revive(plain, 0)
}

/// Why a text is no value of the wire.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is no JSON.
    #[error("the value is no JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The value nests too deep.
    #[error("a value nests at most {MAX_DEPTH} deep")]
    TooDeep,
    /// A tagged value is malformed.
    #[error("a value tagged `{tag}` is malformed: {rule}")]
    Malformed {
        /// The tag.
        tag: &'static str,
        /// What such a value must be.
        rule: &'static str,
    },
}

/// Reads tagged values in what was read as plain JSON, from the outside in: only so is an escaped
/// list left alone.
fn revive(plain: Value, depth: usize) -> Result<Value, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    match plain {
        Value::Array(elements) if elements.first().and_then(Value::as_str) == Some(TAG) => {
            tagged(elements, depth)
        }
        Value::Array(elements) => Ok(Value::Array(revive_all(elements, depth)?)),
        Value::Object(fields) => Ok(Value::Object(revive_fields(fields, depth)?)),
        leaf => Ok(leaf),
    }
}

fn revive_all(elements: Vec<Value>, depth: usize) -> Result<Vec<Value>, DecodeError> {
    elements.into_iter().map(|element| revive(element, depth + 1)).collect()
}

fn revive_fields(
    fields: Vec<(String, Value)>,
    depth: usize,
) -> Result<Vec<(String, Value)>, DecodeError> {
    fields.into_iter().map(|(name, value)| Ok((name, revive(value, depth + 1)?))).collect()
}

/// Reads a list that begins with the tag. One of an unknown kind is a list like others.
fn tagged(mut elements: Vec<Value>, depth: usize) -> Result<Value, DecodeError> {
    let kind = elements.get(1).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut rest = elements.iter_mut().skip(2).map(mem::take);
    match &*kind {
        "undefined" => Ok(Value::Undefined),
        "nan" => Ok(Value::Number(f64::NAN)),
        "inf" => Ok(Value::Number(f64::INFINITY)),
        "-inf" => Ok(Value::Number(f64::NEG_INFINITY)),
        "bigint" => big_int(&rest.next().unwrap_or_default()),
        "date" => date(rest.next(), depth),
        "url" => absolute_url(&rest.next().unwrap_or_default()),
        "map" => map(rest.next(), depth),
        "set" => set(rest.next(), depth),
        "bytes" => bytes(&rest.next().unwrap_or_default(), rest.next().as_ref()),
        "error" => error(rest, depth),
        "arr" => match rest.next() {
            Some(Value::Array(elements)) => Ok(Value::Array(revive_all(elements, depth)?)),
            _ => Err(malformed("arr", "its payload is a list")),
        },
        _ => Ok(Value::Array(revive_all(elements, depth)?)),
    }
}

fn big_int(payload: &Value) -> Result<Value, DecodeError> {
    payload
        .as_str()
        .and_then(|text| text.parse::<BigInt>().ok())
        .map(Value::BigInt)
        .ok_or(malformed("bigint", "its payload is decimal text of at most 1024 characters"))
}

fn date(payload: Option<Value>, depth: usize) -> Result<Value, DecodeError> {
    let time = payload.map(|payload| revive(payload, depth + 1)).transpose()?;
    time.as_ref()
        .and_then(Value::as_f64)
        .map(|ms| Value::Date(Date::from_ms(ms)))
        .ok_or(malformed("date", "its payload is a number"))
}

fn absolute_url(payload: &Value) -> Result<Value, DecodeError> {
    payload
        .as_str()
        .and_then(|href| url::Url::parse(href).ok())
        .map(Value::Url)
        .ok_or(malformed("url", "its payload is an absolute URL"))
}

fn bytes(base64: &Value, class: Option<&Value>) -> Result<Value, DecodeError> {
    let bytes = base64
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or(malformed("bytes", "its payload is base64 in canonical form, with padding"))?;
    let kind = match class {
        None => BytesKind::Uint8Array,
        Some(Value::String(name)) => BytesKind::of_name(name),
        Some(_) => return Err(malformed("bytes", "its class is a name")),
    };
    Bytes::new(bytes, kind)
        .map(Value::Bytes)
        .ok_or(malformed("bytes", "its length is a multiple of the element's"))
}

/// Of two equal keys the later value counts, in the earlier one's place.
fn map(payload: Option<Value>, depth: usize) -> Result<Value, DecodeError> {
    let Some(Value::Array(pairs)) = payload else {
        return Err(malformed("map", "its payload is a list of entries"));
    };
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    let mut places = HashMap::new();
    for pair in pairs {
        let Value::Array(pair) = pair else {
            return Err(malformed("map", "an entry is a list of a key and a value"));
        };
        let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
            return Err(malformed("map", "an entry is a list of a key and a value"));
        };
        let (key, value) = (revive(key, depth + 1)?, revive(value, depth + 1)?);
        match Scalar::of(&key).map(|scalar| *places.entry(scalar).or_insert(entries.len())) {
            Some(place) if place < entries.len() => entries[place].1 = value,
            _ => entries.push((key, value)),
        }
    }
    Ok(Value::Map(entries))
}

fn set(payload: Option<Value>, depth: usize) -> Result<Value, DecodeError> {
    let Some(Value::Array(elements)) = payload else {
        return Err(malformed("set", "its payload is a list"));
    };
    let mut seen = HashMap::new();
    let mut members = revive_all(elements, depth)?;
    members
        .retain(|member| Scalar::of(member).is_none_or(|scalar| seen.insert(scalar, ()).is_none()));
    Ok(Value::Set(members))
}

fn error(mut payload: impl Iterator<Item = Value>, depth: usize) -> Result<Value, DecodeError> {
    let (Some(Value::String(name)), Some(Value::String(message))) =
        (payload.next(), payload.next())
    else {
        return Err(malformed("error", "its name and message are strings"));
    };
    let Some(Value::Object(properties)) = payload.next() else {
        return Err(malformed("error", "its properties are an object"));
    };
    let properties = revive_fields(properties, depth)?;
    let cause = payload.next().map(|cause| revive(cause, depth + 1)).transpose()?;
    Ok(Value::Error(Box::new(ErrorValue { name, message, properties, cause })))
}

fn malformed(tag: &'static str, rule: &'static str) -> DecodeError {
    DecodeError::Malformed { tag, rule }
}

/// What JavaScript takes for the same key (SameValueZero): scalars by their value, and everything
/// else by identity, which two decoded values never share.
#[derive(Eq, Hash, PartialEq)]
enum Scalar {
    Null,
    Undefined,
    Bool(bool),
    Number(u64),
    String(String),
    BigInt(BigInt),
}

impl Scalar {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Undefined => Self::Undefined,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) if number.is_nan() => Self::Number(f64::NAN.to_bits()),
            // Adding zero makes 0 of -0.
            Value::Number(number) => Self::Number((number + 0.0).to_bits()),
            Value::String(text) => Self::String(text.clone()),
            Value::BigInt(integer) => Self::BigInt(integer.clone()),
            _ => return None,
        })
    }
}

/// Reads plain JSON: no tag is looked at yet.
#[derive(Clone, Copy)]
struct Plain {
    depth: usize,
}

impl Plain {
    /// A tagged map takes three lists for one level of a value.
    const MAX_JSON_DEPTH: usize = 3 * (MAX_DEPTH + 1);

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == Self::MAX_JSON_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    #[allow(clippy::cast_precision_loss, reason = "a number of the wire is a double")]
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss, reason = "a number of the wire is a double")]
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(deeper)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    /// Of a repeated key the last value counts, in the first one's place, as in JavaScript.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let deeper = self.deeper::<A::Error>()?;
        let mut fields: Vec<(String, Value)> = Vec::new();
        let mut places = HashMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(deeper)?;
            let place = *places.entry(name.clone()).or_insert(fields.len());
            match fields.get_mut(place) {
                Some(field) => field.1 = value,
                None => fields.push((name, value)),
            }
        }
        Ok(Value::Object(fields))
    }
}

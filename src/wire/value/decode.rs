//! From wire text to a [`Value`].
//!
//! Two steps: the text becomes plain JSON, then the tagged arrays in it become values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer};

use super::json::Json;
use super::path::Step;
use super::refusal::{DecodeError, Rule};
use super::{
    BigInt, BytesKind, Date, ErrorValue, MAX_DEPTH, Map, Object, Set, TAG, TypedBytes, Url, Value,
};

impl Value {
    /// Reads wire text.
    ///
    /// ```
    /// use lunora::wire::value::{Date, Value};
    ///
    /// assert_eq!(Value::from_wire("[1, true]")?, Value::Array(vec![1.into(), true.into()]));
    /// assert_eq!(Value::from_wire(r#"["$lunora.wire$","date",0]"#)?, Date::from_millis(0.0).into());
    ///
    /// let refused = Value::from_wire(r#"{"seen":["$lunora.wire$","date","today"]}"#).unwrap_err();
    /// assert_eq!(refused.to_string(), "$.seen: the payload of `date` must be a number");
    /// # Ok::<(), lunora::wire::value::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is not JSON, or breaks a [`Rule`].
    pub fn from_wire(json: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        decode(read(json.as_ref())?, 0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(Json::new().deserialize(deserializer)?, 0).map_err(D::Error::custom)
    }
}

fn read(json: &[u8]) -> Result<Value, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    // `Json` keeps a limit of its own.
    deserializer.disable_recursion_limit();
    let value =
        Json::new().deserialize(&mut deserializer).map_err(|error| match error.is_data() {
            // JSON of any shape will do, so its depth is the only thing about the data that can be wrong.
            true => Rule::Depth.into(),
            false => DecodeError::NotJson(error),
        })?;
    deserializer.end().map_err(DecodeError::NotJson)?;
    Ok(value)
}

fn decode(json: Value, depth: usize) -> Result<Value, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(Rule::Depth.into());
    }
    match json {
        Value::Array(items) => match Tag::of(&items) {
            Some(tag) => decode_tagged(tag, items, depth),
            None => decode_items(items, depth).map(Value::Array),
        },
        Value::Object(fields) => decode_fields(fields, depth).map(Value::Object),
        scalar => Ok(scalar),
    }
}

fn decode_items(items: Vec<Value>, depth: usize) -> Result<Vec<Value>, DecodeError> {
    let decode_item =
        |(index, item)| decode(item, depth + 1).map_err(|error| error.inside(Step::Index(index)));
    items.into_iter().enumerate().map(decode_item).collect()
}

fn decode_fields(fields: Object, depth: usize) -> Result<Object, DecodeError> {
    fields.try_map(|key, value| {
        decode(value, depth + 1).map_err(|error| error.inside(Step::field(key)))
    })
}

fn decode_tagged(tag: Tag, items: Vec<Value>, depth: usize) -> Result<Value, DecodeError> {
    let mut payload = items.into_iter().skip(2);
    match tag {
        Tag::Undefined => Ok(Value::Undefined),
        Tag::Nan => Ok(Value::Number(f64::NAN)),
        Tag::Infinity => Ok(Value::Number(f64::INFINITY)),
        Tag::MinusInfinity => Ok(Value::Number(f64::NEG_INFINITY)),
        Tag::BigInt => {
            let text = string(payload.next(), must_be("bigint", "a string"))?;
            Ok(text.parse::<BigInt>().map_err(Rule::BigInt)?.into())
        }
        Tag::Date => {
            let expected = must_be("date", "a number");
            match decode(payload.next().ok_or(expected)?, depth) {
                Ok(Value::Number(millis)) => Ok(Date::from_millis(millis).into()),
                _ => Err(expected.into()),
            }
        }
        Tag::Url => {
            let expected = must_be("url", "an absolute URL");
            Ok(string(payload.next(), expected)?.parse::<Url>().map_err(|_| expected)?.into())
        }
        Tag::Bytes => {
            let expected = must_be("bytes", "canonical, padded standard base64");
            let data = STANDARD.decode(string(payload.next(), expected)?).map_err(|_| expected)?;
            let kind = payload
                .next()
                .as_ref()
                .and_then(Value::as_str)
                .map_or_else(BytesKind::default, BytesKind::named);
            Ok(TypedBytes::new(kind, data).map_err(Rule::BytesLength)?.into())
        }
        Tag::Map => decode_map(array(payload.next(), "map")?, depth),
        Tag::Set => Ok(Set::from_iter(decode_items(array(payload.next(), "set")?, depth)?).into()),
        Tag::Array => Ok(decode_items(array(payload.next(), "arr")?, depth)?.into()),
        Tag::Error => decode_error(payload, depth),
    }
}

fn decode_map(entries: Vec<Value>, depth: usize) -> Result<Value, DecodeError> {
    let decode_entry = |(index, entry): (usize, Value)| {
        let Value::Array(pair) = entry else {
            return Err(MAP_ENTRY.into());
        };
        let [key, value]: [Value; 2] = pair.try_into().map_err(|_| MAP_ENTRY)?;
        let key = decode(key, depth + 1).map_err(|error| error.inside(Step::Key(index)))?;
        let value = decode(value, depth + 1).map_err(|error| error.inside(Step::Value(index)))?;
        Ok((key, value))
    };
    let entries: Vec<_> =
        entries.into_iter().enumerate().map(decode_entry).collect::<Result<_, DecodeError>>()?;
    Ok(Map::from_iter(entries).into())
}

const MAP_ENTRY: Rule = must_be("map", "an array of arrays with exactly two elements");

fn decode_error(
    mut payload: impl Iterator<Item = Value>,
    depth: usize,
) -> Result<Value, DecodeError> {
    let name = string(payload.next(), must_be("error", "a name that is a string first"))?;
    let message = string(payload.next(), must_be("error", "a message that is a string second"))?;
    let Some(Value::Object(props)) = payload.next() else {
        return Err(must_be("error", "an object of properties third").into());
    };
    let props = decode_fields(props, depth)?;
    let cause = payload.next().map(|cause| decode(cause, depth + 1)).transpose();
    let cause = cause.map_err(|error| error.inside(Step::Cause))?;
    let cause = cause.filter(|cause| *cause != Value::Undefined);
    Ok(ErrorValue { name, message, props, cause }.into())
}

fn string(payload: Option<Value>, expected: Rule) -> Result<String, Rule> {
    match payload {
        Some(Value::String(text)) => Ok(text),
        _ => Err(expected),
    }
}

fn array(payload: Option<Value>, tag: &'static str) -> Result<Vec<Value>, Rule> {
    match payload {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(must_be(tag, "an array")),
    }
}

const fn must_be(tag: &'static str, expected: &'static str) -> Rule {
    Rule::Payload { tag, expected }
}

/// The meaning of a tagged array.
#[derive(Clone, Copy)]
enum Tag {
    Array,
    BigInt,
    Bytes,
    Date,
    Error,
    Infinity,
    Map,
    MinusInfinity,
    Nan,
    Set,
    Undefined,
    Url,
}

impl Tag {
    /// Returns the tag of this array. An array without a tag known to this version is an ordinary
    /// array, including `TAG`.
    fn of(items: &[Value]) -> Option<Self> {
        let [Value::String(first), Value::String(name), ..] = items else {
            return None;
        };
        if first != TAG {
            return None;
        }
        Some(match name.as_str() {
            "arr" => Self::Array,
            "bigint" => Self::BigInt,
            "bytes" => Self::Bytes,
            "date" => Self::Date,
            "error" => Self::Error,
            "inf" => Self::Infinity,
            "map" => Self::Map,
            "-inf" => Self::MinusInfinity,
            "nan" => Self::Nan,
            "set" => Self::Set,
            "undefined" => Self::Undefined,
            "url" => Self::Url,
            _ => return None,
        })
    }
}

//! [`Value`]: any value of the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value as Json;

use super::{BigInt, Date, TAG, TypedBytes, Url, tagged, write::Exact};

/// Any value of the wire.
///
/// ```
/// use lunora_client::value::{Date, Value};
///
/// let value: Value = serde_json::from_str(r#"["$lunora.wire$","date",0]"#)?;
/// assert_eq!(value, Value::Date(Date::from_millis(0.0)));
/// assert_eq!(serde_json::to_string(&value)?, r#"["$lunora.wire$","date",0]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `undefined`.
    Undefined,
    /// A boolean.
    Bool(bool),
    /// A number of JavaScript, NaN and the infinities included.
    Number(f64),
    /// An integer of any size.
    BigInt(BigInt),
    /// A string.
    String(String),
    /// A point in time.
    Date(Date),
    /// An absolute URL.
    Url(Url),
    /// Binary data.
    TypedBytes(TypedBytes),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
    /// A `Map`.
    Map(Map),
    /// A `Set`.
    Set(Set),
    /// An error as a value.
    Error(Box<ErrorValue>),
}

/// A JavaScript `Map`: its entries, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(pub Vec<(Value, Value)>);

/// A JavaScript `Set`: its elements, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set(pub Vec<Value>);

/// An error as a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorValue {
    /// Holds the name of the constructor.
    pub name: String,
    /// Says what went wrong.
    pub message: String,
    /// Holds the other fields.
    pub fields: BTreeMap<String, Value>,
    /// Holds the cause.
    pub cause: Option<Value>,
}

impl Value {
    /// Reads wire form. The error names the tag.
    pub(super) fn of(json: Json) -> Result<Self, String> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::String(text),
            Json::Object(fields) => Self::Object(object(fields)?),
            Json::Array(items) => {
                let Some((tag, payload)) = tagged(&items) else {
                    return array(items).map(Self::Array);
                };
                match Self::of_tag(tag, payload) {
                    Some(read) => read?,
                    None => Self::Array(array(items)?),
                }
            }
        })
    }

    /// Reads a tagged value; `None` if the tag is unknown.
    fn of_tag(tag: &str, payload: &[Json]) -> Option<Result<Self, String>> {
        let read = match (tag, payload) {
            ("undefined", _) => Some(Self::Undefined),
            ("nan", _) => Some(Self::Number(f64::NAN)),
            ("inf", _) => Some(Self::Number(f64::INFINITY)),
            ("-inf", _) => Some(Self::Number(f64::NEG_INFINITY)),
            ("bigint", payload) => BigInt::of(payload).map(Self::BigInt),
            ("date", payload) => Date::of(payload).map(Self::Date),
            ("url", payload) => Url::of(payload).map(Self::Url),
            ("bytes", payload) => TypedBytes::of(payload).map(Self::TypedBytes),
            ("arr", [Json::Array(items), ..]) => {
                return Some(array(items.clone()).map(Self::Array));
            }
            ("set", [Json::Array(items), ..]) => {
                return Some(array(items.clone()).map(|items| Self::Set(Set(items))));
            }
            ("map", [Json::Array(entries), ..]) => {
                return Some(
                    entries
                        .iter()
                        .map(entry)
                        .collect::<Result<_, _>>()
                        .map(|it| Self::Map(Map(it))),
                );
            }
            ("error", payload) => return Some(error(payload)),
            ("arr" | "set" | "map", _) => None,
            _ => return None,
        };
        Some(read.ok_or_else(|| invalid(tag)))
    }
}

fn invalid(tag: &str) -> String {
    format!("the payload of the wire value `{tag}` is invalid")
}

fn array(items: Vec<Json>) -> Result<Vec<Value>, String> {
    items.into_iter().map(Value::of).collect()
}

fn object(fields: serde_json::Map<String, Json>) -> Result<BTreeMap<String, Value>, String> {
    let read = fields.into_iter().map(|(key, field)| Ok((key, Value::of(field)?)));
    read.filter(|field| !matches!(field, Ok((_, Value::Undefined)))).collect()
}

fn entry(json: &Json) -> Result<(Value, Value), String> {
    match json.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((Value::of(key.clone())?, Value::of(value.clone())?)),
        _ => Err(invalid("map")),
    }
}

fn error(payload: &[Json]) -> Result<Value, String> {
    let [Json::String(name), Json::String(message), Json::Object(fields), rest @ ..] = payload
    else {
        return Err(invalid("error"));
    };
    let cause = rest.first().cloned().map(Value::of).transpose()?;
    Ok(Value::Error(Box::new(ErrorValue {
        name: name.clone(),
        message: message.clone(),
        fields: object(fields.clone())?,
        cause: cause.filter(|cause| *cause != Value::Undefined),
    })))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Json::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Undefined => (TAG, "undefined").serialize(serializer),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => number(*value, serializer),
            Self::BigInt(value) => value.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Date(date) => date.serialize(serializer),
            Self::Url(url) => url.serialize(serializer),
            Self::TypedBytes(bytes) => bytes.serialize(serializer),
            // One that begins with the tag is no tagged value.
            Self::Array(items) if items.first() == Some(&Self::String(TAG.to_owned())) => {
                (TAG, "arr", items).serialize(serializer)
            }
            Self::Array(items) => items.serialize(serializer),
            Self::Object(fields) => present(fields).serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
            Self::Set(set) => set.serialize(serializer),
            Self::Error(error) => {
                let ErrorValue { name, message, fields, cause } = &**error;
                match cause {
                    Some(cause) => {
                        (TAG, "error", name, message, present(fields), cause).serialize(serializer)
                    }
                    None => (TAG, "error", name, message, present(fields)).serialize(serializer),
                }
            }
        }
    }
}

/// Returns the fields that are not `undefined`.
fn present(fields: &BTreeMap<String, Value>) -> BTreeMap<&String, &Value> {
    fields.iter().filter(|(_, value)| **value != Value::Undefined).collect()
}

/// Writes a number as JavaScript does: an integer without a fraction.
fn number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    let integer = value as i64;
    if value.abs() < 9e15 && integer as f64 == value {
        serializer.serialize_i64(integer)
    } else {
        Exact(serializer).serialize_f64(value)
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (TAG, "map", &self.0).serialize(serializer)
    }
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (TAG, "set", &self.0).serialize(serializer)
    }
}

macro_rules! read {
    ($($type:ident from $tag:literal;)+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    Value::$type(value) => Ok(value),
                    _ => Err(D::Error::custom(concat!("expected a wire value `", $tag, "`"))),
                }
            }
        }
    )+};
}

read! {
    Map from "map";
    Set from "set";
}

macro_rules! from {
    ($($type:ty => $variant:ident;)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from! {
    bool => Bool;
    f64 => Number;
    i32 => Number;
    u32 => Number;
    &str => String;
    String => String;
    BigInt => BigInt;
    Date => Date;
    Url => Url;
    TypedBytes => TypedBytes;
    Vec<Value> => Array;
    BTreeMap<String, Value> => Object;
    Map => Map;
    Set => Set;
}

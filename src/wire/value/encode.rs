//! From a [`Value`] to wire text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::depth::check_depth;
use super::number::JavaScript;
use super::path::Path;
use super::{BytesKind, ErrorValue, MAX_DEPTH, Map, Object, TAG, Value};
use crate::sort;

impl Value {
    /// Writes wire text, character for character what `JSON.stringify` makes of the same value.
    ///
    /// ```
    /// use lunora::wire::value::{Object, Value};
    ///
    /// let value = Value::from(Object::from([("big", Value::from(1e21)), ("gone", Value::Undefined)]));
    /// assert_eq!(value.to_wire()?, r#"{"big":1e+21}"#);
    /// assert_eq!(Value::from(f64::NAN).to_wire()?, r#"["$lunora.wire$","nan"]"#);
    /// # Ok::<(), lunora::wire::value::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Something lies inside more than [`MAX_DEPTH`] other values.
    pub fn to_wire(&self) -> Result<String, EncodeError> {
        write(self, Form::Wire)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        check_depth(self).map_err(|path| S::Error::custom(EncodeError::TooDeep { path }))?;
        Encoded { value: self, form: Form::Wire }.serialize(serializer)
    }
}

/// The reason why a value could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Something lies inside more than [`MAX_DEPTH`] other values.
    #[error("{path}: a value may lie inside at most {MAX_DEPTH} others")]
    TooDeep {
        /// The path of the value.
        path: Path,
    },
    /// The JSON writer failed. Writing to memory does not fail; this variant avoids a panic.
    #[error("the JSON could not be written: {0}")]
    Writer(serde_json::Error),
}

/// The two texts a value has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The form on the wire.
    Wire,
    /// The form that identifies the value: keys sorted, `-0` kept.
    Canonical,
}

pub(super) fn write(value: &Value, form: Form) -> Result<String, EncodeError> {
    check_depth(value).map_err(|path| EncodeError::TooDeep { path })?;
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, JavaScript);
    Encoded { value, form }.serialize(&mut serializer).map_err(EncodeError::Writer)?;
    String::from_utf8(text).map_err(|error| EncodeError::Writer(serde_json::Error::custom(error)))
}

/// Serializes a value as the JSON that carries it.
#[derive(Clone, Copy)]
struct Encoded<'a> {
    value: &'a Value,
    form: Form,
}

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = self.form;
        let in_form = |value| Self { value, form };
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::String(text) => serializer.serialize_str(text),
            Value::Number(number) => serialize_number(*number, form, serializer),
            Value::Array(items) if is_escaped(items) => {
                (TAG, "arr", Items(items.iter(), form)).serialize(serializer)
            }
            Value::Array(items) => Items(items.iter(), form).serialize(serializer),
            Value::Object(fields) => Fields(fields, form).serialize(serializer),
            Value::Undefined => (TAG, "undefined").serialize(serializer),
            Value::BigInt(integer) => (TAG, "bigint", integer.as_str()).serialize(serializer),
            Value::Date(date) => match date.millis() {
                Some(millis) => (TAG, "date", millis).serialize(serializer),
                None => (TAG, "date", (TAG, "nan")).serialize(serializer),
            },
            Value::Url(url) => (TAG, "url", url.as_str()).serialize(serializer),
            Value::Map(map) => (TAG, "map", Entries(map, form)).serialize(serializer),
            Value::Set(set) => (TAG, "set", Items(set.iter(), form)).serialize(serializer),
            Value::Bytes(bytes) => {
                let base64 = STANDARD.encode(bytes.as_slice());
                match bytes.kind() {
                    BytesKind::Uint8Array => (TAG, "bytes", base64).serialize(serializer),
                    kind => (TAG, "bytes", base64, kind.name()).serialize(serializer),
                }
            }
            Value::Error(error) => {
                let ErrorValue { name, message, props, cause } = error.as_ref();
                let props = Fields(props, form);
                match cause {
                    None | Some(Value::Undefined) => {
                        (TAG, "error", name, message, props).serialize(serializer)
                    }
                    Some(cause) => {
                        (TAG, "error", name, message, props, in_form(cause)).serialize(serializer)
                    }
                }
            }
        }
    }
}

/// Returns whether an ordinary array could be mistaken for a tagged one.
fn is_escaped(items: &[Value]) -> bool {
    items.first().and_then(Value::as_str) == Some(TAG)
}

fn serialize_number<S: Serializer>(
    number: f64,
    form: Form,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    /// Below this every whole number is exact, and fits an `i64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    if number.is_nan() {
        (TAG, "nan").serialize(serializer)
    } else if number.is_infinite() {
        (TAG, if number > 0.0 { "inf" } else { "-inf" }).serialize(serializer)
    } else if form == Form::Canonical && number == 0.0 && number.is_sign_negative() {
        serializer.serialize_f64(number)
    } else if number.trunc() == number && number.abs() < EXACT {
        serializer.serialize_i64(number as i64)
    } else {
        serializer.serialize_f64(number)
    }
}

/// The elements of an array or a set.
struct Items<I>(I, Form);

impl<'a, I: ExactSizeIterator<Item = &'a Value> + Clone> Serialize for Items<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone().map(|value| Encoded { value, form: self.1 }))
    }
}

/// The entries of a map.
struct Entries<'a>(&'a Map, Form);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let encoded = |value| Encoded { value, form: self.1 };
        serializer.collect_seq(self.0.iter().map(|(key, value)| (encoded(key), encoded(value))))
    }
}

/// The fields of an object, without those that are undefined.
struct Fields<'a>(&'a Object, Form);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<_> = self.0.iter().filter(|(_, value)| !value.is_undefined()).collect();
        if self.1 == Form::Canonical {
            sort::sort_by(&mut fields, |(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        }
        serializer.collect_map(
            fields.into_iter().map(|(key, value)| (key, Encoded { value, form: self.1 })),
        )
    }
}

//! The value codec: what JSON cannot hold, in JSON (contract, section 1).
//!
//! Ordinary JSON is itself. Everything else is an array whose first element is the text
//! `$lunora.wire$`: `["$lunora.wire$","bigint","7"]`. The Worker passes arguments and results on
//! unread; this is for those who read or write them in Rust.
//!
//! ```
//! use lunora::wire::value::{Value, decode, encode};
//!
//! let value = decode(r#"{"id":["$lunora.wire$","bigint","9007199254740993"],"tags":[]}"#)?;
//! let id = value.get("id").and_then(Value::as_big_int).and_then(|id| id.to_i64());
//! assert_eq!(id, Some(9007199254740993));
//! assert_eq!(encode(&Value::from(f64::NAN))?, r#"["$lunora.wire$","nan"]"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where Rust and JavaScript differ
//!
//! - A number is a double, as in JavaScript: an integer beyond 2^53 is rounded. `BigInt` is exact.
//! - `-0` is written `0`: the wire has no other form for it.
//! - A string with half a surrogate pair, and a number beyond the doubles (`1e400`), are refused:
//!   Rust has no such strings, and JSON no such numbers.
//! - The keys of an object keep the order in which they were written.

mod canonical;
mod decode;
mod encode;
mod leaf;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

pub use self::{
    canonical::{stable_wire_key, subscription_key},
    decode::{DecodeError, decode},
    encode::{EncodeError, encode},
    leaf::{BigInt, Bytes, BytesKind, Date, NotABigInt},
};

/// What the first element of a tagged array is.
const TAG: &str = "$lunora.wire$";

/// How deep a value may nest: an element, field, entry or cause is one deeper than what holds it.
pub const MAX_DEPTH: usize = 64;

/// A value of the wire.
///
/// Two values are equal when they are written alike, with two exceptions of doubles: `NaN` equals
/// nothing, and `0` equals `-0`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A double, `NaN` and the infinities included.
    Number(f64),
    /// A text.
    String(String),
    /// An integer of any size.
    BigInt(BigInt),
    /// `undefined`. As a field of an object it is left out when it is written.
    Undefined,
    /// A time.
    Date(Date),
    /// An absolute URL.
    Url(url::Url),
    /// Entries in the order in which they were inserted.
    Map(Vec<(Value, Value)>),
    /// Members in the order in which they were inserted.
    Set(Vec<Value>),
    /// Bytes, and the JavaScript class that holds them.
    Bytes(Bytes),
    /// An error.
    Error(Box<ErrorValue>),
    /// A list.
    Array(Vec<Value>),
    /// Fields in the order in which they were written.
    Object(Vec<(String, Value)>),
}

/// An error of JavaScript, without its stack.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorValue {
    /// `name`, such as `TypeError`.
    pub name: String,
    /// `message`.
    pub message: String,
    /// Its own properties.
    pub properties: Vec<(String, Value)>,
    /// `cause`.
    pub cause: Option<Value>,
}

impl Value {
    /// A field of an object.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(name, _)| name == field).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The double of a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer of a `BigInt`.
    #[must_use]
    pub fn as_big_int(&self) -> Option<&BigInt> {
        match self {
            Self::BigInt(integer) => Some(integer),
            _ => None,
        }
    }

    /// The elements of a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<BigInt> for Value {
    fn from(integer: BigInt) -> Self {
        Self::BigInt(integer)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Self>) -> Self {
        Self::Array(elements)
    }
}

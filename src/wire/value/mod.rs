//! The value codec: the JSON form of JavaScript values on the wire.
//!
//! JSON has no bigint, date or map. The wire writes such a leaf as an array that starts with [`TAG`], and leaves
//! every other piece of JSON as it is. [`Value::from_wire`] and [`Value::to_wire`] go between that text and a
//! [`Value`]; [`Value::stable_wire_key`] gives the one text that equal values share.
//!
//! ```
//! use lunora::wire::value::{BigInt, Object, Value};
//!
//! let args = Value::from_wire(r#"{"room":"lobby","after":["$lunora.wire$","bigint","9007199254740993"]}"#)?;
//! assert_eq!(args.get("room").and_then(Value::as_str), Some("lobby"));
//! let after = args.get("after").and_then(Value::as_bigint).map(i64::try_from);
//! assert_eq!(after, Some(Ok(9007199254740993)));
//!
//! let reply = Object::from([("id", Value::from(7)), ("next", BigInt::from(8_u64).into())]);
//! assert_eq!(Value::from(reply).to_wire()?, r#"{"id":7,"next":["$lunora.wire$","bigint","8"]}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Nesting
//!
//! A value may lie inside at most [`MAX_DEPTH`] others; deeper is refused both ways. A level is a step from a value
//! to an array element, an object field, a map's key or value, a set's member, an error's own property or its cause.
//! How many brackets the wire spends on the step does not matter.
//!
//! # Where a reading is ours to choose
//!
//! - Numbers are `f64`, as in JavaScript: `9007199254740993` reads as `9007199254740992`. Use [`BigInt`] for exact
//!   integers. A number beyond the range of `f64` (`1e400`) is refused; JavaScript would read infinity.
//! - `-0` keeps its sign in memory and in the canonical text, and loses it on the wire, as it does in JavaScript.
//! - Object fields keep the order they were written in. A JavaScript engine moves keys such as `"7"` to the front.
//! - A string is Unicode text: the escape of a lone surrogate (`"\ud800"`) is refused.
//! - Base64 must be exactly what an encoder would write: padded, no spare bits, no whitespace.
//! - Elements after the ones a tag defines are ignored, so that a later version may add some.
//!
//! # Serde
//!
//! [`Value`] also implements `Serialize` and `Deserialize` in wire form, to sit inside a larger message, and so do
//! [`BigInt`], [`Date`], [`Map`], [`Set`], [`TypedBytes`] and [`Url`], as fields of a type of your own. There the
//! serializer chooses the text of a number (`serde_json` writes `1e21`, JavaScript `1e+21`), and `serde_json`'s own
//! limit of 128 brackets applies before ours when reading.

mod access;
mod bigint;
mod bytes;
mod canonical;
mod collections;
mod date;
mod decode;
mod depth;
mod encode;
mod error_value;
#[cfg(feature = "shard")]
pub(crate) mod exact;
pub(crate) mod integers;
mod json;
mod leaf;
mod number;
mod object;
mod path;
mod refusal;
mod same_value_zero;
#[cfg(feature = "schema")]
mod schema;
pub(crate) mod surrogate;
#[cfg(feature = "shard")]
mod texts;
mod url;

#[cfg(test)]
mod limits;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rules;

pub use self::url::{Url, UrlError};
pub use bigint::{BigInt, BigIntError};
pub use bytes::{BytesKind, BytesLengthError, TypedBytes};
pub use canonical::subscription_key;
pub use collections::{Map, Set};
pub use date::Date;
pub use encode::EncodeError;
pub use error_value::ErrorValue;
pub use object::Object;
pub use path::Path;
pub use refusal::{DecodeError, Rule};

macro_rules! tag {
    () => {
        "$lunora.wire$"
    };
}

/// The first element of every tagged array.
pub const TAG: &str = tag!();

/// The tagged array of `undefined`.
#[cfg(feature = "shard")]
pub(crate) const UNDEFINED: &str = concat!("[\"", tag!(), "\",\"undefined\"]");

/// The maximum number of values that may enclose a value.
pub const MAX_DEPTH: usize = 64;

/// A JavaScript value that can cross the wire.
///
/// Equality is by content and in order, with numbers compared as `f64`: NaN differs from itself, `-0` equals `0`. Two
/// objects with the same fields in another order differ; compare their [`stable_wire_key`](Value::stable_wire_key)
/// where order should not count.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, which may be NaN or infinite.
    Number(f64),
    /// Text.
    String(String),
    /// An integer of any size.
    BigInt(BigInt),
    /// `undefined`. An object field that holds it is not written.
    Undefined,
    /// A point in time.
    Date(Date),
    /// An absolute URL.
    Url(Url),
    /// A `Map`.
    Map(Map),
    /// A `Set`.
    Set(Set),
    /// An `ArrayBuffer` or a typed array.
    Bytes(TypedBytes),
    /// An `Error`.
    Error(Box<ErrorValue>),
    /// An array.
    Array(Vec<Value>),
    /// A plain object.
    Object(Object),
}

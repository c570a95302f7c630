//! A value that is looked up in an index.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{fields::CREATION_TIME, key::Key};
use crate::{
    shard::sql::SqlValue,
    wire::value::{BigInt, Date, TypedBytes},
};

/// A value that is looked up in an index, or bounds it.
///
/// Types are distinct: `true` is not 1, and a [`Date`] is not its number of milliseconds. Documents
/// come in the order of types: `null` and absent fields first, then numbers, strings, booleans,
/// dates, big integers, bytes, other values of the wire (URLs, maps, sets, errors), lists, objects.
/// Within a type they come by value; the last four by their JSON text. NaN is as `null`, and an
/// invalid date comes before all others.
///
/// ```
/// use lunora::shard::IndexValue;
/// use lunora::wire::value::Date;
///
/// assert_ne!(IndexValue::from(true), IndexValue::from(1));
/// assert_ne!(IndexValue::from(Date::from_millis(5.0)), IndexValue::from(5));
/// assert_eq!(IndexValue::from(None::<&str>), IndexValue::from(f64::NAN));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IndexValue(SqlValue);

impl IndexValue {
    /// Returns the key of `field` that SQLite compares.
    pub(super) fn key_of(&self, field: &str) -> SqlValue {
        match &self.0 {
            // SQLite would turn a text into a number to compare it with a column of numbers. A blob
            // also sorts behind every number, and is not converted.
            SqlValue::Text(text) if field == CREATION_TIME => {
                SqlValue::Blob(text.clone().into_bytes())
            }
            key => key.clone(),
        }
    }
}

impl From<SqlValue> for IndexValue {
    /// Converts a blob into bytes.
    fn from(value: SqlValue) -> Self {
        match value {
            SqlValue::Real(real) if real.is_nan() => Self(SqlValue::Null),
            SqlValue::Blob(bytes) => Self::from(bytes),
            value => Self(value),
        }
    }
}

macro_rules! from {
    ($($source:ty)*) => {$(
        impl From<$source> for IndexValue {
            fn from(value: $source) -> Self {
                SqlValue::from(value).into()
            }
        }
    )*};
}

from! { i8 i16 i32 i64 u8 u16 u32 f32 f64 &str &String String }

macro_rules! key {
    ($($source:ty => |$value:ident| $key:expr;)*) => {$(
        impl From<$source> for IndexValue {
            fn from($value: $source) -> Self {
                Self($key.into())
            }
        }
    )*};
}

key! {
    bool => |flag| Key::Bool(flag);
    Date => |date| Key::Date(date.millis());
    BigInt => |integer| Key::BigInt(integer.as_str());
    &BigInt => |integer| Key::BigInt(integer.as_str());
    TypedBytes => |bytes| Key::Bytes(&BASE64_STANDARD.encode(bytes.as_slice()));
    &TypedBytes => |bytes| Key::Bytes(&BASE64_STANDARD.encode(bytes.as_slice()));
    Vec<u8> => |bytes| Key::Bytes(&BASE64_STANDARD.encode(bytes));
    &[u8] => |bytes| Key::Bytes(&BASE64_STANDARD.encode(bytes));
}

impl<T: Into<IndexValue>> From<Option<T>> for IndexValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(SqlValue::Null), Into::into)
    }
}

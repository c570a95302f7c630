//! A value on its way into a statement.

use crate::platform::SqlCell;

/// A value that is bound in a statement or looked up in an index.
///
/// Integers stay integers, to the last digit; a flag is 0 or 1.
///
/// ```
/// use lunora::shard::SqlValue;
///
/// assert_eq!(SqlValue::from(true), SqlValue::Integer(1));
/// assert_eq!(SqlValue::from(None::<&str>), SqlValue::Null);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// `NULL`.
    Null,
    /// An integer.
    Integer(i64),
    /// A real. One that is not a number is `NULL`.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl SqlValue {
    /// Returns whether it must be written as `CAST(? AS INTEGER)` in the statement.
    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Integer(_))
    }

    /// Returns the value as the platform binds it without loss: an integer as its digits.
    pub(crate) fn to_cell(&self) -> SqlCell {
        match self {
            Self::Null => SqlCell::Null,
            Self::Integer(integer) => SqlCell::Text(integer.to_string()),
            Self::Real(real) if real.is_nan() => SqlCell::Null,
            Self::Real(real) => SqlCell::Number(*real),
            Self::Text(text) => SqlCell::Text(text.clone()),
            Self::Blob(bytes) => SqlCell::Blob(bytes.clone()),
        }
    }

    /// Returns the placeholder that binds it.
    pub(crate) fn placeholder(&self) -> &'static str {
        if self.is_integer() { "+CAST(? AS INTEGER)" } else { "?" }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $into:expr;)*) => {$(
        impl From<$source> for SqlValue {
            fn from($value: $source) -> Self {
                $into
            }
        }
    )*};
}

from! {
    bool => |flag| Self::Integer(flag.into());
    i8 => |integer| Self::Integer(integer.into());
    i16 => |integer| Self::Integer(integer.into());
    i32 => |integer| Self::Integer(integer.into());
    i64 => |integer| Self::Integer(integer);
    u8 => |integer| Self::Integer(integer.into());
    u16 => |integer| Self::Integer(integer.into());
    u32 => |integer| Self::Integer(integer.into());
    f32 => |real| Self::Real(real.into());
    f64 => |real| Self::Real(real);
    &str => |text| Self::Text(text.to_owned());
    &String => |text| Self::Text(text.clone());
    String => |text| Self::Text(text);
    Vec<u8> => |bytes| Self::Blob(bytes);
    &[u8] => |bytes| Self::Blob(bytes.to_vec());
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

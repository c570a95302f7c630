//! A value in SQLite.

/// A value in SQLite.
///
/// Integers arrive as numbers: beyond 2^53 the platform rounds them silently.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlCell {
    /// `NULL`.
    Null,
    /// An integer or a real.
    Number(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

macro_rules! from {
    ($($source:ty => |$value:ident| $into:expr;)*) => {$(
        impl From<$source> for SqlCell {
            fn from($value: $source) -> Self {
                $into
            }
        }
    )*};
}

from! {
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    u32 => |number| Self::Number(number.into());
    f64 => |number| Self::Number(number);
}

/// A number of milliseconds, or a count: both are below 2^53.
impl From<u64> for SqlCell {
    #[allow(clippy::cast_precision_loss, reason = "a time or a count is below 2^53")]
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl<T: Into<Self>> From<Option<T>> for SqlCell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

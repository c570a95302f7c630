//! The tagged values that hold no others.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{TAG, Value};

/// The largest distance from the epoch that a date can hold, in milliseconds.
const MAX_MILLIS: f64 = 8.64e15;

/// The longest decimal text of a big integer, sign included.
const MAX_DIGITS: usize = 1024;

/// An integer of any size, as its decimal text. Fields of `i64`, `u64`, `i128` and `u128` need no such type.
///
/// ```
/// use lunora_client::value::BigInt;
///
/// let big: BigInt = "-007".parse()?;
/// assert_eq!(big.as_str(), "-7");
/// assert_eq!(BigInt::from(u64::MAX).to_string(), "18446744073709551615");
/// # Ok::<(), lunora_client::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BigInt(Box<str>);

impl BigInt {
    /// Returns the decimal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BigInt {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, crate::Error> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        let is_decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_decimal || text.len() > MAX_DIGITS {
            return Err(crate::Error::Usage(format!(
                "invalid big integer: expected at most {MAX_DIGITS} decimal digits with an optional minus sign"
            )));
        }
        Ok(match digits.trim_start_matches('0') {
            "" => Self("0".into()),
            digits => Self(format!("{sign}{digits}").into()),
        })
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl From<$integer> for BigInt {
            fn from(integer: $integer) -> Self {
                Self(integer.to_string().into())
            }
        }
    )*};
}

integers!(i32 i64 i128 u32 u64 u128);

/// A point in time: whole milliseconds since 1970-01-01 UTC, or invalid.
///
/// ```
/// use lunora_client::value::Date;
///
/// assert_eq!(Date::from_millis(1_700_000_000_000.9).millis(), Some(1_700_000_000_000));
/// assert_eq!(Date::from_millis(f64::NAN).millis(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date(f64);

impl Date {
    /// Returns the date that `new Date(millis)` makes in JavaScript: truncated to a whole millisecond, and invalid
    /// beyond 8.64e15 either way.
    #[must_use]
    pub fn from_millis(millis: f64) -> Self {
        if millis.abs() <= MAX_MILLIS {
            // Adding zero turns -0 into 0.
            Self(millis.trunc() + 0.0)
        } else {
            Self(f64::NAN)
        }
    }

    /// Returns the milliseconds since the epoch, or `None` if the date is invalid.
    #[must_use]
    pub fn millis(self) -> Option<i64> {
        (!self.0.is_nan()).then_some(self.0 as i64)
    }
}

/// Binary data, and the name of the JavaScript type that holds it.
///
/// ```
/// use lunora_client::value::TypedBytes;
///
/// let bytes = TypedBytes::from(vec![1, 2, 3]);
/// assert_eq!((bytes.kind(), bytes.as_slice()), ("Uint8Array", &[1, 2, 3][..]));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypedBytes {
    data: Vec<u8>,
    kind: Option<Box<str>>,
}

impl TypedBytes {
    /// Returns the name of the JavaScript constructor.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Uint8Array")
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.data
    }

    /// Returns the bytes, without their kind.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.data
    }
}

impl From<Vec<u8>> for TypedBytes {
    /// Returns a `Uint8Array`.
    fn from(data: Vec<u8>) -> Self {
        Self { data, kind: None }
    }
}

/// An absolute URL, as its text. The deployment checks it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Url(Box<str>);

impl Url {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Url {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (TAG, "bigint", &*self.0).serialize(serializer)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.millis() {
            Some(millis) => (TAG, "date", millis).serialize(serializer),
            None => (TAG, "date", (TAG, "nan")).serialize(serializer),
        }
    }
}

impl Serialize for TypedBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = STANDARD.encode(&self.data);
        match &self.kind {
            Some(kind) => (TAG, "bytes", text, &**kind).serialize(serializer),
            None => (TAG, "bytes", text).serialize(serializer),
        }
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (TAG, "url", &*self.0).serialize(serializer)
    }
}

macro_rules! read {
    ($($type:ident from $tag:literal: $payload:pat => $read:expr;)+) => {$(
        impl $type {
            /// Reads the payload of the tag.
            pub(super) fn of(payload: &[serde_json::Value]) -> Option<Self> {
                match payload {
                    $payload => $read,
                    _ => None,
                }
            }
        }

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
    BigInt from "bigint": [serde_json::Value::String(digits), ..] => digits.parse().ok();
    Date from "date": [millis, ..] => match Value::of(millis.clone()) {
        Ok(Value::Number(millis)) => Some(Date::from_millis(millis)),
        _ => None,
    };
    TypedBytes from "bytes": [serde_json::Value::String(text), kind @ ..] => {
        let kind = kind.first().and_then(serde_json::Value::as_str);
        let kind = kind.filter(|kind| *kind != "Uint8Array").map(Into::into);
        STANDARD.decode(text).ok().map(|data| TypedBytes { data, kind })
    };
    Url from "url": [serde_json::Value::String(text), ..] => Some(Url(text.as_str().into()));
}

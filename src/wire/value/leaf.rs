//! The leaves that JSON lacks: integers, times and bytes.

use std::{borrow::Cow, fmt, str::FromStr};

/// An integer of any size, up to 1024 characters of decimal text.
///
/// ```
/// use lunora::wire::value::BigInt;
///
/// let big: BigInt = "-00170141183460469231731687303715884105729".parse()?;
/// assert_eq!(big.as_str(), "-170141183460469231731687303715884105729");
/// assert_eq!(BigInt::from(-7).to_i64(), Some(-7));
/// assert_eq!(big.to_i64(), None);
/// # Ok::<(), lunora::wire::value::NotABigInt>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BigInt(String);

impl BigInt {
    const MAX_CHARS: usize = 1024;

    /// Decimal text: no leading zeros, no `-0`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The integer, where it fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The integer, where it fits.
    #[must_use]
    pub fn to_i128(&self) -> Option<i128> {
        self.0.parse().ok()
    }
}

impl FromStr for BigInt {
    type Err = NotABigInt;

    fn from_str(text: &str) -> Result<Self, NotABigInt> {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        if text.len() > Self::MAX_CHARS
            || digits.is_empty()
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(NotABigInt);
        }
        let digits = digits.trim_start_matches('0');
        Ok(Self(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") }))
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(
            impl From<$integer> for BigInt {
                fn from(integer: $integer) -> Self {
                    Self(integer.to_string())
                }
            }
        )*
    };
}

from_integers!(i32, i64, i128, u32, u64, u128);

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no integer, or a longer one than the wire carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a bigint is decimal digits after an optional `-`, at most 1024 characters")]
pub struct NotABigInt;

/// A time: milliseconds since 1970, or invalid.
///
/// ```
/// use lunora::wire::value::Date;
///
/// assert_eq!(Date::from_ms(1.9).ms(), Some(1.0));
/// assert_eq!(Date::from_ms(f64::INFINITY).ms(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date(Option<f64>);

impl Date {
    const MAX_MS: f64 = 8.64e15;

    /// A time as JavaScript takes it: whole milliseconds, and invalid beyond 8.64e15 either way.
    #[must_use]
    pub fn from_ms(ms: f64) -> Self {
        // Adding zero makes 0 of -0.
        Self((ms.abs() <= Self::MAX_MS).then(|| ms.trunc() + 0.0))
    }

    /// The milliseconds; `None` for an invalid time.
    #[must_use]
    pub fn ms(self) -> Option<f64> {
        self.0
    }
}

/// Bytes, and the JavaScript class that holds them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bytes {
    bytes: Vec<u8>,
    kind: BytesKind,
}

impl Bytes {
    /// Bytes of `kind`; `None` when they do not fill whole elements of it.
    #[must_use]
    pub fn new(bytes: Vec<u8>, kind: BytesKind) -> Option<Self> {
        bytes.len().is_multiple_of(kind.element_bytes()).then_some(Self { bytes, kind })
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The class that holds them.
    #[must_use]
    pub fn kind(&self) -> BytesKind {
        self.kind
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, kind: BytesKind::Uint8Array }
    }
}

macro_rules! kinds {
    ($($Kind:ident $bytes:literal;)*) => {
        /// A JavaScript class that holds bytes.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum BytesKind {
            $(
                #[doc = concat!("`", stringify!($Kind), "`")]
                $Kind,
            )*
        }

        impl BytesKind {
            /// The class's name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Kind => stringify!($Kind),)*
                }
            }

            /// How many bytes one element takes.
            #[must_use]
            pub fn element_bytes(self) -> usize {
                match self {
                    $(Self::$Kind => $bytes,)*
                }
            }

            /// The class of this name; a name that nobody knows is forgotten.
            pub(super) fn of_name(name: &str) -> Self {
                match name {
                    $(stringify!($Kind) => Self::$Kind,)*
                    _ => Self::Uint8Array,
                }
            }
        }
    };
}

kinds! {
    Uint8Array 1;
    ArrayBuffer 1;
    Int8Array 1;
    Uint8ClampedArray 1;
    Int16Array 2;
    Uint16Array 2;
    Int32Array 4;
    Uint32Array 4;
    Float32Array 4;
    Float64Array 8;
    BigInt64Array 8;
    BigUint64Array 8;
}

/// A number as JavaScript writes it: `1e+21`, `0.1`, `-5`; and `-0` as `0`.
pub(super) fn number_text(number: f64) -> Cow<'static, str> {
    if number == 0.0 {
        return "0".into();
    }
    ryu_js::Buffer::new().format_finite(number).to_owned().into()
}

//! [`BigInt`]: an integer of any size, as decimal text.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest decimal text of a bigint, sign included.
const MAX_LENGTH: usize = 1024;

/// An integer of any size, kept as its decimal text.
///
/// It does no arithmetic; convert it to a Rust integer, or hand its text to a library that does. The text is the one
/// JavaScript prints: no leading zeros, no `-0`.
///
/// ```
/// use lunora::wire::value::BigInt;
///
/// let big: BigInt = "-00170141183460469231731687303715884105728".parse()?;
/// assert_eq!(big.as_str(), "-170141183460469231731687303715884105728");
/// assert_eq!(i128::try_from(&big)?, i128::MIN);
/// assert!(i64::try_from(&big).is_err());
/// # Ok::<(), lunora::wire::value::BigIntError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BigInt(Box<str>);

impl BigInt {
    /// Returns the decimal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BigInt {
    type Err = BigIntError;

    fn from_str(text: &str) -> Result<Self, BigIntError> {
        if text.len() > MAX_LENGTH {
            return Err(BigIntError::TooLong);
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BigIntError::NotDecimal);
        }
        Ok(match digits.trim_start_matches('0') {
            "" => Self("0".into()),
            digits => Self(format!("{sign}{digits}").into()),
        })
    }
}

impl TryFrom<&str> for BigInt {
    type Error = BigIntError;

    fn try_from(text: &str) -> Result<Self, BigIntError> {
        text.parse()
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

        impl TryFrom<&BigInt> for $integer {
            type Error = BigIntError;

            fn try_from(integer: &BigInt) -> Result<Self, BigIntError> {
                integer.0.parse().map_err(|_| BigIntError::OutOfRange)
            }
        }

        impl TryFrom<BigInt> for $integer {
            type Error = BigIntError;

            fn try_from(integer: BigInt) -> Result<Self, BigIntError> {
                Self::try_from(&integer)
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

/// The reason why a text is not a [`BigInt`], or a [`BigInt`] is not a Rust integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BigIntError {
    /// The text is not decimal digits with an optional minus sign.
    #[error("a bigint must be decimal digits with an optional minus sign")]
    NotDecimal,
    /// The text is longer than the wire allows.
    #[error("a bigint may be at most {MAX_LENGTH} characters long")]
    TooLong,
    /// The integer does not fit the requested type.
    #[error("the bigint does not fit the integer type asked for")]
    OutOfRange,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn reads_decimal_text_only() {
        for text in ["", "-", "+1", "1.0", "0x10", " 1", "1n", "1_000", "--1", "٣", "1e3"] {
            assert_eq!(BigInt::try_from(text), Err(BigIntError::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn refuses_more_than_1024_characters() {
        assert!(BigInt::try_from("9".repeat(1024).as_str()).is_ok());
        assert_eq!(BigInt::try_from("9".repeat(1025).as_str()), Err(BigIntError::TooLong));
        assert_eq!(
            BigInt::try_from(format!("-{}", "9".repeat(1024)).as_str()),
            Err(BigIntError::TooLong)
        );
    }

    #[test]
    fn has_one_text_per_integer() {
        for (text, canonical) in
            [("-0", "0"), ("000", "0"), ("007", "7"), ("-007", "-7"), ("10", "10")]
        {
            assert_eq!(BigInt::try_from(text).unwrap().as_str(), canonical);
        }
    }

    #[test]
    fn converts_within_range() {
        assert_eq!(u64::try_from(BigInt::from(u64::MAX)), Ok(u64::MAX));
        assert_eq!(i64::try_from(BigInt::from(i64::MIN)), Ok(i64::MIN));
        assert_eq!(i64::try_from(BigInt::from(u64::MAX)), Err(BigIntError::OutOfRange));
        assert_eq!(u64::try_from(BigInt::from(-1)), Err(BigIntError::OutOfRange));
    }
}

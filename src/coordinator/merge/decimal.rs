//! Decimal numbers in their written form, compared without rounding.

use std::cmp::Ordering;

use crate::wire::number;

/// A finite number: `0.digits * 10^magnitude`. Different spellings of a number have the same value
/// here; only the sign of a zero is kept separately.
#[derive(Clone, Debug)]
pub(in crate::coordinator) struct Decimal {
    negative: bool,
    /// The digits without zeros at either end; empty for zero.
    digits: String,
    magnitude: i64,
}

impl Decimal {
    /// Parses the text of a JSON number, or of a `bigint`.
    pub(in crate::coordinator) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_start_matches('0');
        let leading_zeros = i64::try_from(all.len() - significant.len()).ok()?;
        let magnitude = i64::try_from(whole.len()).ok()? - leading_zeros;
        let digits = significant.trim_end_matches('0').to_owned();
        let magnitude = if digits.is_empty() { 0 } else { magnitude.saturating_add(exponent) };
        Some(Self { negative, digits, magnitude })
    }

    /// Returns the number as an integer, if it is one and not too large.
    pub(super) fn to_integer(&self) -> Option<i128> {
        let magnitude = usize::try_from(self.magnitude).ok()?;
        let zeros = magnitude.checked_sub(self.digits.len())?;
        if magnitude > 39 {
            return None;
        }
        let sign = if self.negative { "-" } else { "" };
        [sign, "0", &self.digits, &"0".repeat(zeros)].concat().parse().ok()
    }

    /// Returns the nearest number of JavaScript; infinite if the value is too large.
    pub(super) fn to_f64(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        let (digits, magnitude) = (&self.digits, self.magnitude);
        // Such a text is always a number.
        number::parse(&format!("{sign}0.{digits}0e{magnitude}")).unwrap_or_default()
    }

    fn signum(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

/// Saturates far beyond every number, so that a sum with a text's length does not overflow.
fn parse_exponent(text: &str) -> Option<i64> {
    const FARTHEST: i64 = i64::MAX / 4;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = digits.parse().unwrap_or(FARTHEST).min(FARTHEST);
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

/// Compares by value: zero has no sign here.
impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.signum().cmp(&other.signum()).then_with(|| {
            let size =
                self.magnitude.cmp(&other.magnitude).then_with(|| self.digits.cmp(&other.digits));
            if self.signum() < 0 { size.reverse() } else { size }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

/// Writes the number as JavaScript does, but with all its digits.
impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = &*self.digits;
        if self.negative {
            f.write_str("-")?;
        }
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        match usize::try_from(self.magnitude) {
            _ if digits.is_empty() => f.write_str("0"),
            Ok(point) if point > 0 && point <= 21 => {
                if self.magnitude >= length {
                    write!(f, "{digits}{}", "0".repeat(point - digits.len()))
                } else {
                    write!(f, "{}.{}", &digits[..point], &digits[point..])
                }
            }
            _ if self.magnitude > -6 && self.magnitude <= 0 => {
                let zeros = usize::try_from(-self.magnitude).unwrap_or_default();
                write!(f, "0.{}{digits}", "0".repeat(zeros))
            }
            _ => {
                let (first, rest) = digits.split_at(1);
                let point = if rest.is_empty() { "" } else { "." };
                write!(f, "{first}{point}{rest}e{:+}", self.magnitude - 1)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn is_written_as_javascript_writes_numbers() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "-0"),
            ("0.00", "0"),
            ("1.50", "1.5"),
            ("100", "100"),
            ("1e2", "100"),
            ("1E+20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("123e20", "1.23e+22"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("-12.5e-8", "-1.25e-7"),
            ("9007199254740993", "9007199254740993"),
            ("1e99999999999999999999", "1e+2305843009213693951"),
        ] {
            assert_eq!(decimal(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn one_number_has_many_texts() {
        for text in ["1", "1.0", "1e0", "10e-1", "0.1E1", "0.01e+2", "001"] {
            assert_eq!(decimal(text), decimal("1"), "{text}");
        }
        assert!(decimal("9007199254740992") < decimal("9007199254740993"));
        assert!(decimal("-1e400") < decimal("-1e308"));
        assert_eq!(decimal("-0"), decimal("0"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "e1", "1e", "1e+", "+1", ".5", "1.x", "٣", "NaN", "1 "] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_floats(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (x, y) = (decimal(&format!("{a:e}")), decimal(&format!("{b}")));
            prop_assert_eq!(x.cmp(&y), a.partial_cmp(&b).unwrap());
            prop_assert_eq!(x.to_f64(), a);
            prop_assert_eq!(x.to_string().parse::<f64>().unwrap(), a);
        }

        #[test]
        fn agrees_with_integers(a in any::<i128>(), b in any::<i128>()) {
            let (x, y) = (decimal(&a.to_string()), decimal(&b.to_string()));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.to_integer(), Some(a));
        }

        #[test]
        fn never_panics(text in ".*|-?[0-9.]{0,20}[eE][+-]?[0-9]{0,30}") {
            if let Some(decimal) = Decimal::parse(&text) {
                let _ = (decimal.to_integer(), decimal.to_f64());
            }
        }
    }
}

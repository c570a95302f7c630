//! Numbers as texts: as JSON has them, and as JavaScript prints them.
//!
//! Both directions stand on `serde_json`, which every Worker contains: the parser of the standard
//! library and a second printer would each bring a table of powers.

use serde_json::value::RawValue;

/// Reads a number of JSON. One that is too large for a double is infinite, as in JavaScript.
///
/// Returns `None` for another text, or another value of JSON.
pub(crate) fn parse(json: &str) -> Option<f64> {
    if let Ok(number) = serde_json::from_str(json) {
        return Some(number);
    }
    // `serde_json` refuses what is too large.
    let raw: &RawValue = serde_json::from_str(json).ok()?;
    match raw.get().as_bytes().first()? {
        b'-' => Some(f64::NEG_INFINITY),
        b'0'..=b'9' => Some(f64::INFINITY),
        _ => None,
    }
}

/// Returns the text that JavaScript prints for a finite number, except that the sign of zero stays.
///
/// `serde_json` finds the same digits (ECMA-262, `Number::toString`). Where it writes an exponent, the
/// point may have to move; elsewhere only the `.0` of a whole number is too much.
pub(crate) fn to_javascript(number: f64) -> String {
    // A finite number can always be written.
    let mut text = serde_json::to_string(&number).unwrap_or_default();
    if let Some((mantissa, exponent)) = text.split_once('e') {
        return with_exponent(mantissa, exponent.parse().unwrap_or(0));
    }
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    text
}

/// Writes `mantissa`, which has one digit before the point, times a power of ten.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |text| ("-", text));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    match exponent {
        // A double has at most 17 digits, and an exponent from 16 on.
        0..=20 => {
            let missing = exponent - i32::try_from(rest.len()).unwrap_or(i32::MAX);
            [sign, first, rest, &zeros(missing)].concat()
        }
        -6..=-1 => [sign, "0.", &zeros(-exponent - 1), first, rest].concat(),
        _ => {
            let dot = if rest.is_empty() { "" } else { "." };
            let plus = if exponent > 0 { "+" } else { "" };
            [sign, first, dot, rest, "e", plus, &exponent.to_string()].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_double() -> impl Strategy<Value = f64> {
        let bits = any::<u64>().prop_map(f64::from_bits);
        // Half way between two shortest texts, and everyday numbers.
        let halves = (any::<u64>(), 0..12u32)
            .prop_map(|(n, shift)| (n >> 11) as f64 / f64::from(1 << shift));
        let everyday =
            (any::<i32>(), 0..6i32).prop_map(|(n, places)| f64::from(n) / 10f64.powi(places));
        prop_oneof![bits, halves, everyday].prop_filter("finite", |number| number.is_finite())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn prints_what_another_printer_of_javascript_prints(number in any_double()) {
            let mut buffer = ryu_js::Buffer::new();
            let expected = buffer.format_finite(number);
            let printed = to_javascript(number);
            let is_zero = number == 0.0;
            prop_assert_eq!(if is_zero { printed.trim_start_matches('-') } else { &printed }, expected);
        }

        #[test]
        fn reads_the_double_that_the_standard_library_reads(number in any_double(), digits in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,22})?") {
            prop_assert_eq!(parse(&to_javascript(number)).map(f64::to_bits), Some(number.to_bits()));
            let standard: Option<f64> = digits.parse().ok();
            prop_assert_eq!(parse(&digits).map(f64::to_bits), standard.map(f64::to_bits));
        }
    }

    #[test]
    fn reads_nothing_else() {
        for text in
            ["", "+1", ".5", "1.", "01", "inf", "NaN", "\"1\"", "[1]", "null", "1e", "true", "1 1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn prints_what_javascript_prints() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123456.789, "123456.789"),
            (9007199254740993.0, "9007199254740992"),
            // Half way between two shortest texts: the even digit.
            (202439168538452.0 + 0.125, "202439168538452.12"),
            (1e20, "100000000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
            (999999999999999900000.0, "999999999999999900000"),
            (1e21, "1e+21"),
            (-1.5e21, "-1.5e+21"),
            (0.00001, "0.00001"),
            (0.000001, "0.000001"),
            (0.0000012345, "0.0000012345"),
            (1e-7, "1e-7"),
            (-1.25e-7, "-1.25e-7"),
            (5e-324, "5e-324"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(to_javascript(number), text);
        }
    }
}

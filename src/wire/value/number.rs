//! The text JavaScript prints for a number.

use std::io;

use serde_json::ser::Formatter;

/// Prints numbers as JavaScript does. Everything else `serde_json` already prints that way.
pub(super) struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, number: f64) -> io::Result<()> {
        if number == 0.0 && number.is_sign_negative() {
            // JavaScript prints "0" here. Only the canonical text asks for this number.
            return writer.write_all(b"-0");
        }
        let mut buffer = ryu_js::Buffer::new();
        writer.write_all(buffer.format_finite(number).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

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
            let mut printed = Vec::new();
            JavaScript.write_f64(&mut printed, number).unwrap();
            assert_eq!(String::from_utf8(printed).unwrap(), text);
        }
    }
}

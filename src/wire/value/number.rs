//! The text JavaScript prints for a number.

use std::io;

use serde_json::ser::Formatter;

use crate::wire::number;

/// Prints numbers as JavaScript does. Everything else `serde_json` already prints that way.
///
/// JavaScript prints "0" for -0; only the canonical text asks for the sign.
pub(super) struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, number: f64) -> io::Result<()> {
        writer.write_all(number::to_javascript(number).as_bytes())
    }
}

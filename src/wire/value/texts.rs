//! Writes long texts without looking at each byte for what JSON escapes.

use std::{cell::RefCell, io};

use serde::Serializer;
use serde_json::ser::Formatter;

/// Texts from this length on are worth a look.
const LONG: usize = 64;

/// A text that a [`Texts`] is about to write.
#[derive(Default)]
pub(super) struct Next(RefCell<String>);

/// Writes as the compact formatter does, and in the place of an empty text what [`write_str`] left.
pub(super) struct Texts<'a>(pub(super) &'a Next);

/// Writes a text by a serializer over the [`Texts`] of `next`.
pub(super) fn write_str<S: Serializer>(
    serializer: S,
    text: &str,
    next: &Next,
) -> Result<S::Ok, S::Error> {
    if text.len() < LONG || !is_plain(text.as_bytes()) {
        return serializer.serialize_str(text);
    }
    text.clone_into(&mut next.0.borrow_mut());
    serializer.serialize_str("")
}

/// Whether JSON holds a text as it is.
fn is_plain(text: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let has_less = |bits: u64, than: u64| bits.wrapping_sub(LOW * than) & !bits & (LOW << 7) != 0;
    let is_plain = |eight: &[u8; 8]| {
        let bits = u64::from_ne_bytes(*eight);
        let has = |byte: u8| has_less(bits ^ (LOW * u64::from(byte)), 1);
        !has_less(bits, 0x20) && !has(b'"') && !has(b'\\')
    };
    let (eights, rest) = text.as_chunks::<8>();
    eights.iter().all(is_plain)
        && !rest.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
}

impl Texts<'_> {
    /// Writes the text that [`write_str`] left, and what the serializer writes itself.
    fn write<W: ?Sized + io::Write>(&self, writer: &mut W, own: &str) -> io::Result<()> {
        let mut next = self.0.0.borrow_mut();
        writer.write_all(next.as_bytes())?;
        next.clear();
        writer.write_all(own.as_bytes())
    }
}

/// Each of these gets a text of [`write_str`]: raw JSON comes as a text as well, and so may a number.
impl Formatter for Texts<'_> {
    fn end_string<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.write(writer, "\"")
    }

    fn write_number_str<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        number: &str,
    ) -> io::Result<()> {
        self.write(writer, number)
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.write(writer, fragment)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::wire::value) fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ -~\u{7f}äß漢💬]{50,90}",
            "[a-z\u{0}\u{1f}\"\\\\\n]{60,80}",
            ("[a-z]{56,80}", any::<char>(), "[a-z]{0,20}")
                .prop_map(|(before, char, after)| format!("{before}{char}{after}")),
        ]
    }

    proptest! {
        #[test]
        fn a_text_is_plain_if_json_has_it_as_it_is(text in text()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(is_plain(text.as_bytes()), json == format!("\"{text}\""));
        }
    }
}

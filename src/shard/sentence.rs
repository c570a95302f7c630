//! The message of a compile error, assembled at compile time.

/// A message of up to 2048 bytes.
pub(super) struct Sentence {
    bytes: [u8; 2048],
    length: usize,
}

impl Sentence {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; 2048], length: 0 }
    }

    /// Adds a text, if it fits.
    pub(super) const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        if self.length + text.len() > self.bytes.len() {
            return;
        }
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
    }

    pub(super) const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "the table has no such index",
        }
    }
}

/// Returns whether two texts are equal.
pub(super) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

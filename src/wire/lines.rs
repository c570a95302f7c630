//! Lines of NDJSON that arrives in pieces.

use memchr::memchr;

/// Cuts lines out of pieces, and counts them.
#[derive(Default)]
pub(crate) struct Lines {
    /// The beginning of the current line.
    begun: Vec<u8>,
    /// The number of lines that ended.
    ended: u64,
    too_long: bool,
}

/// A copy of a line, or the reason why it is skipped.
pub(crate) type Cut = Result<Vec<u8>, &'static str>;

impl Lines {
    /// A document of SQLite has 2 MB at most; escapes make its JSON longer.
    const MAX_LINE: usize = 16 * 1024 * 1024;

    /// Takes a piece, and passes on each line that ends in it, with its number; the first is 1.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        mut line: impl FnMut(u64, Result<&[u8], &'static str>),
    ) {
        let mut rest = piece;
        while let Some(end) = memchr(b'\n', rest) {
            let (text, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            if self.begun.is_empty() && !self.too_long && text.len() <= Self::MAX_LINE {
                // The whole line is in this piece: nothing to copy.
                self.ended += 1;
                line(self.ended, Ok(text));
            } else {
                self.begin(text);
                self.end(&mut line);
            }
        }
        self.begin(rest);
    }

    /// Passes on the last line, if no line break ended it.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(u64, Result<&[u8], &'static str>)) {
        if !self.begun.is_empty() || self.too_long {
            self.end(&mut line);
        }
    }

    /// Takes a piece, and returns a copy of each line that ends in it, for work that waits between
    /// lines.
    pub(crate) fn cut(&mut self, piece: &[u8]) -> Vec<Cut> {
        let mut cut = Vec::new();
        self.push(piece, |_, line| cut.push(line.map(<[u8]>::to_vec)));
        cut
    }

    /// Returns a copy of the last line, if no line break ended it.
    pub(crate) fn cut_rest(&mut self) -> Option<Cut> {
        let mut rest = None;
        self.finish(|_, line| rest = Some(line.map(<[u8]>::to_vec)));
        rest
    }

    /// Returns the number of the current line.
    pub(crate) fn number(&self) -> u64 {
        self.ended + 1
    }

    fn begin(&mut self, text: &[u8]) {
        if self.begun.len() + text.len() > Self::MAX_LINE {
            self.too_long = true;
            self.begun = Vec::new();
        }
        if !self.too_long {
            self.begun.extend_from_slice(text);
        }
    }

    fn end(&mut self, line: &mut impl FnMut(u64, Result<&[u8], &'static str>)) {
        self.ended += 1;
        if self.too_long {
            line(self.ended, Err("the line is longer than any row can be"));
        } else {
            line(self.ended, Ok(&self.begun));
        }
        self.begun.clear();
        self.too_long = false;
    }
}

/// Appends JSON without line breaks, which stand only between tokens, never in a string.
pub(crate) fn push_on_one_line(json: &str, lines: &mut Vec<u8>) {
    if json.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.extend(json.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    } else {
        lines.extend_from_slice(json.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &[u8], size: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::default();
        let mut cut = Vec::new();
        for piece in text.chunks(size) {
            lines.push(piece, |number, line| cut.push((number, line.ok().map(<[u8]>::to_vec))));
        }
        lines.finish(|number, line| cut.push((number, line.ok().map(<[u8]>::to_vec))));
        cut
    }

    proptest! {
        #[test]
        fn pieces_make_the_lines_of_the_whole(text in "[ab\n]{0,60}", size in 1usize..20) {
            let lines = text.lines().map(|line| Some(line.as_bytes().to_vec()));
            let expected: Vec<_> = (1..).zip(lines).collect();
            prop_assert_eq!(cut(text.as_bytes(), size), expected);
        }
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_counted() {
        let mut text = vec![b'x'; Lines::MAX_LINE + 1];
        text.extend_from_slice(b"\nshort");
        for size in [1024 * 1024, usize::MAX] {
            let lines = cut(&text, size.min(text.len()));
            assert_eq!(lines, [(1, None), (2, Some(b"short".to_vec()))]);
        }
    }
}

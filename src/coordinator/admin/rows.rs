//! Extracts the rows of an export while it arrives.

use memchr::memchr2;

use super::super::merge::Unmergeable;

/// Extracts the elements of `result.rows` from `{"result":{"rows":[…],…}}`, byte by byte as the
/// text arrives: the answer of a shard that returns everything at once need not fit into memory.
///
/// It only finds the boundaries. Each extracted row is valid JSON if a JSON parser accepts it, and
/// the remaining text, without the rows, is valid if [`finish`](Self::finish) accepts it.
#[derive(Default)]
pub(super) struct RowCutter {
    /// The text without its rows.
    skeleton: Vec<u8>,
    /// The current row.
    row: Vec<u8>,
    /// The number of rows that ended with a comma.
    commas: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string at this depth, which is a field's name if a colon follows.
    last_string: Vec<u8>,
    place: Place,
}

/// The progress along the path to the rows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Place {
    #[default]
    Outside,
    /// After `{"result":`.
    AtResult,
    InResult,
    /// After `{"result":{"rows":`.
    AtRows,
    InRows,
    /// After the rows.
    After,
}

impl RowCutter {
    /// Only a few fields remain without the rows.
    const MAX_SKELETON: usize = 64 * 1024;
    /// A document in SQLite has at most 2 MB; escapes make its JSON longer.
    const MAX_ROW: usize = 16 * 1024 * 1024;
    /// `result`, then `rows`.
    const DEPTH_OF_ROWS: usize = 3;

    /// Reads a piece of the text, and passes each row that ends in it to `row`.
    pub(super) fn push<E: From<Unmergeable>>(
        &mut self,
        piece: &[u8],
        mut row: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // The start of the text that was scanned but not kept yet.
        let mut from = 0;
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if self.in_string && !self.escaped {
                // In a string only its end matters.
                let rest = piece.get(at..).unwrap_or_default();
                let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                self.remember(rest.get(..end).unwrap_or_default());
                at += end;
                if end > 0 {
                    continue;
                }
            }
            let before = self.place;
            self.step(byte);
            let seen = piece.get(from..at).unwrap_or_default();
            match (before, self.place) {
                (Place::InRows, Place::InRows) => {
                    let ends_row =
                        byte == b',' && !self.in_string && self.depth == Self::DEPTH_OF_ROWS;
                    if ends_row {
                        self.keep_in_row(seen)?;
                        row(&self.row)?;
                        self.row.clear();
                        self.commas += 1;
                        from = at + 1;
                    }
                }
                (Place::InRows, _) => {
                    self.keep_in_row(seen)?;
                    if self.commas > 0 || !self.row.trim_ascii().is_empty() {
                        row(&self.row)?;
                    }
                    self.row.clear();
                    from = at;
                }
                (_, Place::InRows) => {
                    self.keep_in_skeleton(piece.get(from..=at).unwrap_or_default())?;
                    from = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        self.keep(piece.get(from..).unwrap_or_default())?;
        Ok(())
    }

    /// Returns the text without its rows, `{"result":{"rows":[],…}}`.
    pub(super) fn finish(self) -> Result<Vec<u8>, Unmergeable> {
        if self.place == Place::After { Ok(self.skeleton) } else { Err(Unmergeable("no `rows`")) }
    }

    /// Keeps text that does not contain a boundary.
    fn keep(&mut self, text: &[u8]) -> Result<(), Unmergeable> {
        if self.place == Place::InRows {
            self.keep_in_row(text)
        } else {
            self.keep_in_skeleton(text)
        }
    }

    fn keep_in_row(&mut self, text: &[u8]) -> Result<(), Unmergeable> {
        self.row.extend_from_slice(text);
        if self.row.len() > Self::MAX_ROW {
            return Err(Unmergeable("a row that is too large"));
        }
        Ok(())
    }

    fn keep_in_skeleton(&mut self, text: &[u8]) -> Result<(), Unmergeable> {
        self.skeleton.extend_from_slice(text);
        if self.skeleton.len() > Self::MAX_SKELETON {
            return Err(Unmergeable("something other than rows"));
        }
        Ok(())
    }

    /// Keeps the beginning of a string: the names that are looked for are short.
    fn remember(&mut self, text: &[u8]) {
        let room = 16usize.saturating_sub(self.last_string.len());
        self.last_string.extend(text.iter().take(room));
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            if self.in_string {
                self.remember(&[byte]);
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.last_string.clear();
            }
            b':' => self.name(),
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(),
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => {
                if matches!(self.place, Place::AtResult | Place::AtRows) && byte != b',' {
                    // `"result":null`: not the object that was expected.
                    self.place = self.before();
                }
            }
        }
    }

    fn name(&mut self) {
        match (self.place, self.depth, &*self.last_string) {
            (Place::Outside, 1, b"result") => self.place = Place::AtResult,
            (Place::InResult, 2, b"rows") => self.place = Place::AtRows,
            _ => {}
        }
    }

    fn open(&mut self, byte: u8) {
        self.depth += 1;
        match (self.place, byte) {
            (Place::AtResult, b'{') => self.place = Place::InResult,
            (Place::AtRows, b'[') => self.place = Place::InRows,
            (Place::AtResult | Place::AtRows, _) => self.place = self.before(),
            _ => {}
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        match self.place {
            Place::InRows if self.depth < Self::DEPTH_OF_ROWS => self.place = Place::After,
            Place::InResult if self.depth < 2 => self.place = Place::Outside,
            _ => {}
        }
    }

    fn before(&self) -> Place {
        if self.place == Place::AtRows { Place::InResult } else { Place::Outside }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Returns the rows and the rest, fed in pieces of `size` bytes.
    fn cut(text: &str, size: usize) -> Result<(Vec<Value>, Value), Unmergeable> {
        let mut cutter = RowCutter::default();
        let mut rows = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            cutter.push::<Unmergeable>(piece, |row| {
                rows.push(serde_json::from_slice(row).unwrap());
                Ok(())
            })?;
        }
        Ok((rows, serde_json::from_slice(&cutter.finish()?).unwrap()))
    }

    #[test]
    fn rows_come_out_and_the_rest_stays() {
        let text = r#"{ "result" : { "seq":7, "rows" : [ {"a":"]},"} , {"b":[{"rows":[1]}]} ], "cursor":null } }"#;
        let expected = (
            vec![json!({"a": "]},"}), json!({"b": [{"rows": [1]}]})],
            json!({"result": {"seq": 7, "rows": [], "cursor": null}}),
        );
        for size in [1, 2, 7, 1000] {
            assert_eq!(cut(text, size).unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn an_answer_without_rows_is_not_an_empty_one() {
        for text in [
            "{}",
            r#"{"result":null}"#,
            r#"{"result":{}}"#,
            r#"{"result":{"rows":null}}"#,
            r#"{"result":{"rows":{"0":{}}}}"#,
            r#"{"rows":[{}]}"#,
            r#"{"result":[{"rows":[{}]}]}"#,
            r#"{"a":{"result":{"rows":[{}]}}}"#,
            r#"{"result":{"a":{"rows":[{}]}}}"#,
            r#"{"result":{"rows":[{}"#,
            r#"{"a":"result","b":{"rows":[{}]}}"#,
        ] {
            assert!(cut(text, 3).is_err(), "{text}");
        }
    }

    #[test]
    fn a_row_that_never_ends_is_refused_in_time() {
        let mut cutter = RowCutter::default();
        let ignore = |_: &[u8]| Ok::<(), Unmergeable>(());
        cutter.push(br#"{"result":{"rows":[{"a":""#, ignore).unwrap();
        let piece = vec![b'x'; 1024 * 1024];
        let refused = (0..20).any(|_| cutter.push(&piece, ignore).is_err());
        assert!(refused);
        let refused = RowCutter::default().push(&vec![b' '; 100 * 1024], ignore);
        assert!(refused.is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_a_parser(
            docs in prop::collection::vec(".*", 0..5),
            before in ".*",
            size in 1usize..40,
        ) {
            let rows: Vec<Value> =
                docs.iter().map(|doc| json!({"table": "t", "doc": {doc.as_str(): [doc, {}]}})).collect();
            let text = json!({"result": {"a": before, "rows": rows, "z": [before]}}).to_string();
            let (cut_rows, rest) = cut(&text, size).unwrap();
            prop_assert_eq!(cut_rows, rows);
            prop_assert_eq!(rest, json!({"result": {"a": before, "rows": [], "z": [before]}}));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut cutter = RowCutter::default();
            let _ = cutter.push::<Unmergeable>(&bytes, |_| Ok(()));
            let _ = cutter.finish();
        }
    }
}

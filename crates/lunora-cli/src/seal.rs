//! The end line of an export, which proves that the export is complete.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The beginning of the end line.
const END: &[u8] = b"{\"$end\":";

#[derive(Deserialize)]
struct EndLine {
    #[serde(rename = "$end")]
    end: End,
}

#[derive(Deserialize)]
struct End {
    rows: u64,
    sha256: String,
}

/// Reads an export piece by piece.
#[derive(Default)]
pub(crate) struct SealCheck {
    hash: Sha256,
    rows: u64,
    /// The beginning of the line under way.
    begun: Vec<u8>,
    end: Option<End>,
    /// `true` if lines follow the end line.
    is_followed: bool,
}

/// The result of the check.
#[derive(Debug, PartialEq)]
pub(crate) enum Seal {
    /// The export is complete, and has this number of rows.
    Whole(u64),
    /// The end line is absent, as in exports of other clients.
    Absent,
    /// The lines before the end line are not the exported ones.
    Broken(String),
}

impl SealCheck {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let line = if self.begun.is_empty() && part.ends_with(b"\n") {
                part
            } else {
                self.begun.extend_from_slice(part);
                if !part.ends_with(b"\n") {
                    continue;
                }
                &self.begun
            };
            let end = Some(line).filter(|line| self.end.is_none() && line.starts_with(END));
            match end.and_then(|line| serde_json::from_slice(line).ok()) {
                Some(EndLine { end }) => self.end = Some(end),
                None => {
                    self.is_followed |= self.end.is_some();
                    self.hash.update(line);
                    self.rows += 1;
                }
            }
            self.begun.clear();
        }
    }

    pub(crate) fn finish(self) -> Seal {
        let Some(end) = self.end else { return Seal::Absent };
        if self.is_followed || !self.begun.is_empty() {
            return Seal::Broken("lines follow the end line".to_owned());
        }
        let digest = self.hash.finalize();
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.rows != end.rows {
            Seal::Broken(format!("expected {} rows, got {}", end.rows, self.rows))
        } else if sha256 != end.sha256 {
            Seal::Broken("the rows differ from the exported ones".to_owned())
        } else {
            Seal::Whole(end.rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, size: usize) -> Seal {
        let mut check = SealCheck::default();
        text.as_bytes().chunks(size).for_each(|piece| check.push(piece));
        check.finish()
    }

    #[test]
    fn accepts_what_was_exported_and_nothing_else() {
        let rows = "{\"table\":\"a\",\"doc\":{}}\n{\"table\":\"b\",\"doc\":{}}\n";
        let sha256: String =
            Sha256::digest(rows).iter().map(|byte| format!("{byte:02x}")).collect();
        let end = format!("{{\"$end\":{{\"rows\":2,\"sha256\":\"{sha256}\"}}}}\n");
        for size in [1, 7, 1000] {
            assert_eq!(check(&format!("{rows}{end}"), size), Seal::Whole(2));
            assert_eq!(check(rows, size), Seal::Absent);
            assert_eq!(check("", size), Seal::Absent);
            let first = rows.split_inclusive('\n').next().unwrap_or_default();
            for broken in [
                format!("{first}{end}"),
                format!("{}{end}", rows.replace('b', "c")),
                format!("{end}{rows}"),
                format!("{rows}{end}{first}"),
                format!("{rows}{end}more"),
            ] {
                assert!(matches!(check(&broken, size), Seal::Broken(_)), "{broken}");
            }
        }
    }
}

//! The contents of a shard, in a form in which two states can be compared.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sort;
use crate::wire::{
    COMMIT_SEQ,
    client_line::{ClientLine, Reply, Watermark},
};

/// The rows and the client state of one shard. Rows may come in any order.
#[derive(Default)]
pub(super) struct Contents {
    tables: BTreeMap<String, Fingerprint>,
    /// The digest of each row, while there are few enough to name the one that differs.
    rows: HashMap<(String, String), u128>,
    unnamed: bool,
    /// By the digest of the key: the number of a watermark, or the digest of a stored answer.
    clients: HashMap<u128, u128>,
}

/// The number of a table's rows, and the sum of their digests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Fingerprint {
    rows: u64,
    sum: u128,
}

impl Contents {
    /// The maximum number of rows of a shard that are known one by one, so that memory stays
    /// bounded.
    const MAX_NAMED: usize = 50_000;

    /// Adds a row. An invalid line is ignored here: the import rejects it.
    pub(super) fn add_row(&mut self, line: &[u8]) {
        #[derive(Deserialize)]
        struct Row {
            table: String,
            doc: Value,
        }

        let Ok(Row { table, mut doc }) = serde_json::from_slice(line) else { return };
        if let Value::Object(fields) = &mut doc {
            fields.remove(COMMIT_SEQ);
        }
        let id = doc.get("_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut text = String::new();
        write_canonical(&doc, &mut text);
        let digest = digest(&["row", &table, &text]);
        let fingerprint = self.tables.entry(table.clone()).or_default();
        fingerprint.rows += 1;
        fingerprint.sum = fingerprint.sum.wrapping_add(digest);
        if self.rows.len() >= Self::MAX_NAMED {
            self.unnamed = true;
            self.rows = HashMap::new();
        }
        if !self.unnamed {
            self.rows.insert((table, id), digest);
        }
    }

    /// Adds a watermark or a stored answer. The highest watermark of a client and the first answer
    /// under an id count, as in a restore.
    pub(super) fn add_client(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(ClientLine::Watermark(Watermark { user, client, seq })) => {
                let stands =
                    self.clients.entry(digest(&["watermark", &user, &client])).or_default();
                *stands = (*stands).max(seq.into());
            }
            Ok(ClientLine::Reply(Reply { namespace, id, body, ts })) => {
                let answer = digest(&["answer", &body, &ts.to_string()]);
                self.clients.entry(digest(&["reply", &namespace, &id])).or_insert(answer);
            }
            Err(_) => {}
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// Describes the first difference to what was read back.
    pub(super) fn difference(&self, found: &Self) -> Option<String> {
        let names = self.tables.keys().chain(found.tables.keys());
        for table in names {
            let of = |contents: &Self| contents.tables.get(table).copied().unwrap_or_default();
            let (expected, got) = (of(self), of(found));
            if expected != got {
                let row = self.differing_row(table, found).unwrap_or_default();
                return Some(format!(
                    "table `{table}`: {} rows were restored and {} read back{}{row}",
                    expected.rows,
                    got.rows,
                    if expected.rows == got.rows { ", with differences" } else { "" },
                ));
            }
        }
        if self.clients == found.clients {
            return None;
        }
        let same = self.clients.iter().filter(|(key, value)| found.clients.get(key) == Some(value));
        Some(format!(
            "{} watermarks and stored answers were restored, {} read back, {} of them as they were",
            self.clients.len(),
            found.clients.len(),
            same.count()
        ))
    }

    fn differing_row(&self, table: &str, found: &Self) -> Option<String> {
        if self.unnamed || found.unnamed {
            return None;
        }
        let missing = |from: &Self, other: &Self| {
            let differs = from.rows.iter().filter(|(key, digest)| {
                key.0 == table && other.rows.get(*key).is_none_or(|other| other != *digest)
            });
            differs.map(|((_, id), _)| id.clone()).min()
        };
        let id = missing(self, found).or_else(|| missing(found, self))?;
        Some(format!("; the first that differs is `{id}`"))
    }
}

/// Writes JSON with sorted keys, and integers in one form.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            sort::sort_by_key(&mut fields, |(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                write_text(name, text);
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => write_text(&float.to_string(), text),
            None => write_text(&number.to_string(), text),
        },
        Value::String(string) => {
            text.push('"');
            write_text(string, text);
        }
        Value::Null => text.push('n'),
        Value::Bool(value) => text.push(if *value { 't' } else { 'f' }),
    }
}

/// Writes a text after its length, so that no other value has the same form.
fn write_text(value: &str, text: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(text, "{}:{value}", value.len());
}

fn digest(parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.iter().take(16).fold(0, |digest, byte| (digest << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(lines: &[&str]) -> Contents {
        let mut contents = Contents::default();
        lines.iter().for_each(|line| contents.add_row(line.as_bytes()));
        contents
    }

    #[test]
    fn order_and_spelling_of_rows_make_no_difference() {
        let a = r#"{"table":"t","doc":{"_id":"1","n":2,"s":"é"}}"#;
        let same = r#"{"doc":{"s":"\u00e9","n":2.0,"_commitSeq":7,"_id":"1"},"table":"t"}"#;
        let b = r#"{"table":"t","doc":{"_id":"2"}}"#;
        assert_eq!(contents(&[a, b]).difference(&contents(&[b, same])), None);
    }

    #[test]
    fn a_row_that_differs_is_named() {
        let row = |text: &str| format!(r#"{{"table":"t","doc":{{"_id":"{text}","n":[1,2]}}}}"#);
        let whole = contents(&[&row("1"), &row("2")]);
        let altered = contents(&[&row("1"), &row("2").replace("[1,2]", "[12]")]);
        let message = whole.difference(&altered).unwrap_or_default();
        assert!(message.contains("`2`") && message.contains("with differences"), "{message}");
        let message = whole.difference(&contents(&[&row("2")])).unwrap_or_default();
        assert!(message.contains("1 read back; the first that differs is `1`"), "{message}");
    }
}

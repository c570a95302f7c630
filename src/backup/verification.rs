//! Compares a snapshot with its manifest, while its bytes are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Manifest, segments::Segments};
use crate::{
    coordinator::{ChangeLine, is_client_line},
    errors::LunoraError,
    platform::{Sha256Stream, hex},
    wire::lines::Lines,
};

/// The result of comparing a snapshot with its manifest.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// The id of the snapshot.
    pub id: String,
    /// `true` if everything matches.
    pub ok: bool,
    /// The differences.
    pub problems: Vec<String>,
    /// The number of bytes that were read.
    pub bytes: u64,
    /// The number of rows that were read.
    pub rows: u64,
    /// The SHA-256 of what was read.
    pub sha256: String,
}

/// The numbers of rows that were read, by table.
#[derive(Default)]
struct RowCounts {
    shards: BTreeMap<String, u64>,
    global: BTreeMap<String, u64>,
}

/// The part of a snapshot that was read.
pub(super) struct Reading {
    hash: Sha256Stream,
    segments: Segments,
    bytes: u64,
    lines: Lines,
    rows: RowCounts,
    changes: u64,
    /// The number of watermarks and stored answers.
    clients: u64,
    /// The first line of another kind.
    no_row: Option<u64>,
}

impl Reading {
    pub(super) fn of(manifest: &Manifest) -> Result<Self, LunoraError> {
        let (hash, segments) = (Sha256Stream::new()?, Segments::of(manifest)?);
        let (lines, rows) = (Lines::default(), RowCounts::default());
        Ok(Self { hash, segments, bytes: 0, lines, rows, changes: 0, clients: 0, no_row: None })
    }

    pub(super) async fn add(&mut self, piece: &[u8]) -> Result<(), LunoraError> {
        self.hash.update(piece).await?;
        self.segments.add(piece).await?;
        self.bytes += piece.len() as u64;
        let Self { lines, rows, changes, clients, no_row, .. } = self;
        lines.push(piece, |number, line| count(number, line, rows, (changes, clients), no_row));
        Ok(())
    }

    pub(super) fn end(&mut self) {
        let Self { lines, rows, changes, clients, no_row, .. } = self;
        lines.finish(|number, line| count(number, line, rows, (changes, clients), no_row));
    }

    pub(super) async fn into_verification(
        self,
        manifest: &Manifest,
        missing: Option<String>,
    ) -> Result<Verification, LunoraError> {
        let total = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let rows = total(&self.rows.shards).saturating_add(total(&self.rows.global));
        let sha256 = hex(&self.hash.finish().await?);
        let mut problems = Vec::from_iter(missing);
        if problems.is_empty() {
            let mut expect = |agrees: bool, problem: String| {
                if !agrees {
                    problems.push(problem);
                }
            };
            let expected = &manifest.bytes;
            expect(
                self.bytes == *expected,
                format!("{expected} bytes were written, {} read", self.bytes),
            );
            match &manifest.sha256 {
                Some(written) => expect(*written == sha256, "the SHA-256 differs".to_owned()),
                None if !manifest.segments.is_empty() => {
                    expect(
                        self.segments.are_whole(),
                        "the SHA-256 of a segment differs".to_owned(),
                    );
                }
                None => expect(false, "the manifest has no SHA-256 to compare with".to_owned()),
            }
            if let Some(line) = self.no_row {
                expect(false, format!("line {line} is not a row"));
            }
            let expected = &manifest.rows;
            expect(rows == *expected, format!("{expected} rows were written, {rows} read"));
            let expected = &manifest.changes;
            expect(
                self.changes == *expected,
                format!("{expected} changes were written, {} read", self.changes),
            );
            let expected = manifest.watermarks.saturating_add(manifest.replies);
            expect(
                self.clients == expected,
                format!(
                    "{expected} watermarks and stored answers were written, {} read",
                    self.clients
                ),
            );
            let by_table =
                manifest.rows_by_table.is_empty() || manifest.rows_by_table == self.rows.shards;
            expect(by_table, "the tables of the rows differ".to_owned());
            let mut global = manifest.global.clone().unwrap_or_default().rows_by_table;
            global.retain(|_, rows| *rows > 0);
            expect(global == self.rows.global, "the rows of the global tables differ".to_owned());
        }
        let ok = problems.is_empty();
        let id = manifest.id.clone();
        Ok(Verification { id, ok, problems, bytes: self.bytes, rows, sha256 })
    }
}

/// Counts a row under its table, or a line of another kind.
fn count(
    number: u64,
    line: Result<&[u8], &'static str>,
    rows: &mut RowCounts,
    (changes, clients): (&mut u64, &mut u64),
    no_row: &mut Option<u64>,
) {
    #[derive(Deserialize)]
    struct Row {
        table: String,
        #[serde(default, rename = "global")]
        is_global: bool,
        #[serde(rename = "doc")]
        _doc: serde::de::IgnoredAny,
    }

    let line = line.unwrap_or_default();
    match serde_json::from_slice::<Row>(line).ok() {
        Some(row) => {
            let counts = if row.is_global { &mut rows.global } else { &mut rows.shards };
            match counts.get_mut(&row.table) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(row.table, 1);
                }
            }
        }
        None if serde_json::from_slice::<ChangeLine<'_>>(line).is_ok() => *changes += 1,
        None if is_client_line(line) => *clients += 1,
        None => {
            no_row.get_or_insert(number);
        }
    }
}

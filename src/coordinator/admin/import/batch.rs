//! Rows that go to one shard in one call.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{AdminCall, ShardAdmin, read},
    RowError,
};
use crate::{coordinator::ShardFailure, wire::ShardKey};

/// Rows that go to one shard in one call, as JSON text.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<u8>,
    /// The line of each row.
    lines: Vec<u64>,
    tables: BTreeSet<String>,
}

/// The result of a batch on a shard (docs/wire.md, "Operations of a shard").
#[derive(Deserialize)]
pub(super) struct Imported {
    pub(super) conflicts: u64,
    pub(super) errors: Vec<ImportedError>,
    pub(super) inserted: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
pub(super) struct ImportedError {
    code: String,
    pub(super) line: u64,
    message: String,
    #[serde(default)]
    table: String,
}

impl Batch {
    const MAX_ROWS: usize = 500;
    /// A shard accepts a body of at least 1 MiB; one row may be larger.
    const MAX_BYTES: usize = 768 * 1024;

    pub(super) fn push(&mut self, line: u64, table: &str, doc: &RawValue) {
        if !self.lines.is_empty() {
            self.rows.push(b',');
        }
        self.rows.extend_from_slice(b"{\"table\":");
        let name = serde_json::to_string(table).unwrap_or_default();
        self.rows.extend_from_slice(name.as_bytes());
        self.rows.extend_from_slice(b",\"doc\":");
        self.rows.extend_from_slice(doc.get().as_bytes());
        self.rows.push(b'}');
        self.lines.push(line);
        if !self.tables.contains(table) {
            self.tables.insert(table.to_owned());
        }
    }

    /// Returns the size in bytes.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= Self::MAX_ROWS || self.rows.len() >= Self::MAX_BYTES
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(String::as_str)
    }

    /// Returns the first and the last line.
    pub(super) fn lines(&self) -> (u64, u64) {
        let end = |line: Option<&u64>| line.copied().unwrap_or_default();
        (end(self.lines.first()), end(self.lines.last()))
    }

    /// Returns the line of the body that the shard calls `line`; it counts from 1.
    pub(super) fn line(&self, line: u64) -> u64 {
        let index = line.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.lines.get(index)).copied().unwrap_or(self.lines().0)
    }

    fn to_call(&self) -> AdminCall {
        let body = [
            br#"{"args":{"rows":["#,
            &*self.rows,
            br#"],"startLine":1},"functionPath":"__lunora_admin__:importShard"}"#,
        ];
        AdminCall { body: Bytes::from(body.concat()), repeatable: false }
    }
}

impl ShardAdmin {
    pub(super) async fn import_batch(
        &self,
        key: &ShardKey,
        batch: &Batch,
    ) -> Result<Imported, ShardFailure> {
        let answer = self.ask(key, &batch.to_call()).await?;
        read(key, &answer)
    }
}

impl From<ImportedError> for RowError {
    fn from(error: ImportedError) -> Self {
        let ImportedError { code, line, message, table } = error;
        Self { code, line, message, table }
    }
}

//! Rows that go to one shard in one call.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::{
    super::{AdminCall, ShardAdmin, read},
    RowError,
};
use crate::{
    coordinator::ShardFailure,
    errors::LunoraError,
    wire::{
        ShardKey,
        operation::{ImportShard, ImportShardAnswer, ImportShardArgs, ImportedError, Unfilled},
    },
};

/// Rows that go to one shard in one call, as JSON text.
#[derive(Default)]
pub(super) struct Batch {
    rows: String,
    /// The line of each row.
    lines: Vec<u64>,
    tables: BTreeSet<String>,
}

impl Batch {
    const MAX_ROWS: usize = 500;
    /// A shard accepts a body of at least 1 MiB; one row may be larger.
    const MAX_BYTES: usize = 768 * 1024;

    pub(super) fn push(&mut self, line: u64, table: &str, doc: &RawValue) {
        if !self.lines.is_empty() {
            self.rows.push(',');
        }
        self.rows.push_str("{\"table\":");
        let name = serde_json::to_string(table).unwrap_or_default();
        self.rows.push_str(&name);
        self.rows.push_str(",\"doc\":");
        self.rows.push_str(doc.get());
        self.rows.push('}');
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

    fn to_call(&self) -> Result<AdminCall, LunoraError> {
        let args = ImportShardArgs { rows: Unfilled::default(), start_line: Some(1) };
        AdminCall::filled::<ImportShard>(&args, &self.rows)
    }
}

impl ShardAdmin {
    pub(super) async fn import_batch(
        &self,
        key: &ShardKey,
        batch: &Batch,
    ) -> Result<ImportShardAnswer, ShardFailure> {
        let call = batch.to_call().map_err(|error| ShardFailure::logged(key, &error, false))?;
        let answer = self.ask(key, &call).await?;
        read::<ImportShard, _>(key, &answer)
    }
}

impl From<ImportedError> for RowError {
    fn from(error: ImportedError) -> Self {
        let ImportedError { code, line, message, table } = error;
        Self { code, line, message, table }
    }
}

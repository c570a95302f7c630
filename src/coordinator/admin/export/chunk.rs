//! The lines of an export, piece by piece.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    coordinator::merge::Unmergeable,
    errors::LunoraError,
    wire::{ShardKey, lines::push_on_one_line},
};

/// Some lines of one shard.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExportChunk {
    /// The key of the shard; that of the default shard if the rows are of a global table.
    pub shard_key: ShardKey,
    /// `true` if the rows are of a table that belongs to no shard: lines
    /// `{"table","global":true,"doc"}`, after those of every shard.
    pub global: bool,
    /// The rows as NDJSON, one `{"table","doc"}` per line, or `{"table","shardKey","doc"}` if
    /// requested; always whole lines. If requested, changes are lines
    /// `{"$change":{"seq","table","id","op","doc"?}}`: each replaces every earlier line of its
    /// document in the shard. With them come `{"$watermark":{"user","client","seq"}}` and
    /// `{"$reply":{"namespace","id","body","ts"}}`; a later watermark replaces an earlier one of
    /// its client.
    pub lines: Bytes,
    /// The number of lines that are changes. A chunk has lines of one kind: rows, changes, or
    /// client state.
    pub changes: u64,
    /// The number of lines that are watermarks.
    pub watermarks: u64,
    /// The number of lines that are stored answers.
    pub replies: u64,
    /// The number of rows per table.
    pub rows: BTreeMap<String, u64>,
    /// Set with the last chunk of the shard, which may have no rows.
    pub end_of_shard: Option<ShardExport>,
}

/// The state of a shard when its last row was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShardExport {
    /// Tables of the shard's database that are not part of the export: those created with SQL, and
    /// those that are not declared any more. A shard of another implementation does not report
    /// them.
    pub other_tables: Vec<String>,
    /// The position of the shard's change feed when its first page was read, or its last page if
    /// the changes between are part of the export; `None` if the shard does not report it. The feed
    /// from there on, applied to the export, gives the shard's later state.
    pub seq: Option<u64>,
    /// `true` if the rows and the changes are the shard's state at that sequence number.
    pub consistent: bool,
}

/// The lines of one piece.
#[derive(Default)]
pub(super) struct Rows {
    /// The field `"shardKey":…,`, if rows name their shard.
    shard: Vec<u8>,
    pub(super) lines: Vec<u8>,
    pub(super) counts: BTreeMap<String, u64>,
}

/// The problem of an answer: "answered with …".
pub(super) struct RowProblem(pub(super) String);

impl From<Unmergeable> for RowProblem {
    fn from(what: Unmergeable) -> Self {
        Self(what.to_string())
    }
}

impl Rows {
    pub(super) fn of(shard: Option<&ShardKey>) -> Result<Self, LunoraError> {
        let Some(key) = shard else { return Ok(Self::default()) };
        let mut shard = b"\"shardKey\":".to_vec();
        serde_json::to_writer(&mut shard, key.as_str()).map_err(LunoraError::internal)?;
        shard.push(b',');
        Ok(Self { shard, ..Self::default() })
    }

    pub(super) fn add(&mut self, row: &[u8]) -> Result<(), RowProblem> {
        #[derive(Deserialize)]
        struct Row<'a> {
            table: String,
            #[serde(borrow)]
            doc: &'a RawValue,
        }

        let row: Row<'_> = serde_json::from_slice(row)
            .map_err(|error| RowProblem(format!("an invalid row: {error}")))?;
        if !row.doc.get().starts_with('{') {
            return Err(RowProblem("a row whose `doc` is not an object".to_owned()));
        }
        self.lines.extend_from_slice(b"{\"table\":");
        // Serializing a string cannot fail.
        serde_json::to_writer(&mut self.lines, &row.table)
            .map_err(|e| RowProblem(e.to_string()))?;
        self.lines.push(b',');
        self.lines.extend_from_slice(&self.shard);
        self.lines.extend_from_slice(b"\"doc\":");
        push_on_one_line(row.doc.get(), &mut self.lines);
        self.lines.extend_from_slice(b"}\n");
        match self.counts.get_mut(&row.table) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(row.table, 1);
            }
        }
        Ok(())
    }
}

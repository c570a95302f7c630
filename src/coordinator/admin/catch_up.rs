//! The changes that were written to a shard while its rows were read.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminCall, ShardAdmin, read};
use crate::{
    errors::{Code, LunoraError},
    wire::{
        ShardKey,
        operation::{CdcSync, CdcSyncArgs, CdcSyncPage},
        paths::MAX_CHANGES,
    },
};

/// A line of a snapshot that replaces an earlier row:
/// `{"$change":{"seq","table","id","op","doc"?}}`.
#[derive(Deserialize, Serialize)]
pub(crate) struct ChangeLine<'a> {
    #[serde(borrow, rename = "$change")]
    pub(crate) change: RowChange<'a>,
}

/// The state of a document after a change; deleted if `doc` is absent.
#[derive(Deserialize, Serialize)]
pub(crate) struct RowChange<'a> {
    pub(crate) seq: u64,
    pub(crate) table: String,
    pub(crate) id: String,
    pub(crate) op: String,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) doc: Option<&'a RawValue>,
}

/// The changes between the first and the last page of a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchUp {
    /// The sequence number of the last change that was read.
    at: u64,
    /// The sequence number of the last page.
    to: u64,
}

/// A number of changes, as lines.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) lines: Vec<u8>,
    pub(super) count: u64,
}

impl CatchUp {
    const LIMIT: u64 = 1000;

    /// Selects the changes after `from`, up to and including `to`.
    ///
    /// # Errors
    /// 409 `CDC_LOG_TRIMMED` if the feed began again between the pages.
    pub(super) fn new(from: u64, to: u64) -> Result<Self, LunoraError> {
        if to < from {
            return Err(trimmed("the change log began again while the rows were read"));
        }
        Ok(Self { at: from, to })
    }

    pub(super) fn is_over(self) -> bool {
        self.at >= self.to
    }

    /// Reads the next changes.
    ///
    /// # Errors
    /// 409 `CDC_LOG_TRIMMED` if the log does not hold them any more; if the shard fails.
    pub(super) async fn next(
        &mut self,
        admin: &ShardAdmin,
        key: &ShardKey,
        tables: Option<&[String]>,
    ) -> Result<Changes, LunoraError> {
        let args = CdcSyncArgs { limit: Some(Self::LIMIT), since_seq: self.at, until_ts: None };
        let mut admin = admin.clone();
        let most = admin.coordinator.max_shard_bytes.max(MAX_CHANGES);
        admin.coordinator = admin.coordinator.max_shard_bytes(most);
        let fail = |failure: super::ShardFailure| {
            let status = failure.code.parse().map_or(503, |code: Code| code.status().as_u16());
            LunoraError::custom(failure.code, status, failure.message)
        };
        let answer = admin.ask(key, &AdminCall::of::<CdcSync>(&args)?).await;
        let answer = answer.map_err(fail)?;
        let page = read::<CdcSync, CdcSyncPage<Vec<RowChange<'_>>>>(key, &answer);
        let CdcSyncPage { changes, cursor } = page.map_err(fail)?;
        if cursor <= self.at {
            let message = "answered with changes whose cursor does not advance";
            return Err(LunoraError::new(Code::ShardError, message));
        }
        self.at = cursor;
        let mut page = Changes::default();
        for change in changes.into_iter().filter(|change| change.seq <= self.to) {
            if tables.is_none_or(|tables| tables.contains(&change.table)) {
                page.push(change)?;
            }
        }
        Ok(page)
    }
}

impl Changes {
    fn push(&mut self, mut change: RowChange<'_>) -> Result<(), LunoraError> {
        match (change.op == "delete", change.doc) {
            (true, _) => change.doc = None,
            (false, Some(doc)) if doc.get().starts_with('{') => {}
            (false, _) => return Err(trimmed("the change log has a change without its document")),
        }
        let line = serde_json::to_vec(&ChangeLine { change }).map_err(LunoraError::internal)?;
        // JSON text contains line breaks only between tokens.
        self.lines.extend(line.into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        self.lines.push(b'\n');
        self.count += 1;
        Ok(())
    }
}

fn trimmed(message: &'static str) -> LunoraError {
    LunoraError::new(Code::CdcLogTrimmed, message)
}

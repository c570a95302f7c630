//! The change log: every write of a document, in the order of their commits.

use std::cell::Cell;

use super::{
    db::store::{count, text, to_count},
    shard::Inner,
    tracking::{Change, ChangeOp},
};
use crate::{errors::LunoraError, platform::SqlCell};

/// The change log, and what is remembered of it while the object is awake.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    /// Writes since the log was last cut.
    since_trim: Cell<u64>,
    retention: Cell<Option<Option<u64>>>,
}

impl ChangeLog {
    /// How many rows the log keeps; all of them by default. (The TypeScript framework reads the
    /// same variable.)
    const RETENTION_VARIABLE: &'static str = "LUNORA_CDC_LOG_RETENTION";

    /// The log is cut once in so many writes, so that cutting costs each of them little.
    const TRIM_EVERY: u64 = 256;

    /// Notes a change, and tells how far the log is now.
    pub(crate) fn append(
        &self,
        shard: &Inner,
        now_ms: u64,
        change: &Change,
        document: Option<&str>,
    ) -> Result<u64, LunoraError> {
        let sql = "INSERT INTO \"_lunora_changes\"(\"table\",\"id\",\"op\",\"doc\",\"ts\") VALUES(?,?,?,?,?) RETURNING \"seq\"";
        let seq = shard.exec_value(
            sql,
            &[
                text(change.table),
                text(&change.id),
                text(change.op.as_str()),
                document.map_or(SqlCell::Null, text),
                count(now_ms),
            ],
        )?;
        let seq = to_count(seq.as_ref());
        self.trim(shard, seq)?;
        Ok(seq)
    }

    /// How far the log is; 0 before the first write. The last row is never cut.
    pub(crate) fn cursor(&self, shard: &Inner) -> Result<u64, LunoraError> {
        let seq = shard.exec_value("SELECT max(\"seq\") FROM \"_lunora_changes\"", &[])?;
        Ok(to_count(seq.as_ref()))
    }

    /// The first change that the log still has; none when it has none.
    pub(crate) fn first(&self, shard: &Inner) -> Result<Option<u64>, LunoraError> {
        let seq = shard.exec_value("SELECT min(\"seq\") FROM \"_lunora_changes\"", &[])?;
        Ok(seq.filter(|seq| *seq != SqlCell::Null).map(|seq| to_count(Some(&seq))))
    }

    fn trim(&self, shard: &Inner, seq: u64) -> Result<(), LunoraError> {
        let Some(keep) = self.retention(shard) else { return Ok(()) };
        self.since_trim.set(self.since_trim.get() + 1);
        if self.since_trim.get() < Self::TRIM_EVERY.min(keep) {
            return Ok(());
        }
        self.since_trim.set(0);
        let sql = "DELETE FROM \"_lunora_changes\" WHERE \"seq\"<=?";
        shard.exec(sql, &[count(seq.saturating_sub(keep))]).map(|_| ())
    }

    /// A positive number of rows; anything else keeps them all.
    fn retention(&self, shard: &Inner) -> Option<u64> {
        if let Some(retention) = self.retention.get() {
            return retention;
        }
        let variable = shard.host.var(Self::RETENTION_VARIABLE);
        let retention = variable.and_then(|rows| rows.trim().parse().ok()).filter(|rows| *rows > 0);
        self.retention.set(Some(retention));
        retention
    }
}

impl ChangeOp {
    pub(crate) fn from_wire(op: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete].into_iter().find(|known| known.as_str() == op)
    }
}

//! The change log: every write of a document, in the order of their commits.
//!
//! By default it keeps 64 MiB and seven days; `LUNORA_CDC_LOG_RETENTION` keeps a number of rows
//! instead. Its size is counted as it grows: a checkpoint in `_lunora_meta` has the bytes up to some
//! row, and only the rows after that are summed when the object wakes.

use std::cell::Cell;

use super::{
    database::{Database, count, text, to_count, to_text},
    tracking::{Change, ChangeOp},
};
use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
};

/// The change log, and its cached size while the object is awake.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    /// The size of the log up to its last row.
    size: Cell<Option<Size>>,
    /// The changes appended since the log was last cut.
    since_trim: Cell<Appended>,
    retention: Cell<Option<Retention>>,
    /// `true` if the database was over its limit at the last check.
    is_full: Cell<bool>,
}

/// The bytes of the log's rows up to the one numbered `seq`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Size {
    seq: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Appended {
    rows: u64,
    bytes: u64,
}

/// The part of the log that is kept.
#[derive(Clone, Copy, Debug)]
enum Retention {
    Rows(u64),
    Default,
    Everything,
}

/// The rows and bytes of the log, for `getMetrics`.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct LogSize {
    rows: u64,
    bytes: u64,
}

/// The size of a row without its texts, including its entry in the index.
const ROW_BYTES: u64 = 48;
/// The bytes of a row, as [`row_bytes`] counts them.
const ROW_BYTES_SQL: &str =
    "coalesce(octet_length(\"doc\"),0)+octet_length(\"id\")+octet_length(\"table\")+48";

impl ChangeLog {
    /// The number of rows that the log keeps, instead of the default bytes and age. Anything but a
    /// positive number keeps all of them. (The TypeScript framework reads the same variable.)
    const RETENTION_VARIABLE: &'static str = "LUNORA_CDC_LOG_RETENTION";
    /// The bytes that the log keeps by default.
    const MAX_BYTES: u64 = 64 * 1024 * 1024;
    /// The age of a change that the log keeps by default.
    const MAX_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

    /// The log is cut once per this many writes, or bytes, so that cutting costs each of them
    /// little.
    const TRIM_EVERY: u64 = 256;
    const TRIM_EVERY_BYTES: u64 = 1024 * 1024;
    /// The oldest rows are read in at most this many steps, of `TRIM_EVERY` rows each.
    const TRIM_STEPS: u32 = 32;

    /// The size of the database, in bytes, over which writes that add to it are refused.
    const LIMIT_VARIABLE: &'static str = "LUNORA_DATABASE_LIMIT";
    /// Nine tenths of the platform's limit per object.
    const DATABASE_LIMIT: u64 = 9_000_000_000;

    /// Records a change, and returns the position of the log after it.
    ///
    /// # Errors
    /// 507 `SHARD_FULL` for a document that grows while the database is over its limit; if the
    /// database fails.
    pub(crate) fn append(
        &self,
        database: &Database,
        now_ms: u64,
        change: &Change,
        document: Option<&str>,
    ) -> Result<u64, LunoraError> {
        self.check_room(database, change)?;
        let sql = "INSERT INTO \"_lunora_changes\"(\"table\",\"id\",\"op\",\"doc\",\"ts\") VALUES(?,?,?,?,?) RETURNING \"seq\"";
        let seq = database.exec_value(
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
        self.trim(database, seq, now_ms, row_bytes(change, document))?;
        Ok(seq)
    }

    /// Returns the position of the log; 0 before the first write. The last row is never cut.
    pub(crate) fn cursor(&self, database: &Database) -> Result<u64, LunoraError> {
        let seq = database.exec_value("SELECT max(\"seq\") FROM \"_lunora_changes\"", &[])?;
        Ok(to_count(seq.as_ref()))
    }

    /// Returns the first change that the log still has; `None` if it is empty.
    pub(crate) fn first(&self, database: &Database) -> Result<Option<u64>, LunoraError> {
        let seq = database.exec_value("SELECT min(\"seq\") FROM \"_lunora_changes\"", &[])?;
        Ok(seq.filter(|seq| *seq != SqlCell::Null).map(|seq| to_count(Some(&seq))))
    }

    /// Returns the rows and bytes of the log.
    pub(crate) fn size(&self, database: &Database) -> Result<LogSize, LunoraError> {
        let Some(first) = self.first(database)? else { return Ok(LogSize::default()) };
        let seq = self.cursor(database)?;
        let Size { bytes, .. } = self.size_at(database, seq, None)?;
        Ok(LogSize { rows: (seq + 1).saturating_sub(first), bytes })
    }

    /// Refuses a document that grows while the database is over its limit. The size is checked now
    /// and then, and with every write while the database is full.
    fn check_room(&self, database: &Database, change: &Change) -> Result<(), LunoraError> {
        let Appended { rows, .. } = self.since_trim.get();
        let limit = || {
            let limit = database.host().var(Self::LIMIT_VARIABLE);
            limit.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(Self::DATABASE_LIMIT)
        };
        if rows == 0 || self.is_full.get() {
            self.is_full.set(database.host().database_bytes() > limit());
        }
        let length =
            |document: &Option<std::rc::Rc<str>>| document.as_ref().map_or(0, |it| it.len());
        if !self.is_full.get() || length(&change.after) <= length(&change.before) {
            return Ok(());
        }
        let message = format!(
            "the shard's database is larger than {} bytes, and an object has at most 10 GB: delete documents, or spread them over more shards",
            limit()
        );
        Err(LunoraError::new(Code::ShardFull, message))
    }

    fn trim(
        &self,
        database: &Database,
        seq: u64,
        now_ms: u64,
        bytes: u64,
    ) -> Result<(), LunoraError> {
        let appended = self.since_trim.get();
        let appended = Appended { rows: appended.rows + 1, bytes: appended.bytes + bytes };
        self.since_trim.set(appended);
        let mut size = self.size_at(database, seq, Some(bytes))?;
        let retention = self.retention(database);
        let every = match retention {
            Retention::Rows(keep) => Self::TRIM_EVERY.min(keep),
            Retention::Default | Retention::Everything => Self::TRIM_EVERY,
        };
        if appended.rows < every && appended.bytes < Self::TRIM_EVERY_BYTES {
            return Ok(());
        }
        self.since_trim.set(Appended::default());
        match retention {
            Retention::Rows(keep) => {
                let last = seq.saturating_sub(keep);
                let sql = format!(
                    "SELECT sum({ROW_BYTES_SQL}) FROM \"_lunora_changes\" WHERE \"seq\"<=?"
                );
                let cut = database.exec_value(&sql, &[count(last)])?;
                size.bytes = size.bytes.saturating_sub(to_count(cut.as_ref()));
                self.delete_up_to(database, last)?;
            }
            Retention::Default => self.trim_by_size_and_age(database, &mut size, now_ms)?,
            Retention::Everything => {}
        }
        self.size.set(Some(size));
        let sql = "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('changes',?)";
        database.exec(sql, &[text(&format!("{} {}", size.seq, size.bytes))]).map(drop)
    }

    /// Cuts the oldest rows, and never the last. A long backlog is cut over several calls.
    fn trim_by_size_and_age(
        &self,
        database: &Database,
        size: &mut Size,
        now_ms: u64,
    ) -> Result<(), LunoraError> {
        let oldest = count(now_ms.saturating_sub(Self::MAX_AGE_MS));
        let sql = format!(
            "SELECT \"seq\",\"ts\"<?,{ROW_BYTES_SQL} FROM \"_lunora_changes\" WHERE \"seq\"<? ORDER BY \"seq\" LIMIT {}",
            Self::TRIM_EVERY
        );
        for _ in 0..Self::TRIM_STEPS {
            let rows = database.exec(&sql, &[oldest.clone(), count(size.seq)])?.rows;
            let mut cut = None;
            let mut whole = !rows.is_empty();
            for row in &rows {
                if to_count(row.get(1)) == 0 && size.bytes <= Self::MAX_BYTES {
                    whole = false;
                    break;
                }
                cut = Some(to_count(row.first()));
                size.bytes = size.bytes.saturating_sub(to_count(row.get(2)));
            }
            if let Some(cut) = cut {
                self.delete_up_to(database, cut)?;
            }
            if !whole {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the whole log, and its cached size.
    pub(crate) fn clear(&self, database: &Database) -> Result<(), LunoraError> {
        database.exec("DELETE FROM \"_lunora_changes\"", &[])?;
        database.exec("DELETE FROM \"_lunora_meta\" WHERE \"name\"='changes'", &[])?;
        self.size.set(None);
        self.since_trim.set(Appended::default());
        Ok(())
    }

    fn delete_up_to(&self, database: &Database, seq: u64) -> Result<(), LunoraError> {
        let sql = "DELETE FROM \"_lunora_changes\" WHERE \"seq\"<=?";
        database.exec(sql, &[count(seq)]).map(drop)
    }

    /// Returns the size up to the last row `seq`, which has just been `appended` if it is given.
    /// After a rollback the cached size belongs to rows that no longer exist, and is read again.
    fn size_at(
        &self,
        database: &Database,
        seq: u64,
        appended: Option<u64>,
    ) -> Result<Size, LunoraError> {
        let size = match (self.size.get(), appended) {
            (Some(size), Some(bytes)) if size.seq + 1 == seq => {
                Size { seq, bytes: size.bytes + bytes }
            }
            (Some(size), None) if size.seq == seq => size,
            _ => stored_size(database, seq)?,
        };
        self.size.set(Some(size));
        Ok(size)
    }

    fn retention(&self, database: &Database) -> Retention {
        if let Some(retention) = self.retention.get() {
            return retention;
        }
        let retention = match database.host().var(Self::RETENTION_VARIABLE) {
            None => Retention::Default,
            Some(rows) => match rows.trim().parse() {
                Ok(rows) if rows > 0 => Retention::Rows(rows),
                _ => Retention::Everything,
            },
        };
        self.retention.set(Some(retention));
        retention
    }
}

/// Reads the checkpoint, and sums the rows after it up to `seq`.
fn stored_size(database: &Database, seq: u64) -> Result<Size, LunoraError> {
    let sql = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='changes'";
    let stored = database.exec_value(sql, &[])?.and_then(to_text);
    let checkpoint = stored.as_deref().and_then(|stored| {
        let (seq, bytes) = stored.split_once(' ')?;
        Some(Size { seq: seq.parse().ok()?, bytes: bytes.parse().ok()? })
    });
    let checkpoint = checkpoint.filter(|checkpoint| checkpoint.seq <= seq).unwrap_or_default();
    let sql = format!("SELECT sum({ROW_BYTES_SQL}) FROM \"_lunora_changes\" WHERE \"seq\">?");
    let bytes = database.exec_value(&sql, &[count(checkpoint.seq)])?;
    Ok(Size { seq, bytes: checkpoint.bytes + to_count(bytes.as_ref()) })
}

fn row_bytes(change: &Change, document: Option<&str>) -> u64 {
    let texts = document.map_or(0, str::len) + change.id.len() + change.table.len();
    texts as u64 + ROW_BYTES
}

impl ChangeOp {
    pub(crate) fn from_wire(op: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete].into_iter().find(|known| known.as_str() == op)
    }
}

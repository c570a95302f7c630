//! Kept answers, so that a repeated write is not applied again.
//!
//! See docs/wire.md, "Calls in a shard". A mutation id counts within a namespace; the answer is kept in
//! the transaction of the write, for 24 hours.

use std::cell::Cell;

use super::{
    caller::Caller,
    database::{Database, count, text, to_text},
};
use crate::{
    errors::{Code, LunoraError},
    wire::Identity,
};

/// The round in which watermarks and answers are written. Each reading of them for a snapshot
/// begins a new one, and so finds the writes since the previous one (`admin/clients.rs`).
pub(crate) const ROUND_SQL: &str = "coalesce((SELECT CAST(\"value\" AS INTEGER) FROM \"_lunora_meta\" WHERE \"name\"='clientsRound'),0)";

/// The cached state of the kept answers while the object is awake.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    swept_at: Cell<u64>,
}

/// A write that a client may send again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Replay {
    namespace: String,
    id: String,
}

impl Replay {
    /// Returns the owner of an id: the user, the server, or an anonymous client. Without an owner
    /// an id is ignored.
    pub(crate) fn of(id: Option<&str>, client_id: Option<&str>, caller: &Caller) -> Option<Self> {
        let id = id.filter(|id| !id.is_empty())?.to_owned();
        let user = caller.identity.as_ref().and_then(Identity::user_id);
        // The prefixes keep a user who is called `anon:x` apart from the client `x`.
        let namespace = match (user, client_id.filter(|id| !id.is_empty())) {
            (Some(user), _) => format!("user:{user}"),
            (None, _) if caller.system => "system:".to_owned(),
            (None, Some(client)) => format!("anon:{client}"),
            (None, None) => return None,
        };
        Some(Self { namespace, id })
    }
}

impl Replay {
    /// Returns the write as one text, to count crashes by; `None` for one that is too long to be
    /// kept.
    pub(crate) fn key(&self) -> Option<String> {
        let key = format!("{}\n{}", self.namespace, self.id);
        (key.len() <= Self::LONGEST_KEY).then_some(key)
    }

    const LONGEST_KEY: usize = 1024;
}

impl Replies {
    const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
    /// The maximum size of a row in SQLite on the platform.
    const LONGEST_BODY: usize = 2 * 1024 * 1024;
    const SWEPT_EVERY_MS: u64 = 60 * 60 * 1000;

    /// Returns the body of the earlier answer, if this write was already done.
    pub(crate) fn find(
        &self,
        database: &Database,
        replay: &Replay,
        now_ms: u64,
    ) -> Result<Option<String>, LunoraError> {
        let sql = "SELECT \"body\" FROM \"_lunora_replies\" WHERE \"namespace\"=? AND \"id\"=? AND \"ts\">?";
        let oldest = count(now_ms.saturating_sub(Self::KEPT_MS));
        let body =
            database.exec_value(sql, &[text(&replay.namespace), text(&replay.id), oldest])?;
        Ok(body.and_then(to_text))
    }

    /// Stores the answer of a write.
    ///
    /// # Errors
    /// 413 `PAYLOAD_TOO_LARGE` for one that does not fit into a row; if the database fails.
    pub(crate) fn keep(
        &self,
        database: &Database,
        replay: &Replay,
        body: &str,
        now_ms: u64,
    ) -> Result<(), LunoraError> {
        // Before it is copied for the statement.
        if body.len() > Self::LONGEST_BODY {
            let message = format!(
                "the answer of a write with an id is too large to be stored: expected at most {} bytes, got {}; return it in pages",
                Self::LONGEST_BODY,
                body.len()
            );
            return Err(LunoraError::new(Code::PayloadTooLarge, message));
        }
        let sql = format!(
            "INSERT OR REPLACE INTO \"_lunora_replies\"(\"namespace\",\"id\",\"body\",\"ts\",\"round\") VALUES(?,?,?,?,{ROUND_SQL})"
        );
        let params = [text(&replay.namespace), text(&replay.id), text(body), count(now_ms)];
        database.exec(&sql, &params)?;
        self.sweep(database, now_ms)
    }

    /// Restores an answer that was given at `ts`. An existing one stays.
    pub(crate) fn restore(
        database: &Database,
        (namespace, id): (&str, &str),
        body: &str,
        ts: u64,
    ) -> Result<(), LunoraError> {
        let sql = format!(
            "INSERT OR IGNORE INTO \"_lunora_replies\"(\"namespace\",\"id\",\"body\",\"ts\",\"round\") VALUES(?,?,?,?,{ROUND_SQL})"
        );
        database.exec(&sql, &[text(namespace), text(id), text(body), count(ts)]).map(drop)
    }

    fn sweep(&self, database: &Database, now_ms: u64) -> Result<(), LunoraError> {
        if now_ms < self.swept_at.get().saturating_add(Self::SWEPT_EVERY_MS) {
            return Ok(());
        }
        self.swept_at.set(now_ms);
        let sql = "DELETE FROM \"_lunora_replies\" WHERE \"ts\"<=?";
        database.exec(sql, &[count(now_ms.saturating_sub(Self::KEPT_MS))]).map(|_| ())
    }
}

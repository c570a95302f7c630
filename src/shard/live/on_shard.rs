//! The shard as live queries see it.

use std::cell::OnceCell;

use serde_json::value::RawValue;

use super::{
    gate,
    interfaces::{At, LiveRun, LiveShard, Running, SocketHost},
};
use crate::{
    errors::{Code, LunoraError},
    log,
    shard::{
        Caller, Shard, admin,
        database::{count, text, to_text},
        tracking::Reads,
        watermarks::watermark,
    },
    wire::{Identity, paths},
};

/// A shard, for the time of one event.
pub(crate) struct OnShard<'a, H> {
    shard: &'a Shard,
    host: &'a H,
    /// `true` if any client numbers its writes.
    numbered: OnceCell<bool>,
}

impl<'a, H: SocketHost> OnShard<'a, H> {
    /// The admin operations that read.
    const ADMIN_READS: [&'static str; 4] =
        ["getMetrics", "listTables", "migrationStatus", "readTablePage"];

    pub(crate) fn new(shard: &'a Shard, host: &'a H) -> Self {
        Self { shard, host, numbered: OnceCell::new() }
    }

    /// Returns the name of this history of the shard: cursors of another history are meaningless
    /// here.
    fn epoch(&self) -> Result<String, LunoraError> {
        let inner = &self.shard.inner;
        inner.open()?;
        let stored = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='epoch'";
        if let Some(epoch) = inner.state.database.exec_value(stored, &[])?.and_then(to_text) {
            return Ok(epoch);
        }
        self.new_epoch()
    }

    fn new_epoch(&self) -> Result<String, LunoraError> {
        let inner = &self.shard.inner;
        let epoch = inner.state.random.document_id(inner.state.host().now_ms());
        let store = "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('epoch',?)";
        inner.state.database.exec(store, &[text(&epoch)])?;
        Ok(epoch)
    }

    fn admin(&self, path: &str, args: &RawValue) -> Result<Box<RawValue>, LunoraError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            result: Box<RawValue>,
        }

        let inner = &self.shard.inner;
        let op = path.strip_prefix(paths::ADMIN_PREFIX).unwrap_or(path);
        if !Self::ADMIN_READS.contains(&op) {
            let message = format!("the admin operation `{op}` cannot be subscribed to");
            return Err(LunoraError::new(Code::UnknownAdminOp, message));
        }
        let token = admin::admin_token(&**inner.state.host());
        let bearer = token.as_ref().map(crate::wire::AdminToken::expose);
        // An unauthorized caller runs no statement, not even those that create the tables.
        let operation = admin::find(inner, op, bearer)?;
        inner.open()?;
        let answer = admin::run(inner, operation, args.get())?;
        let Answer { result } = serde_json::from_str(&answer).map_err(LunoraError::internal)?;
        Ok(result)
    }

    /// Returns whether a table was written after `seq`, as far as the log reaches back.
    fn touched_since(&self, seq: u64, reads: &Reads) -> Result<bool, LunoraError> {
        let inner = &self.shard.inner;
        let first = inner.state.changes.first(&inner.state.database)?;
        if first.is_some_and(|first| seq + 1 < first) {
            return Ok(true);
        }
        let Some(tables) = reads.tables() else {
            return Ok(seq < inner.state.changes.cursor(&inner.state.database)?);
        };
        for table in tables {
            let sql = "SELECT 1 FROM \"_lunora_changes\" WHERE \"table\"=? AND \"seq\">? LIMIT 1";
            if inner.state.database.exec_value(sql, &[text(table), count(seq)])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn last(&self, caller: &Caller, client: &str) -> Result<Option<u64>, LunoraError> {
        let inner = &self.shard.inner;
        if self.numbered.get().is_none() {
            let any = inner
                .state
                .database
                .exec_value("SELECT 1 FROM \"_lunora_watermarks\" LIMIT 1", &[])?;
            let _ = self.numbered.set(any.is_some());
        }
        if self.numbered.get() == Some(&false) {
            return Ok(None);
        }
        let user = caller.identity.as_ref().and_then(Identity::user_id).unwrap_or_default();
        Ok(Some(watermark(&inner.state.database, user, client)?).filter(|seq| *seq > 0))
    }
}

impl<H: SocketHost> LiveShard for OnShard<'_, H> {
    fn run_query(&self, path: &str, args: &RawValue, caller: &Caller) -> LiveRun {
        let (outcome, mut reads) = self.shard.run_live(path, args.get(), caller);
        if outcome.as_ref().is_err_and(|error| error.status().is_server_error()) {
            // The cause may lie outside of the reads.
            reads.note_everything();
        }
        LiveRun { outcome, reads }
    }

    fn run_admin(&self, path: &str, args: &RawValue) -> LiveRun {
        let outcome = self.admin(path, args).map(|json| Box::<str>::from(json).into_string());
        let mut reads = Reads::default();
        if !outcome.as_ref().is_err_and(|error| error.status().is_client_error()) {
            reads.note_everything();
        }
        LiveRun { outcome, reads }
    }

    fn reading<T>(&self, work: impl FnOnce() -> T) -> T {
        let _kept = self.shard.inner.state.recent.keeping();
        work()
    }

    fn running(&self, query: Option<&Running<'_>>) {
        self.host.running(query);
    }

    fn start_epoch(&self) {
        let _ = self.new_epoch().inspect_err(logged);
    }

    fn position(&self) -> At {
        let position = self.epoch().and_then(|epoch| Ok((self.shard.cursor()?, epoch)));
        position.inspect_err(logged).ok()
    }

    fn unchanged_since(&self, seq: u64, reads: &Reads) -> bool {
        !self.touched_since(seq, reads).inspect_err(logged).unwrap_or(true)
    }

    fn last_mutation(&self, caller: &Caller, client: &str) -> Option<u64> {
        self.last(caller, client).inspect_err(logged).unwrap_or_default()
    }

    fn is_admin(&self, fingerprint: &str) -> bool {
        let token = admin::admin_token(&**self.shard.host());
        token.is_some_and(|token| gate::fingerprint(&token) == fingerprint)
    }

    fn now_ms(&self) -> u64 {
        self.shard.host().now_ms()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as `inspect_err` passes it")]
fn logged(error: &LunoraError) {
    log::error(&format!("a live connection: {}", error.to_log_line()));
}

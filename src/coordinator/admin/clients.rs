//! The client state of shards, watermarks and stored answers: read for a snapshot, and restored
//! from one.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{AdminCall, ShardAdmin, read};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    log,
    wire::{
        ShardKey,
        client_line::ClientLine,
        lines::push_on_one_line,
        operation::{
            ExportClients, ExportClientsArgs, ExportClientsPage, ImportClients, ImportClientsArgs,
            Unfilled,
        },
        paths::MAX_CHANGES,
    },
};

/// Reads the client state of a shard in rounds: the first returns everything, each later one what
/// was written since the previous one began. A round of a single page is a consistent state, and
/// the last.
#[derive(Debug, Default)]
pub(super) struct ClientRounds {
    rounds: u32,
    /// The number of the previous round.
    since: u64,
    /// The number of this round.
    round: u64,
    cursor: Option<String>,
}

/// One page of a round.
#[derive(Default)]
pub(super) struct ClientPage {
    pub(super) lines: Vec<u8>,
    pub(super) watermarks: u64,
    pub(super) replies: u64,
    /// Set with the last page: the position of the change log when it was read, unless the shard
    /// keeps no client state.
    pub(super) end: Option<Option<u64>>,
}

impl ClientRounds {
    const MAX_ROUNDS: u32 = 10;

    /// Reads the next page.
    ///
    /// # Errors
    /// 409 `CDC_LOG_TRIMMED` if more is written than is read; if the shard fails.
    pub(super) async fn next(
        &mut self,
        admin: &ShardAdmin,
        key: &ShardKey,
    ) -> Result<ClientPage, LunoraError> {
        let cursor = self.cursor.as_deref().map(Cow::Borrowed);
        let args = ExportClientsArgs { since: self.since, cursor, limit: None };
        let call = AdminCall::of::<ExportClients>(&args)?;
        let mut admin = admin.clone();
        let most = admin.coordinator.max_shard_bytes.max(MAX_CHANGES);
        admin.coordinator = admin.coordinator.max_shard_bytes(most);
        let answer = match admin.ask(key, &call).await {
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => {
                return Ok(ClientPage { end: Some(None), ..ClientPage::default() });
            }
            answer => answer.map_err(ShardFailure::into_error)?,
        };
        let answer = read::<ExportClients, ExportClientsPage<Vec<&RawValue>>>(key, &answer)
            .map_err(ShardFailure::into_error)?;
        let mut page = ClientPage::default();
        for line in &answer.lines {
            page.push(line)?;
        }
        let is_first = self.cursor.is_none();
        if let Some(round) = answer.round.filter(|_| is_first) {
            self.round = round;
        }
        match (answer.is_done, answer.cursor) {
            (true, _) if is_first => page.end = Some(Some(answer.seq)),
            (true, _) => self.begin_round()?,
            (false, Some(cursor)) if self.cursor.as_ref() != Some(&cursor) => {
                self.cursor = Some(cursor);
            }
            (false, _) => {
                let message = "answered with a page of clients whose cursor does not advance";
                return Err(LunoraError::new(Code::ShardError, message));
            }
        }
        Ok(page)
    }

    fn begin_round(&mut self) -> Result<(), LunoraError> {
        self.rounds += 1;
        if self.rounds == Self::MAX_ROUNDS {
            return Err(LunoraError::new(
                Code::CdcLogTrimmed,
                "clients write faster than their watermarks and stored answers are read",
            ));
        }
        (self.since, self.cursor) = (self.round, None);
        Ok(())
    }
}

impl ClientPage {
    fn push(&mut self, line: &RawValue) -> Result<(), LunoraError> {
        match serde_json::from_str(line.get()) {
            Ok(ClientLine::Watermark(_)) => self.watermarks += 1,
            Ok(ClientLine::Reply(_)) => self.replies += 1,
            Err(error) => {
                let message = format!("answered with an invalid line of a client: {error}");
                return Err(LunoraError::new(Code::ShardError, message));
            }
        }
        push_on_one_line(line.get(), &mut self.lines);
        self.lines.push(b'\n');
        Ok(())
    }
}

/// Restores the watermarks and stored answers among the lines of a snapshot, shard by shard.
pub(crate) struct ClientImport<'a> {
    admin: &'a ShardAdmin,
    shard: Option<ShardKey>,
    batch: Batch,
    received: u64,
}

impl<'a> ClientImport<'a> {
    pub(crate) fn new(admin: &'a ShardAdmin) -> Self {
        Self { admin, shard: None, batch: Batch::default(), received: 0 }
    }

    /// Sends the due lines; later lines go to `shard`.
    pub(crate) async fn retarget(&mut self, shard: ShardKey) -> Result<(), LunoraError> {
        self.flush().await?;
        self.shard = Some(shard);
        Ok(())
    }

    /// Takes a line. Returns `false` if it is not a line of a client, or if it comes before there
    /// is a shard.
    pub(crate) async fn line(&mut self, line: &[u8]) -> Result<bool, LunoraError> {
        let Some(text) = std::str::from_utf8(line).ok().filter(|_| is_client_line(line)) else {
            return Ok(false);
        };
        if self.shard.is_none() {
            return Ok(false);
        }
        self.batch.push(text);
        self.received += 1;
        if self.batch.is_full() {
            self.flush().await?;
        }
        Ok(true)
    }

    /// Sends the due lines.
    pub(crate) async fn flush(&mut self) -> Result<(), LunoraError> {
        match &self.shard {
            Some(shard) if self.batch.lines > 0 => {
                let batch = std::mem::take(&mut self.batch);
                self.admin.restore_clients(shard, batch, false).await
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of client lines that were received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }
}

/// Client lines on their way into one shard.
#[derive(Default)]
struct Batch {
    json: String,
    lines: u64,
}

impl Batch {
    const MAX_LINES: u64 = 500;
    /// A shard accepts a body of at least 1 MiB; one line may be larger.
    const MAX_BYTES: usize = 768 * 1024;

    fn push(&mut self, line: &str) {
        if self.lines > 0 {
            self.json.push(',');
        }
        self.json.push_str(line);
        self.lines += 1;
    }

    fn is_full(&self) -> bool {
        self.lines >= Self::MAX_LINES || self.json.len() >= Self::MAX_BYTES
    }
}

/// Returns whether a line of a snapshot is a watermark or a stored answer.
pub(crate) fn is_client_line(line: &[u8]) -> bool {
    line.starts_with(b"{\"$") && serde_json::from_slice::<ClientLine>(line).is_ok()
}

impl ShardAdmin {
    /// Allows every client of a shard one gap in its numbers. With `reset`, deletes the client
    /// state of the shard first.
    ///
    /// # Errors
    /// If the shard fails, or times out.
    pub(crate) async fn begin_clients(
        &self,
        shard: &ShardKey,
        reset: bool,
    ) -> Result<(), LunoraError> {
        self.restore_clients(shard, Batch::default(), reset).await
    }

    /// Restores watermarks and stored answers. A shard of another implementation without them
    /// accepts none.
    async fn restore_clients(
        &self,
        shard: &ShardKey,
        batch: Batch,
        reset: bool,
    ) -> Result<(), LunoraError> {
        let args = ImportClientsArgs { lines: Unfilled::default(), reset };
        let call = AdminCall::filled::<ImportClients>(&args, &batch.json)?;
        match self.ask(shard, &call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => {
                if batch.lines > 0 {
                    log::warn(&format!(
                        "shard `{shard}` keeps no watermarks or stored answers: {} are not restored",
                        batch.lines
                    ));
                }
                Ok(())
            }
            Err(failure) => Err(failure.into_error()),
        }
    }
}

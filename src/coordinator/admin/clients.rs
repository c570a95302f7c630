//! What shards keep of their clients, watermarks and stored answers, read for a snapshot and brought
//! back from one.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminCall, ShardAdmin, read};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    platform::log,
    wire::{ShardKey, client_line::ClientLine, paths::MAX_CHANGES},
};

/// Reads what a shard keeps of its clients, in rounds: the first has everything, each later one what
/// was written since the one before began. A round of one page is a moment, and the last.
#[derive(Debug, Default)]
pub(super) struct ClientRounds {
    rounds: u32,
    /// The number of the round before.
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
    /// Set with the last page: how far the change log was when it was read, unless the shard keeps
    /// nothing of its clients.
    pub(super) end: Option<Option<u64>>,
}

impl ClientRounds {
    const MAX_ROUNDS: u32 = 10;

    /// Reads the next page.
    ///
    /// # Errors
    /// 409 `CDC_LOG_TRIMMED` when more is written than is read; when the shard fails.
    pub(super) async fn next(
        &mut self,
        admin: &ShardAdmin,
        key: &ShardKey,
    ) -> Result<ClientPage, LunoraError> {
        #[derive(Serialize)]
        struct Args<'a> {
            since: u64,
            cursor: Option<&'a str>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'a> {
            #[serde(borrow)]
            lines: Vec<&'a RawValue>,
            cursor: Option<String>,
            is_done: bool,
            round: Option<u64>,
            seq: u64,
        }

        let args = Args { since: self.since, cursor: self.cursor.as_deref() };
        let call = AdminCall::repeatable("exportClients", &args)?;
        let mut admin = admin.clone();
        let most = admin.coordinator.max_shard_bytes.max(MAX_CHANGES);
        admin.coordinator = admin.coordinator.max_shard_bytes(most);
        let answer = match admin.ask(key, &call).await {
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => {
                return Ok(ClientPage { end: Some(None), ..ClientPage::default() });
            }
            answer => answer.map_err(ShardFailure::into_error)?,
        };
        let answer: Answer<'_> = read(key, &answer).map_err(ShardFailure::into_error)?;
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
                let message = "answered with a page of clients that leads nowhere";
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
        super::export::push_on_one_line(line.get(), &mut self.lines);
        self.lines.push(b'\n');
        Ok(())
    }
}

/// Lines of clients on their way into one shard.
#[derive(Default)]
pub(crate) struct ClientBatch {
    json: String,
    lines: u64,
}

impl ClientBatch {
    const MAX_LINES: u64 = 500;
    /// A shard takes a body of 1 MiB at least; one line may be larger.
    const MAX_BYTES: usize = 768 * 1024;

    /// Adds a line. Returns `false` for a line that is not of a client.
    pub(crate) fn push(&mut self, line: &[u8]) -> bool {
        let Some(text) = is_client_line(line).then(|| std::str::from_utf8(line).ok()).flatten()
        else {
            return false;
        };
        if self.lines > 0 {
            self.json.push(',');
        }
        self.json.push_str(text);
        self.lines += 1;
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lines >= Self::MAX_LINES || self.json.len() >= Self::MAX_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines == 0
    }
}

/// Whether a line of a snapshot is a watermark or a stored answer.
pub(crate) fn is_client_line(line: &[u8]) -> bool {
    line.starts_with(b"{\"$") && serde_json::from_slice::<ClientLine>(line).is_ok()
}

impl ShardAdmin {
    /// Brings watermarks and stored answers back. With `reset` those that the
    /// shard has are deleted first. Every client of the shard may leave a gap in its numbers once.
    ///
    /// A shard of another implementation that keeps none takes none.
    ///
    /// # Errors
    /// When the shard fails, or gives no answer in time.
    pub(crate) async fn restore_clients(
        &self,
        shard: &ShardKey,
        batch: ClientBatch,
        reset: bool,
    ) -> Result<(), LunoraError> {
        #[derive(Serialize)]
        struct Args<'a> {
            lines: &'a RawValue,
            reset: bool,
        }

        let lines = RawValue::from_string(["[", &batch.json, "]"].concat());
        let lines = lines.map_err(LunoraError::internal)?;
        let call = AdminCall::repeatable("importClients", &Args { lines: &lines, reset })?;
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

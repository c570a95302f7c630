//! Reads one shard to its end: its rows, the state of its clients, and the changes meanwhile.

use std::borrow::Cow;

use bytes::Bytes;
use futures::{StreamExt, stream::LocalBoxStream};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    ExportChunk, ExportRequest, ShardExport,
    chunk::{RowProblem, Rows},
    patience::Patience,
};
use crate::{
    coordinator::{
        ShardFailure,
        admin::{AdminCall, ShardAdmin, catch_up::CatchUp, clients::ClientRounds, rows::RowCutter},
        merge::Unmergeable,
        success,
    },
    errors::{Code, LunoraError},
    message::{Body, BodyError},
    wire::{
        ShardKey,
        operation::{ExportShard, ExportShardArgs, ExportShardPage},
    },
};

/// The position of an export in the middle of a shard: between two of its pages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShardPosition {
    pub(super) shard_key: String,
    cursor: Option<String>,
    seq: Option<u64>,
    last_seq: Option<u64>,
    other_tables: Vec<String>,
}

/// The shard whose rows are being read.
pub(super) struct Shard {
    key: ShardKey,
    cursor: Option<String>,
    /// The position of the change feed at the first page.
    seq: Option<u64>,
    /// The position of the change feed at the last page.
    last_seq: Option<u64>,
    other_tables: Vec<String>,
    begun: bool,
    pub(super) page: Option<Page>,
    /// Set after the last page was read, if the export has the state of clients.
    clients: Option<ClientRounds>,
    /// Set after everything else was read.
    catch_up: Option<CatchUp>,
}

/// The answer that is being read.
pub(super) struct Page {
    body: LocalBoxStream<'static, Result<Bytes, BodyError>>,
    cutter: RowCutter,
    patience: Patience,
}

impl Shard {
    pub(super) fn new(key: ShardKey) -> Self {
        Self {
            key,
            cursor: None,
            seq: None,
            last_seq: None,
            other_tables: Vec::new(),
            begun: false,
            page: None,
            clients: None,
            catch_up: None,
        }
    }

    pub(super) fn at(position: ShardPosition) -> Result<Self, LunoraError> {
        let ShardPosition { shard_key, cursor, seq, last_seq, other_tables } = position;
        let key = ShardKey::new(shard_key)?;
        Ok(Self { cursor, seq, last_seq, other_tables, begun: true, ..Self::new(key) })
    }

    /// Returns the position between two pages.
    pub(super) fn position(&self) -> Option<ShardPosition> {
        let is_between =
            self.begun && self.page.is_none() && self.clients.is_none() && self.catch_up.is_none();
        is_between.then(|| ShardPosition {
            shard_key: self.key.as_str().to_owned(),
            cursor: self.cursor.clone(),
            seq: self.seq,
            last_seq: self.last_seq,
            other_tables: self.other_tables.clone(),
        })
    }

    /// Returns the rows of the next piece of the current page, or of the next page.
    pub(super) async fn next(
        &mut self,
        admin: &ShardAdmin,
        request: &ExportRequest,
    ) -> Result<ExportChunk, LunoraError> {
        if let Some(catch_up) = &mut self.catch_up {
            let changes = catch_up.next(admin, &self.key, request.tables.as_deref()).await?;
            let is_over = catch_up.is_over();
            let end = is_over.then(|| self.end(self.last_seq, true));
            let mut chunk = self.chunk(Rows::default(), end);
            (chunk.lines, chunk.changes) = (changes.lines.into(), changes.count);
            return Ok(chunk);
        }
        if let Some(clients) = &mut self.clients {
            let page = clients.next(admin, &self.key).await?;
            let end = match page.end {
                None => None,
                Some(seq) => {
                    self.clients = None;
                    self.last_seq = seq.or(self.last_seq);
                    self.end_clients()?
                }
            };
            let mut chunk = self.chunk(Rows::default(), end);
            (chunk.watermarks, chunk.replies) = (page.watermarks, page.replies);
            chunk.lines = page.lines.into();
            return Ok(chunk);
        }
        let mut page = match self.page.take() {
            Some(page) => page,
            None => self.ask(admin, request).await?,
        };
        let mut rows = Rows::of(request.with_shard_keys.then_some(&self.key))?;
        match page.patience.wait(page.body.next()).await? {
            Some(piece) => {
                let piece = piece.map_err(Self::broken)?;
                page.cutter.push(&piece, |row| rows.add(row)).map_err(|error| Self::bad(&error))?;
                self.page = Some(page);
                Ok(self.chunk(rows, None))
            }
            None => {
                let rest = page.cutter.finish().map_err(|what| Self::bad(&what.into()))?;
                let end = match self.end_page(&rest)? {
                    true => self.end_pages(request)?,
                    false => None,
                };
                Ok(self.chunk(rows, end))
            }
        }
    }

    async fn ask(&self, admin: &ShardAdmin, request: &ExportRequest) -> Result<Page, LunoraError> {
        let call = AdminCall::of::<ExportShard>(&ExportShardArgs {
            batch_size: Some(request.page_rows),
            cursor: Some(self.cursor.as_deref().map(Cow::Borrowed)),
            max_bytes: Some(request.page_bytes.into()),
            tables: Some(Cow::Borrowed(request.tables.as_deref().unwrap_or_default())),
        })?;
        let resolve = |key| admin.shard(key);
        let call = admin.to_shard_call(&resolve, &call);
        let mut patience = Patience::new(admin);
        let answer = async {
            let response = admin.coordinator.ask_head(&self.key, &call).await?;
            success::stream("it", response).await
        };
        let body = patience.wait(answer).await??;
        Ok(Page {
            body: body.into_large_pieces(Body::BULK),
            cutter: RowCutter::default(),
            patience,
        })
    }

    /// Returns whether that was the last page, from the fields beside the rows.
    fn end_page(&mut self, rest: &[u8]) -> Result<bool, LunoraError> {
        #[derive(Deserialize)]
        struct Answer {
            result: ExportShardPage<IgnoredAny>,
        }

        let answer: Result<Answer, _> = serde_json::from_slice(rest);
        let Answer { result: ExportShardPage { cursor, is_done, seq, other_tables, .. } } =
            answer.map_err(|_| Self::bad(&Unmergeable::NO_JSON.into()))?;
        if !self.begun {
            self.seq = seq;
            self.begun = true;
        }
        self.last_seq = seq;
        self.other_tables.extend(other_tables);
        match (is_done, cursor) {
            (None | Some(true), _) => Ok(true),
            (Some(false), Some(cursor)) if self.cursor.as_ref() != Some(&cursor) => {
                self.cursor = Some(cursor);
                Ok(false)
            }
            (Some(false), _) => {
                Err(Self::bad(&Unmergeable("a page whose cursor does not advance").into()))
            }
        }
    }

    /// Ends the shard, unless more must be read first.
    fn end_pages(&mut self, request: &ExportRequest) -> Result<Option<ShardExport>, LunoraError> {
        let (Some(first), Some(last)) = (self.seq, self.last_seq) else {
            return Ok(Some(self.end(self.seq, false)));
        };
        if !request.with_changes {
            return Ok(Some(self.end(self.seq, first == last)));
        }
        if request.tables.is_none() {
            self.clients = Some(ClientRounds::default());
            return Ok(None);
        }
        self.end_clients()
    }

    /// Ends the shard, unless changes must be read first.
    fn end_clients(&mut self) -> Result<Option<ShardExport>, LunoraError> {
        let (Some(first), Some(last)) = (self.seq, self.last_seq) else {
            return Ok(Some(self.end(self.seq, false)));
        };
        if first == last {
            return Ok(Some(self.end(self.seq, true)));
        }
        self.catch_up = Some(CatchUp::new(first, last)?);
        Ok(None)
    }

    fn end(&self, seq: Option<u64>, consistent: bool) -> ShardExport {
        ShardExport { other_tables: self.other_tables.clone(), seq, consistent }
    }

    fn chunk(&self, rows: Rows, end_of_shard: Option<ShardExport>) -> ExportChunk {
        let shard_key = self.key.clone();
        let lines = rows.lines.into();
        let (changes, watermarks, replies) = (0, 0, 0);
        let rows = rows.counts;
        ExportChunk {
            shard_key,
            global: false,
            lines,
            changes,
            watermarks,
            replies,
            rows,
            end_of_shard,
        }
    }

    fn bad(error: &RowProblem) -> LunoraError {
        LunoraError::new(Code::ShardError, format!("answered with {}", error.0))
    }

    fn broken(error: BodyError) -> LunoraError {
        LunoraError::new(Code::ShardUnavailable, "broke off in the middle").with_source(error)
    }

    /// Returns the error that ends the export: it names the shard and keeps the code.
    pub(super) fn failure(&self, error: LunoraError) -> LunoraError {
        let failure = ShardFailure::public(&self.key, &error, false);
        let message = format!("shard {:?}: {}", self.key.as_str(), failure.message);
        LunoraError::custom(failure.code, error.status().as_u16(), message).with_source(error)
    }
}

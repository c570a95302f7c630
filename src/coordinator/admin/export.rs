//! Exports every row of every shard, shard by shard and page by page.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fmt,
    pin::pin,
    rc::Rc,
    time::Duration,
    vec,
};

use bytes::Bytes;
use futures::{
    StreamExt,
    future::{Either, LocalBoxFuture, select},
    stream::{LocalBoxStream, Stream},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    super::{ShardFailure, merge::Unmergeable, success},
    AdminCall, ShardAdmin,
    catch_up::CatchUp,
    clients::ClientRounds,
    rows::RowCutter,
};
use crate::{
    errors::{Code, LunoraError},
    message::{Body, BodyError},
    platform::Clock,
    sort,
    wire::{
        ShardKey,
        lines::push_on_one_line,
        operation::{ExportShard, ExportShardArgs, ExportShardPage},
    },
};

/// The tables to export, and the size of the pages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportRequest {
    /// The tables; every table by default.
    pub tables: Option<Vec<String>>,
    /// The maximum number of rows that a shard puts into one page; 5000 by default.
    pub page_rows: u32,
    /// The approximate number of bytes of rows that a shard puts into one page; 4 MiB by default.
    /// The shard needs the memory: the coordinator passes a page on piece by piece.
    pub page_bytes: u32,
    /// Accepts a registry that lists no shards, for a deployment whose rows are all in the default
    /// shard.
    pub allow_empty_registry: bool,
    /// Appends to the rows of a shard the changes that were written while they were read, so that
    /// both make up its state at one sequence number; off by default.
    pub with_changes: bool,
    /// Adds the shard to each row, `{"table","shardKey","doc"}`, so that an import puts it there
    /// again; off by default. The shards then come in the order of their keys, after the default
    /// shard.
    pub with_shard_keys: bool,
}

impl Default for ExportRequest {
    fn default() -> Self {
        Self {
            tables: None,
            page_rows: 5000,
            page_bytes: 4 * 1024 * 1024,
            allow_empty_registry: false,
            with_changes: false,
            with_shard_keys: false,
        }
    }
}

impl ExportRequest {
    /// Creates a request for every table, in pages of the default size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the export to these tables; an empty list means every table.
    #[must_use]
    pub fn tables(mut self, tables: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let tables: Vec<String> = tables.into_iter().map(Into::into).collect();
        self.tables = (!tables.is_empty()).then_some(tables);
        self
    }
}

/// An export in progress: call [`next`](Self::next) until it returns `None`.
///
/// It holds at most one page. A shard that fails ends the export with an error that names the
/// shard: an export that lacks one shard's rows is not an export.
pub struct Export {
    admin: ShardAdmin,
    request: ExportRequest,
    keys: vec::IntoIter<ShardKey>,
    shard: Option<Shard>,
    calls: u64,
    failed: bool,
}

/// The position of an export in the middle of a shard: between two of its pages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShardPosition {
    shard_key: String,
    cursor: Option<String>,
    seq: Option<u64>,
    last_seq: Option<u64>,
    other_tables: Vec<String>,
}

/// Some lines of one shard.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExportChunk {
    /// The key of the shard.
    pub shard_key: ShardKey,
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

impl ShardAdmin {
    /// Begins an export.
    ///
    /// A shard that does not support pages answers with all its rows at once, which are passed on
    /// piece by piece as well.
    ///
    /// # Errors
    /// If the shards cannot be listed; 409 `REGISTRY_EMPTY` if the registry lists none; 404
    /// `UNKNOWN_TABLE` if neither the registry nor a shard knows a table.
    pub async fn export(&self, request: ExportRequest) -> Result<Export, LunoraError> {
        let mut keys = match &request.tables {
            None if request.allow_empty_registry => self.shards_holding(None).await?,
            None => self.shards_listed().await?,
            Some(tables) => {
                self.refuse_unknown_tables(tables).await?;
                self.shards_holding(Some(tables)).await?
            }
        };
        if request.with_shard_keys {
            sort::sort_by(&mut keys, |a, b| {
                let rank = |key: &ShardKey| *key != self.default_shard;
                (rank(a), a.as_str()).cmp(&(rank(b), b.as_str()))
            });
        }
        Ok(Export {
            admin: self.clone(),
            request,
            keys: keys.into_iter(),
            shard: None,
            calls: 0,
            failed: false,
        })
    }

    /// Continues an export that was left: without the shards in `done`, and first with the rest of
    /// the shard in the middle of which it was left.
    ///
    /// # Errors
    /// As [`export`](Self::export).
    pub(crate) async fn export_rest(
        &self,
        request: ExportRequest,
        done: &HashSet<&str>,
        left: Option<ShardPosition>,
    ) -> Result<Export, LunoraError> {
        let mut export = self.export(request).await?;
        let is_left = |key: &ShardKey| left.as_ref().is_some_and(|it| it.shard_key == key.as_str());
        let rest: Vec<_> =
            export.keys.filter(|key| !done.contains(key.as_str()) && !is_left(key)).collect();
        export.keys = rest.into_iter();
        export.shard = left.map(Shard::at).transpose()?;
        Ok(export)
    }
}

impl ShardAdmin {
    /// Begins an export of the scratch shard of a drill, with its client state.
    pub(crate) fn export_scratch(&self, page_rows: u32) -> Export {
        let request = ExportRequest { page_rows, with_changes: true, ..ExportRequest::default() };
        let keys = vec![ShardKey::scratch()].into_iter();
        Export { admin: self.clone(), request, keys, shard: None, calls: 0, failed: false }
    }
}

impl Export {
    /// Returns the next rows; `None` after the end of the last shard.
    ///
    /// # Errors
    /// If a shard fails, or times out before its answer or within it; 409 `CDC_LOG_TRIMMED` if the
    /// changes that the request asks for are not in the shard's log any more. The export is over
    /// then.
    pub async fn next(&mut self) -> Result<Option<ExportChunk>, LunoraError> {
        loop {
            let chunk = self.step().await?;
            if chunk.as_ref().is_none_or(|it| it.end_of_shard.is_some() || !it.lines.is_empty()) {
                return Ok(chunk);
            }
        }
    }

    /// Works like [`next`](Self::next), but returns an empty chunk between two pages, where the
    /// export can be [left](Self::leave).
    pub(crate) async fn step(&mut self) -> Result<Option<ExportChunk>, LunoraError> {
        if self.failed {
            return Ok(None);
        }
        let chunk = self.advance().await;
        self.failed = chunk.is_err();
        chunk
    }

    /// Returns whether the export can be left here and continued by
    /// [`export_rest`](ShardAdmin::export_rest): between two pages of a shard, with the position,
    /// or between two shards.
    pub(crate) fn leave(&self) -> Option<Option<ShardPosition>> {
        match &self.shard {
            Some(shard) => shard.position().map(Some),
            None => (self.keys.len() > 0).then_some(None),
        }
    }

    /// Returns the number of calls to shards, without the repeated ones.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the chunks as a stream that ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<ExportChunk, LunoraError>> {
        futures::stream::try_unfold(self, async |mut export| {
            Ok(export.next().await?.map(|chunk| (chunk, export)))
        })
    }

    async fn advance(&mut self) -> Result<Option<ExportChunk>, LunoraError> {
        let shard = match &mut self.shard {
            Some(shard) => shard,
            None => match self.keys.next() {
                Some(key) => self.shard.insert(Shard::new(key)),
                None => return Ok(None),
            },
        };
        if shard.page.is_none() {
            self.calls += 1;
        }
        let chunk = shard.next(&self.admin, &self.request).await;
        let chunk = chunk.map_err(|error| shard.failure(error))?;
        if chunk.end_of_shard.is_some() {
            self.shard = None;
        }
        Ok(Some(chunk))
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("request", &self.request).finish_non_exhaustive()
    }
}

/// The shard whose rows are being read.
struct Shard {
    key: ShardKey,
    cursor: Option<String>,
    /// The position of the change feed at the first page.
    seq: Option<u64>,
    /// The position of the change feed at the last page.
    last_seq: Option<u64>,
    other_tables: Vec<String>,
    begun: bool,
    page: Option<Page>,
    /// Set after the last page was read, if the export has the state of clients.
    clients: Option<ClientRounds>,
    /// Set after everything else was read.
    catch_up: Option<CatchUp>,
}

/// The answer that is being read.
struct Page {
    body: LocalBoxStream<'static, Result<Bytes, BodyError>>,
    cutter: RowCutter,
    patience: Patience,
}

impl Shard {
    fn new(key: ShardKey) -> Self {
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

    fn at(position: ShardPosition) -> Result<Self, LunoraError> {
        let ShardPosition { shard_key, cursor, seq, last_seq, other_tables } = position;
        let key = ShardKey::new(shard_key)?;
        Ok(Self { cursor, seq, last_seq, other_tables, begun: true, ..Self::new(key) })
    }

    /// Returns the position between two pages.
    fn position(&self) -> Option<ShardPosition> {
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
    async fn next(
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
            (Some(false), _) => Err(Self::bad(&Unmergeable("a page that leads nowhere").into())),
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
        ExportChunk { shard_key, lines, changes, watermarks, replies, rows, end_of_shard }
    }

    fn bad(error: &RowProblem) -> LunoraError {
        LunoraError::new(Code::ShardError, format!("answered with {}", error.0))
    }

    fn broken(error: BodyError) -> LunoraError {
        LunoraError::new(Code::ShardUnavailable, "broke off in the middle").with_source(error)
    }

    /// Returns the error that ends the export: it names the shard and keeps the code.
    fn failure(&self, error: LunoraError) -> LunoraError {
        let failure = ShardFailure::public(&self.key, &error, false);
        let message = format!("shard {:?}: {}", self.key.as_str(), failure.message);
        LunoraError::custom(failure.code, error.status().as_u16(), message).with_source(error)
    }
}

/// Waits up to the timeout of a shard for an answer, or for more of it. It creates a timer only
/// when the previous one has fired.
struct Patience {
    clock: Rc<dyn Clock>,
    limit: Duration,
    timer: LocalBoxFuture<'static, ()>,
}

impl Patience {
    fn new(admin: &ShardAdmin) -> Self {
        let (clock, limit) = (admin.coordinator.clock.clone(), admin.coordinator.per_shard_timeout);
        Self { timer: clock.sleep(limit), clock, limit }
    }

    async fn wait<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, LunoraError> {
        let mut answer = pin!(answer);
        let begun = self.clock.now_ms();
        loop {
            match select(answer.as_mut(), &mut self.timer).await {
                Either::Left((answer, _)) => return Ok(answer),
                Either::Right(_) => {}
            }
            let waited = Duration::from_millis(self.clock.now_ms().saturating_sub(begun));
            if waited >= self.limit {
                return Err(LunoraError::new(
                    Code::ShardTimeout,
                    format!("no answer, or no more of it, within {} ms", self.limit.as_millis()),
                ));
            }
            self.timer = self.clock.sleep(self.limit - waited);
        }
    }
}

/// The lines of one piece.
#[derive(Default)]
struct Rows {
    /// The field `"shardKey":…,`, if rows name their shard.
    shard: Vec<u8>,
    lines: Vec<u8>,
    counts: BTreeMap<String, u64>,
}

/// The problem of an answer: "answered with …".
struct RowProblem(String);

impl From<Unmergeable> for RowProblem {
    fn from(what: Unmergeable) -> Self {
        Self(what.to_string())
    }
}

impl Rows {
    fn of(shard: Option<&ShardKey>) -> Result<Self, LunoraError> {
        let Some(key) = shard else { return Ok(Self::default()) };
        let mut shard = b"\"shardKey\":".to_vec();
        serde_json::to_writer(&mut shard, key.as_str()).map_err(LunoraError::internal)?;
        shard.push(b',');
        Ok(Self { shard, ..Self::default() })
    }

    fn add(&mut self, row: &[u8]) -> Result<(), RowProblem> {
        #[derive(Deserialize)]
        struct Row<'a> {
            table: String,
            #[serde(borrow)]
            doc: &'a RawValue,
        }

        let row: Row<'_> = serde_json::from_slice(row)
            .map_err(|error| RowProblem(format!("a row that is none: {error}")))?;
        if !row.doc.get().starts_with('{') {
            return Err(RowProblem("a row whose `doc` is no object".to_owned()));
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

//! Exports every row of every shard, shard by shard and page by page.

mod chunk;
mod patience;
mod shard;

use std::{collections::HashSet, fmt, vec};

use futures::{future::LocalBoxFuture, stream::Stream};

pub use self::chunk::{ExportChunk, ShardExport};
use self::shard::Shard;
pub(crate) use self::shard::ShardPosition;
use super::{
    ShardAdmin,
    globals::{GlobalPosition, GlobalReading},
};
use crate::{errors::LunoraError, sort, wire::ShardKey};

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
/// The shards come first, then the global tables. It holds at most one page. A shard that fails ends the export with an error that names the
/// shard: an export that lacks one shard's rows is not an export.
pub struct Export {
    admin: ShardAdmin,
    request: ExportRequest,
    keys: vec::IntoIter<ShardKey>,
    shard: Option<Shard>,
    /// The tables that belong to no shard, which follow the shards.
    globals: Option<GlobalReading>,
    /// The global tables that cannot be part of the export.
    left_out: Vec<String>,
    calls: u64,
    failed: bool,
}

/// The position at which an export can be left: between two pages.
#[derive(Debug)]
pub(crate) struct ExportPosition {
    /// The shard that was left in the middle.
    pub(crate) shard: Option<ShardPosition>,
    /// The position in the global tables, if every shard is read.
    pub(crate) global: Option<GlobalPosition>,
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
    pub async fn export(&self, mut request: ExportRequest) -> Result<Export, LunoraError> {
        let mut catalog = self.global_catalog().await?;
        let mut keys = match &mut request.tables {
            None if request.allow_empty_registry => self.shards_holding(None).await?,
            None => self.shards_listed().await?,
            Some(tables) => {
                let is_named = |table: &String| tables.contains(table);
                catalog.tables.retain(is_named);
                catalog.left_out.retain(is_named);
                let own = self.tables_of_shards(tables, &catalog.tables).await?;
                self.refuse_unknown_tables(&own).await?;
                *tables = own;
                match tables.is_empty() {
                    true => Vec::new(),
                    false => self.shards_holding(Some(tables)).await?,
                }
            }
        };
        if request.with_shard_keys {
            sort::sort_by(&mut keys, |a, b| {
                let rank = |key: &ShardKey| *key != self.default_shard;
                (rank(a), a.as_str()).cmp(&(rank(b), b.as_str()))
            });
        }
        let globals = self.globals().map(|it| GlobalReading::new(it.clone(), catalog.tables));
        Ok(Export {
            admin: self.clone(),
            request,
            keys: keys.into_iter(),
            shard: None,
            globals,
            left_out: catalog.left_out,
            calls: 0,
            failed: false,
        })
    }

    /// Returns those of `tables` that shards may have: a global table counts only if a shard has
    /// one of its name too.
    async fn tables_of_shards(
        &self,
        tables: &[String],
        global: &[String],
    ) -> Result<Vec<String>, LunoraError> {
        let only_global = self.unknown_tables(global).await?;
        Ok(tables.iter().filter(|table| !only_global.contains(table)).cloned().collect())
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
        left: ExportPosition,
    ) -> Result<Export, LunoraError> {
        let mut export = self.export(request).await?;
        let ExportPosition { shard: left, global } = left;
        if let Some(position) = global {
            // A shard that announced itself meanwhile would follow the global tables.
            export.keys = Vec::new().into_iter();
            if let Some(globals) = &mut export.globals {
                globals.resume(position);
            }
            return Ok(export);
        }
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
        Export {
            admin: self.clone(),
            request,
            keys,
            shard: None,
            globals: None,
            left_out: Vec::new(),
            calls: 0,
            failed: false,
        }
    }
}

impl Export {
    /// Returns the next rows; `None` after the end of the last shard and the last global table.
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
    ///
    /// A box: backups and exports share one copy of it in the wasm.
    pub(crate) fn step(&mut self) -> LocalBoxFuture<'_, Result<Option<ExportChunk>, LunoraError>> {
        Box::pin(async move {
            if self.failed {
                return Ok(None);
            }
            let chunk = self.advance().await;
            self.failed = chunk.is_err();
            chunk
        })
    }

    /// Returns whether the export can be left here and continued by
    /// [`export_rest`](ShardAdmin::export_rest): between two pages of a shard or of a global table,
    /// or between two of them.
    pub(crate) fn leave(&self) -> Option<ExportPosition> {
        let at = |shard, global| Some(ExportPosition { shard, global });
        match (&self.shard, &self.globals) {
            (Some(shard), _) => at(Some(shard.position()?), None),
            (None, _) if self.keys.len() > 0 => at(None, None),
            (None, Some(globals)) if !globals.is_over() => at(None, Some(globals.position.clone())),
            (None, _) => None,
        }
    }

    /// Returns the global tables that are still to be read.
    #[cfg(feature = "admin")]
    pub(crate) fn global_tables(&self) -> Vec<&String> {
        self.globals.iter().flat_map(GlobalReading::tables).collect()
    }

    /// Returns the global tables that cannot be part of the export.
    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
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
                None => return self.advance_globals().await,
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

impl Export {
    async fn advance_globals(&mut self) -> Result<Option<ExportChunk>, LunoraError> {
        let Some(globals) = &mut self.globals else { return Ok(None) };
        let Some((table, page)) = globals.next().await? else { return Ok(None) };
        self.calls += 1;
        Ok(Some(ExportChunk {
            shard_key: self.admin.default_shard.clone(),
            global: true,
            lines: page.lines.into(),
            changes: 0,
            watermarks: 0,
            replies: 0,
            rows: [(table, page.rows)].into(),
            end_of_shard: None,
        }))
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("request", &self.request).finish_non_exhaustive()
    }
}

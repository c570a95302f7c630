//! Queries across shards: which shards are asked, with which limits, and how their answers are
//! merged.

mod admin;
mod answer;
mod call;
mod engine;
mod limits;
mod merge;
mod registry;
mod success;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::{collections::HashSet, fmt, pin::pin, rc::Rc, time::Duration};

use futures::{StreamExt, future::LocalBoxFuture};

use crate::{
    errors::{Code, LunoraError},
    platform::{Clock, CloudflareClock, Jurisdiction, within},
    wire::ShardKey,
};

pub(crate) use self::admin::{
    ChangeLine, ClientImport, ExportPosition, GlobalPosition, Import, ShardPosition,
    is_client_line, is_transient, not_configured,
};
#[cfg(feature = "admin")]
pub(crate) use self::admin::{GlobalData, Moved, Seal, to_column};
pub use self::{
    admin::{
        ApplyBatch, ApplyReport, ChangeError, Export, ExportChunk, ExportRequest, FailedShard,
        ImportReport, ImportTarget, MigrationOperation, MigrationReport, MigrationRequest,
        MigrationStatus, RankPage, RankPageRequest, RankReport, RankRequest, RebuildReport,
        RowError, ShardAdmin, ShardChanges, ShardExport, ShardOutcome, ShardRank, ShardSlice,
        ShardTraffic, Sharding, SortDirection, SyncReport, SyncRequest, TrafficReport,
    },
    answer::{FanOutAnswer, ShardFailure},
    call::ShardCall,
    limits::{Concurrency, RetryPolicy},
    registry::{DurableShardRegistry, ShardRegistry, ShardRegistryObject, StaticShardRegistry},
};
pub use crate::wire::{Direction, FanOut, GroupOp, Merge};

/// Asks every shard of a table and merges the answers into one.
///
/// A slow or failed shard never fails the whole query: it is listed beside the merged data, and the
/// caller decides whether a partial answer is useful.
///
/// ```
/// use lunora::{
///     Response,
///     coordinator::{FanOut, Merge, QueryCoordinator, ShardCall, StaticShardRegistry},
///     platform::{Placement, resolve_shard},
/// };
/// use lunora::testing::{ManualClock, MemoryNamespace};
///
/// # futures::executor::block_on(async {
/// let shards = MemoryNamespace::new(async |address, _request| {
///     Response::raw_json(format!(r#"["a message of {}"]"#, address.key))
/// });
/// shards.shard("room:2").hangs();
///
/// let clock = ManualClock::new(0);
/// let registry = StaticShardRegistry::new().table("messages", ["room:1", "room:2"])?;
/// let coordinator = QueryCoordinator::new(registry).clock(clock.clone());
///
/// let shards = shards.into_dyn();
/// let resolve = |key| resolve_shard(&shards, key, &Placement::default());
/// let call = ShardCall::new(&resolve, r#"{"args":{},"functionPath":"messages:list"}"#);
/// let answer = clock
///     .run(coordinator.fan_out(&FanOut::new("messages", Merge::Concat), call))
///     .await?;
/// assert_eq!(answer.data(), r#"["a message of room:1"]"#);
/// assert_eq!((answer.ok(), answer.failed()), (1, 1));
/// assert_eq!(answer.errors()[0].code, "SHARD_TIMEOUT");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct QueryCoordinator {
    registry: Rc<dyn ShardRegistry>,
    clock: Rc<dyn Clock>,
    concurrency: Concurrency,
    per_shard_timeout: Duration,
    retry: RetryPolicy,
    max_shards: usize,
    max_shard_bytes: usize,
    max_total_bytes: usize,
    whole_answers: bool,
}

impl QueryCoordinator {
    /// A limit well below the requests that the platform allows per event.
    const MAX_SHARDS: usize = 1000;

    /// Creates a coordinator of the shards that `registry` lists.
    #[must_use]
    pub fn new(registry: impl ShardRegistry) -> Self {
        Self {
            registry: Rc::new(registry),
            clock: Rc::new(CloudflareClock),
            concurrency: Concurrency::default(),
            per_shard_timeout: Duration::from_secs(5),
            retry: RetryPolicy::default(),
            max_shards: Self::MAX_SHARDS,
            max_shard_bytes: 2 * 1024 * 1024,
            max_total_bytes: 16 * 1024 * 1024,
            whole_answers: false,
        }
    }

    /// Binds the registry to the jurisdiction of the shards; see [`ShardRegistry::bind`].
    pub(crate) fn bind(&self, jurisdiction: Jurisdiction) {
        self.registry.bind(jurisdiction);
    }

    /// Sets how many shards are asked at once; 16 by default.
    ///
    /// ```
    /// use lunora::coordinator::{Concurrency, QueryCoordinator, StaticShardRegistry};
    ///
    /// let coordinator = QueryCoordinator::new(StaticShardRegistry::new())
    ///     .max_concurrency(Concurrency::of::<32>());
    /// ```
    #[must_use]
    pub fn max_concurrency(mut self, shards: impl Into<Concurrency>) -> Self {
        self.concurrency = shards.into();
        self
    }

    /// Sets the timeout of one shard, which includes its body and every retry; 5 seconds by
    /// default.
    ///
    /// The registry has the same time to list the shards.
    #[must_use]
    pub fn per_shard_timeout(mut self, timeout: Duration) -> Self {
        self.per_shard_timeout = timeout;
        self
    }

    /// Sets the rules for repeating a failed call; never by default.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the maximum number of shards that one query may ask; 1,000 by default. A query of a
    /// table with more is rejected with 400 `BAD_REQUEST` before any shard is asked.
    ///
    /// The platform also limits the requests of one event: raise `limits.subrequests` in
    /// `wrangler.jsonc` too.
    ///
    /// ```
    /// use lunora::coordinator::{QueryCoordinator, StaticShardRegistry};
    ///
    /// let coordinator = QueryCoordinator::new(StaticShardRegistry::new()).max_shards(5000);
    /// ```
    #[must_use]
    pub fn max_shards(mut self, shards: usize) -> Self {
        self.max_shards = shards;
        self
    }

    /// Sets the largest answer of one shard, in bytes; 2 MiB by default. A larger answer counts as
    /// failed and is not read to its end.
    #[must_use]
    pub fn max_shard_bytes(mut self, bytes: usize) -> Self {
        self.max_shard_bytes = bytes;
        self
    }

    /// Sets the maximum memory that a merge holds, in bytes; 16 MiB by default. An answer that no
    /// longer fits counts as failed.
    ///
    /// The answers that are being read come on top: at worst
    /// [`max_concurrency`](Self::max_concurrency) times [`max_shard_bytes`](Self::max_shard_bytes).
    /// A Worker has 128 MB.
    #[must_use]
    pub fn max_total_bytes(mut self, bytes: usize) -> Self {
        self.max_total_bytes = bytes;
        self
    }

    /// Merges the whole answer of each shard, `{"result":…}` included, when a client queries across
    /// shards. By default, the results are merged.
    ///
    /// With whole answers, merges such as `sum` and `topK` need a relation read, which answers a bare
    /// value. Clients that were written for the TypeScript runtime may expect that.
    ///
    /// ```
    /// use lunora::coordinator::{QueryCoordinator, StaticShardRegistry};
    ///
    /// let coordinator = QueryCoordinator::new(StaticShardRegistry::new()).merge_whole_answers();
    /// ```
    #[must_use]
    pub fn merge_whole_answers(mut self) -> Self {
        self.whole_answers = true;
        self
    }

    /// Returns whether a failed call is ever repeated.
    pub(crate) fn retries(&self) -> bool {
        self.retry.retries_any()
    }

    /// Returns whether a client's query merges whole answers.
    pub(crate) fn merges_whole_answers(&self) -> bool {
        self.whole_answers
    }

    /// Sets the clock for timeouts and pauses; by default the runtime's. Tests set another.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Rc::new(clock);
        self
    }

    /// Asks every shard of the table and merges the answers as they come.
    ///
    /// If the order matters, it is the registry's order, not the order of arrival.
    ///
    /// # Errors
    /// If the shards cannot be listed; 400 `BAD_REQUEST` if the merge is invalid or the table has
    /// more than [`max_shards`](Self::max_shards). A shard that fails is part of the answer.
    pub async fn fan_out(
        &self,
        spec: &FanOut,
        call: ShardCall<'_>,
    ) -> Result<FanOutAnswer, LunoraError> {
        spec.check()?;
        let keys = self.shard_keys(spec.table()).await?;
        self.check_shards(spec.table(), keys.len())?;
        let mut collector = answer::Collector::new(spec.merge(), &call, self.max_total_bytes);
        let mut answers = pin!(self.ask_each(keys, &call));
        while let Some(answer) = answers.next().await {
            collector.add(answer);
        }
        Ok(collector.finish())
    }

    /// Refuses a query that would ask too many shards.
    fn check_shards(&self, table: &str, shards: usize) -> Result<(), LunoraError> {
        if shards <= self.max_shards {
            return Ok(());
        }
        Err(LunoraError::bad_request(format!(
            "a query across the shards of {table:?} asks too many: expected at most {}, got {shards}; raise `max_shards` of the query coordinator",
            self.max_shards
        )))
    }

    /// Returns the shards of a table, each once, in the registry's order.
    pub(crate) async fn shard_keys(&self, table: &str) -> Result<Vec<ShardKey>, LunoraError> {
        let mut keys = self.in_time(self.registry.list_shard_keys(table)).await?;
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(key.clone()));
        Ok(keys)
    }

    /// Returns the shards of a table, or `default` alone if the registry has none: rows from before the
    /// registry are there.
    pub(crate) async fn shards_of(
        &self,
        table: &str,
        default: &ShardKey,
    ) -> Result<Vec<ShardKey>, LunoraError> {
        let mut keys = self.shard_keys(table).await?;
        if keys.is_empty() {
            keys.push(default.clone());
        }
        Ok(keys)
    }

    /// Returns the shards of every table; `None` if the registry cannot list them.
    pub(crate) async fn every_shard_key(&self) -> Result<Option<Vec<ShardKey>>, LunoraError> {
        self.in_time(self.registry.list_every_shard_key()).await
    }

    /// Registers a shard of a table.
    pub(crate) async fn register(&self, table: &str, key: &ShardKey) -> Result<(), LunoraError> {
        self.in_time(self.registry.register(table, key)).await
    }

    /// Returns the answer of the registry, within the timeout of a shard.
    async fn in_time<T>(
        &self,
        answer: LocalBoxFuture<'_, Result<T, LunoraError>>,
    ) -> Result<T, LunoraError> {
        within(&*self.clock, self.per_shard_timeout, answer).await.unwrap_or_else(|| {
            let message = "the shard registry gave no answer in time";
            Err(LunoraError::new(Code::ShardTimeout, message))
        })
    }
}

impl fmt::Debug for QueryCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryCoordinator")
            .field("max_concurrency", &self.concurrency)
            .field("per_shard_timeout", &self.per_shard_timeout)
            .field("retry", &self.retry)
            .field("max_shards", &self.max_shards)
            .field("max_shard_bytes", &self.max_shard_bytes)
            .field("max_total_bytes", &self.max_total_bytes)
            .finish_non_exhaustive()
    }
}

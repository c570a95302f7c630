//! Admin operations of operators, on every shard of a table.

mod catch_up;
mod changes;
mod clear;
mod clients;
mod export;
mod globals;
mod import;
mod migration;
mod outcome;
mod rank;
mod rank_page;
mod rebuild;
mod rows;
#[cfg(feature = "admin")]
mod scheduled;
mod scratch;
mod seal;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
mod tests;
mod traffic;

use std::{collections::HashSet, fmt, rc::Rc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde::Serialize;

use super::{QueryCoordinator, ShardCall, ShardFailure, merge};
use crate::{
    errors::{Code, LunoraError},
    log,
    platform::{Placement, ResolvedShard, ShardNamespace, resolve_shard},
    sort,
    wire::{
        AdminToken, ShardKey,
        envelope::shard_body,
        operation::{AnswerOf, ArgsOf, Operation, fill},
        paths,
    },
};

pub(crate) use self::{
    catch_up::ChangeLine,
    clients::{ClientImport, is_client_line},
    export::{ExportPosition, ShardPosition},
    globals::{GlobalCatalog, GlobalData, GlobalPosition, is_transient, not_configured},
    import::Import,
};
pub use self::{
    changes::{ApplyBatch, ApplyReport, ChangeError, ShardChanges, SyncReport, SyncRequest},
    export::{Export, ExportChunk, ExportRequest, ShardExport},
    import::{FailedShard, ImportReport, ImportTarget, RowError, Sharding},
    migration::{MigrationOperation, MigrationReport, MigrationRequest, MigrationStatus},
    outcome::ShardOutcome,
    rank::{RankReport, RankRequest, ShardRank},
    rank_page::{RankPage, RankPageRequest, ShardSlice, SortDirection},
    rebuild::RebuildReport,
    traffic::{ShardTraffic, TrafficReport},
};
#[cfg(feature = "admin")]
pub(crate) use self::{
    globals::{Moved, to_column},
    seal::Seal,
};

/// The admin operations of all shards: migrations, ranks, traffic, change feeds, export, import.
///
/// Each call carries the admin token, which every shard checks itself, and has the same limits as
/// the queries of the [`QueryCoordinator`]. A shard that fails is part of the report, unless the
/// operation is useless without it.
///
/// The default shard is asked if a table has no entry in the registry. An export of every table
/// refuses a registry without entries, unless the request allows it.
///
/// ```
/// use lunora::{
///     AdminToken, Response,
///     coordinator::{QueryCoordinator, ShardAdmin, StaticShardRegistry},
/// };
/// use lunora::testing::{ManualClock, MemoryNamespace};
///
/// # futures::executor::block_on(async {
/// let shards = MemoryNamespace::new(async |_address, _request| {
///     Response::raw_json(r#"{"result":{"requests":7}}"#)
/// });
/// let registry = StaticShardRegistry::new().table("messages", ["room:1", "room:2"])?;
/// let clock = ManualClock::new(0);
/// let coordinator = QueryCoordinator::new(registry).clock(clock.clone());
/// let token = AdminToken::new("a-token-that-nobody-guesses")?;
///
/// let admin = ShardAdmin::new(coordinator, shards, &token);
/// let traffic = clock.run(admin.shard_traffic("messages")).await?;
/// assert_eq!(traffic.shards[1].requests, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct ShardAdmin {
    coordinator: QueryCoordinator,
    namespace: Rc<dyn ShardNamespace>,
    placement: Placement,
    default_shard: ShardKey,
    globals: Option<Rc<dyn GlobalData>>,
    headers: HeaderMap,
}

impl ShardAdmin {
    /// Creates the admin operations of the shards in `namespace` that `coordinator`'s registry
    /// lists.
    #[must_use]
    pub fn new(
        coordinator: QueryCoordinator,
        namespace: impl ShardNamespace,
        token: &AdminToken,
    ) -> Self {
        Self::over(coordinator, Rc::new(namespace), token)
    }

    pub(crate) fn over(
        coordinator: QueryCoordinator,
        namespace: Rc<dyn ShardNamespace>,
        token: &AdminToken,
    ) -> Self {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        token.authorize(&mut headers);
        Self {
            coordinator,
            namespace,
            placement: Placement::default(),
            default_shard: ShardKey::default(),
            globals: None,
            headers,
        }
    }

    /// Sets the placement of the shards; by default the platform chooses.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets the shard that holds what no registry lists; `__root__` by default.
    #[must_use]
    pub fn default_shard(mut self, key: ShardKey) -> Self {
        self.default_shard = key;
        self
    }

    /// Sets the tables that belong to no shard, and are part of exports, imports and backups.
    #[cfg(feature = "admin")]
    #[must_use]
    pub fn global_tables(self, tables: impl crate::platform::GlobalTables) -> Self {
        self.with_globals(Some(Rc::new(Moved::new(Rc::new(tables)))))
    }

    #[cfg(feature = "admin")]
    pub(crate) fn with_globals(mut self, globals: Option<Rc<dyn GlobalData>>) -> Self {
        self.globals = globals;
        self
    }

    /// Returns the tables that belong to no shard, if the deployment has any.
    pub(crate) fn globals(&self) -> Option<&Rc<dyn GlobalData>> {
        self.globals.as_ref()
    }

    #[cfg(feature = "admin")]
    pub(crate) fn has_globals(&self) -> bool {
        self.globals.is_some()
    }

    /// Returns the names of the tables that belong to no shard.
    pub(crate) async fn global_catalog(&self) -> Result<GlobalCatalog, LunoraError> {
        match &self.globals {
            Some(globals) => globals.catalog().await,
            None => Ok(GlobalCatalog::default()),
        }
    }

    /// Sets the timeout of one call to a shard; the coordinator's by default.
    #[must_use]
    pub fn per_shard_timeout(mut self, timeout: Duration) -> Self {
        self.coordinator = self.coordinator.per_shard_timeout(timeout);
        self
    }

    /// Returns the identity of the deployment of the shards.
    pub(crate) fn namespace_id(&self) -> Option<String> {
        self.namespace.namespace_id()
    }

    fn shard(&self, key: ShardKey) -> ResolvedShard {
        resolve_shard(&self.namespace, key, &self.placement)
    }

    /// Returns the shards of one table, or the default shard if the registry has none.
    async fn shards_of(&self, table: &str) -> Result<Vec<ShardKey>, LunoraError> {
        self.coordinator.shards_of(table, &self.default_shard).await
    }

    /// Returns every shard that may hold a row of these tables, or of any table: the default shard
    /// first, since rows that no registry lists live there.
    pub(crate) async fn shards_holding(
        &self,
        tables: Option<&[String]>,
    ) -> Result<Vec<ShardKey>, LunoraError> {
        let mut keys = vec![self.default_shard.clone()];
        self.coordinator.registry.forget();
        match tables {
            Some(tables) => {
                for table in tables {
                    keys.extend(self.coordinator.shard_keys(table).await?);
                }
            }
            None => {
                let every = self.coordinator.every_shard_key().await?.ok_or_else(|| {
                    LunoraError::bad_request(
                        "the shard registry cannot list the shards of every table: name the tables",
                    )
                })?;
                keys.extend(every);
            }
        }
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(key.clone()));
        Ok(keys)
    }

    /// Returns every shard, from a registry that lists some: one that lost its entries must not
    /// pass for an empty deployment.
    async fn shards_listed(&self) -> Result<Vec<ShardKey>, LunoraError> {
        self.coordinator.registry.forget();
        if self.coordinator.every_shard_key().await?.is_some_and(|every| every.is_empty()) {
            return Err(LunoraError::new(
                Code::RegistryEmpty,
                "the registry lists no shards: if it lost its entries, run `lunora registry rebuild`; \
                 a deployment that is new, or has its rows in the default shard, says so with \
                 `allow_empty_registry`",
            ));
        }
        self.shards_holding(None).await
    }

    pub(super) async fn refuse_unknown_tables(&self, tables: &[String]) -> Result<(), LunoraError> {
        match self.unknown_tables(tables).await?.first() {
            None => Ok(()),
            Some(table) => {
                let message = format!("there is no table `{table}`");
                Err(LunoraError::new(Code::UnknownTable, message))
            }
        }
    }

    /// Returns those of `tables` that neither the registry nor a shard knows. If a shard cannot
    /// list its tables, nothing is known of the others, and they pass.
    pub(crate) async fn unknown_tables(
        &self,
        tables: &[String],
    ) -> Result<Vec<String>, LunoraError> {
        let mut unknown = Vec::new();
        for table in tables {
            if self.coordinator.shard_keys(table).await?.is_empty() {
                unknown.push(table.clone());
            }
        }
        if unknown.is_empty() {
            return Ok(unknown);
        }
        for key in self.shards_holding(Some(tables)).await? {
            let Some(known) = self.tables(&key).await? else {
                let names = unknown.join("`, `");
                log::warn(&format!(
                    "shard `{key}` cannot list its tables: whether `{names}` exist is not known"
                ));
                return Ok(Vec::new());
            };
            unknown.retain(|table| !known.contains(table));
            if unknown.is_empty() {
                break;
            }
        }
        Ok(unknown)
    }

    /// Sends the same call to each shard; returns the answers without their envelope, in the order
    /// of `keys`.
    async fn ask_all(
        &self,
        keys: Vec<ShardKey>,
        call: &AdminCall,
    ) -> Vec<(ShardKey, Result<Bytes, ShardFailure>)> {
        let resolve = |key| self.shard(key);
        let call = self.to_shard_call(&resolve, call);
        let mut answers: Vec<_> = self.coordinator.ask_each(keys, &call).collect().await;
        sort::sort_by_key(&mut answers, |answer| answer.index);
        let unwrap = |answer: super::engine::ShardAnswer| {
            let outcome = answer.outcome.and_then(|body| result_of(&answer.key, &body));
            (answer.key, outcome)
        };
        answers.into_iter().map(unwrap).collect()
    }

    /// Sends a call to one shard; returns the answer without its envelope.
    async fn ask(&self, key: &ShardKey, call: &AdminCall) -> Result<Bytes, ShardFailure> {
        let resolve = |key| self.shard(key);
        let call = self.to_shard_call(&resolve, call);
        let body = self.coordinator.ask_one(key, &call).await?;
        result_of(key, &body)
    }

    fn to_shard_call<'a>(
        &self,
        resolve: &'a dyn Fn(ShardKey) -> ResolvedShard,
        call: &AdminCall,
    ) -> ShardCall<'a> {
        let shard_call = ShardCall::new(resolve, call.body.clone()).headers(self.headers.clone());
        if call.repeatable { shard_call.read() } else { shard_call }
    }
}

impl fmt::Debug for ShardAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardAdmin")
            .field("coordinator", &self.coordinator)
            .field("default_shard", &self.default_shard)
            .finish_non_exhaustive()
    }
}

/// One admin operation with its arguments, in the form of a shard's `POST /rpc`.
struct AdminCall {
    body: Bytes,
    repeatable: bool,
}

impl AdminCall {
    fn of<O: Operation>(args: &(impl ArgsOf<O> + Serialize + ?Sized)) -> Result<Self, LunoraError> {
        Ok(Self::of_text::<O>(&serde_json::to_string(args).map_err(LunoraError::internal)?))
    }

    /// Creates a call with a list that is JSON text in place of the first field of `args`.
    fn filled<O: Operation>(
        args: &(impl ArgsOf<O> + Serialize),
        list: &str,
    ) -> Result<Self, LunoraError> {
        Ok(Self::of_text::<O>(&fill(args, list).map_err(LunoraError::internal)?))
    }

    fn of_text<O: Operation>(args: &str) -> Self {
        let path = [paths::ADMIN_PREFIX, O::NAME].concat();
        Self { body: shard_body(&path, args).into(), repeatable: O::REPEATABLE }
    }
}

/// Extracts the answer of a shard from its envelope `{"result":…}`.
fn result_of(key: &ShardKey, body: &Bytes) -> Result<Bytes, ShardFailure> {
    merge::result_of(body).map_err(|unreadable| unreadable_answer(key, unreadable))
}

/// Returns the failure of a shard that answered with `what`.
fn unreadable_answer(key: &ShardKey, what: impl fmt::Display) -> ShardFailure {
    let message = format!("shard {:?} answered with {what}", key.as_str());
    ShardFailure::logged(key, &LunoraError::new(Code::ShardError, message), false)
}

/// Parses the answer of a shard.
fn read<'a, O: Operation, T: AnswerOf<O> + serde::Deserialize<'a>>(
    key: &ShardKey,
    result: &'a [u8],
) -> Result<T, ShardFailure> {
    serde_json::from_slice(result)
        .map_err(|error| unreadable_answer(key, format_args!("an unexpected result: {error}")))
}

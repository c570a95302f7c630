//! The paths and names that the wire reserves, and the budgets of their bodies.

/// Everything below belongs to the framework.
pub(crate) const PLANE: &str = "/_lunora/";
/// One call.
pub(crate) const RPC: &str = "/_lunora/rpc";
/// Several calls.
pub(crate) const RPC_BATCH: &str = "/_lunora/rpc-batch";
/// A live connection.
pub(crate) const WS: &str = "/_lunora/ws";
/// Whether the Worker answers at all.
pub(crate) const STATUS: &str = "/_lunora/status";

/// Everything below belongs to operators.
#[cfg(feature = "admin")]
pub(crate) const ADMIN: &str = "/_lunora/admin/";
/// Whether the Worker and what it depends on are well.
#[cfg(feature = "admin")]
pub(crate) const HEALTH: &str = "/_lunora/health";
/// Whether the Worker may be sent requests.
#[cfg(feature = "admin")]
pub(crate) const HEALTH_READY: &str = "/_lunora/health/ready";
/// A call that the scheduler makes when its time has come.
#[cfg(feature = "admin")]
pub(crate) const SCHEDULER_DISPATCH: &str = "/_lunora/scheduler/dispatch";

/// Operations that the shard's own admin gate decides on.
pub(crate) const ADMIN_PREFIX: &str = "__lunora_admin__:";
/// Relation reads, which only ever run across shards.
pub(crate) const RELATION_PREFIX: &str = "__lunora_relation__:";

/// Where a page of a change feed ends, in bytes, though it has one change at least.
///
/// A document has 2 MB at most, so that a page with one change is smaller than [`MAX_CHANGES`] as well.
#[cfg(feature = "shard")]
pub(crate) const CHANGES_PAGE: u64 = 1024 * 1024;

/// The largest page of changes, or batch of them, in bytes.
pub(crate) const MAX_CHANGES: usize = 4 * 1024 * 1024;

/// The largest body of a call, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Where a call goes on its shard. The origin is made up: only the object sees it.
pub(crate) const SHARD_RPC: &str = "https://shard.internal/rpc";
/// Where a shard takes its part of a batch.
pub(crate) const SHARD_RPC_BATCH: &str = "https://shard.internal/rpc-batch";

/// The path of a call on its shard.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_RPC: &str = "/rpc";
/// The path of a batch on its shard.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_RPC_BATCH: &str = "/rpc-batch";
/// Where a shard says how many relays it has.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_ROUTE: &str = "/_lunora/route";

//! Registries of the shards that a table has.

mod durable;
mod fixed;
mod object;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::future::ready;

use futures::future::{FutureExt, LocalBoxFuture};

use crate::{errors::LunoraError, platform::Jurisdiction, wire::ShardKey};

pub use self::{
    durable::DurableShardRegistry, fixed::StaticShardRegistry, object::ShardRegistryObject,
};

/// Knows the shards of each table.
pub trait ShardRegistry: 'static {
    /// Returns the shards of `table`, in the order in which their answers are merged; an empty list
    /// for a table that was never registered.
    ///
    /// # Errors
    /// If the shards cannot be known. An empty list is an answer, and means that there are none.
    fn list_shard_keys<'a>(
        &'a self,
        table: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>>;

    /// Returns the shards of every table, each at least once; `None` if this registry cannot list
    /// them, which is the default. A backup of every table needs it.
    ///
    /// # Errors
    /// If the shards cannot be known.
    fn list_every_shard_key(
        &self,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<ShardKey>>, LunoraError>> {
        ready(Ok(None)).boxed_local()
    }

    /// Binds the contents of the registry to the jurisdiction of the shards, since their keys are
    /// data too. [`Builder::build`](crate::builder::Builder::build) calls it. Does nothing by default.
    fn bind(&self, jurisdiction: Jurisdiction) {
        let _ = jurisdiction;
    }

    /// Drops the cache, so that the next answer is fresh. Does nothing by default.
    fn forget(&self) {}

    /// Registers a shard of a table, so that queries and backups find the rows that are imported
    /// into it. Does nothing by default, which suits a registry with fixed contents.
    ///
    /// # Errors
    /// If the entry was not made.
    fn register<'a>(
        &'a self,
        table: &'a str,
        key: &'a ShardKey,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        let _ = (table, key);
        ready(Ok(())).boxed_local()
    }
}

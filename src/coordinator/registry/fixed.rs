//! A registry with fixed contents.

use std::future::ready;

use futures::future::{FutureExt, LocalBoxFuture};

use super::ShardRegistry;
use crate::{
    errors::LunoraError,
    wire::{ShardKey, ShardKeyError},
};

/// A registry with fixed contents: for deployments whose shards are known, and for tests.
///
/// ```
/// use lunora::coordinator::StaticShardRegistry;
///
/// let registry = StaticShardRegistry::new()
///     .table("messages", ["room:1", "room:2"])?
///     .every_table(["__root__"])?;
/// # Ok::<(), lunora::wire::ShardKeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticShardRegistry {
    /// A list, for it is short and each Worker that starts makes it anew.
    tables: Vec<(String, Vec<ShardKey>)>,
    others: Vec<ShardKey>,
}

impl StaticShardRegistry {
    /// Creates a registry without shards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the shards of one table; a second call for the same table replaces them.
    ///
    /// # Errors
    /// If a text is not a valid shard key.
    pub fn table(
        mut self,
        table: impl Into<String>,
        keys: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ShardKeyError> {
        let keys = collect(keys)?;
        let table = table.into();
        self.tables.retain(|(known, _)| *known != table);
        self.tables.push((table, keys));
        Ok(self)
    }

    /// Sets the shards of every table that was not named by [`table`](Self::table).
    ///
    /// # Errors
    /// If a text is not a valid shard key.
    pub fn every_table(
        mut self,
        keys: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ShardKeyError> {
        self.others = collect(keys)?;
        Ok(self)
    }
}

fn collect(
    keys: impl IntoIterator<Item = impl Into<String>>,
) -> Result<Vec<ShardKey>, ShardKeyError> {
    keys.into_iter().map(ShardKey::new).collect()
}

impl ShardRegistry for StaticShardRegistry {
    fn list_shard_keys<'a>(
        &'a self,
        table: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
        let named = self.tables.iter().find(|(known, _)| known == table);
        let keys = named.map_or(&self.others, |(_, keys)| keys);
        ready(Ok(keys.clone())).boxed_local()
    }

    fn list_every_shard_key(
        &self,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<ShardKey>>, LunoraError>> {
        let every = self.tables.iter().map(|(_, keys)| keys).chain([&self.others]).flatten();
        let every = crate::sort::set(every);
        ready(Ok(Some(every.into_iter().cloned().collect()))).boxed_local()
    }
}

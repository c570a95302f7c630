//! Who knows which shards a table has.

mod durable;
mod fixed;
mod object;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use futures::future::LocalBoxFuture;

use crate::{errors::LunoraError, wire::ShardKey};

pub use self::{
    durable::DurableShardRegistry, fixed::StaticShardRegistry, object::ShardRegistryObject,
};

/// Knows which shards a table has.
pub trait ShardRegistry: 'static {
    /// The shards of `table`, in the order in which their answers are merged; none for a table
    /// that nobody registered.
    ///
    /// # Errors
    /// When the shards cannot be known. An empty list is an answer, and means that there are none.
    fn list_shard_keys<'a>(
        &'a self,
        table: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>>;
}

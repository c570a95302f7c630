//! The storage of a shard registry.

use futures::future::LocalBoxFuture;

use crate::errors::LunoraError;

/// The storage of a [`ShardRegistryObject`](crate::coordinator::ShardRegistryObject): a set of texts, such as
/// the keys of a Durable Object's storage.
pub trait RegistryStorage: 'static {
    /// Adds an entry; `false` if it already exists.
    fn insert<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;

    /// Removes an entry; `false` if it does not exist.
    fn remove<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;

    /// Returns every entry that begins with `prefix`, in the order of their bytes.
    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, LunoraError>>;
}

//! Texts by key: a namespace of Workers KV, or its stand-in in a test.

use futures::future::LocalBoxFuture;
use serde_json::Value;

use crate::errors::LunoraError;

/// A namespace of Workers KV as operators see it, or its stand-in in a test.
///
/// `worker::kv::KvStore` is such a namespace: `env.kv("SETTINGS")?`.
pub trait KeyValueStore: 'static {
    /// Lists the keys that begin with a prefix, in their order, one page at a time.
    fn list(&self, options: KvList) -> LocalBoxFuture<'_, Result<KvPage, LunoraError>>;

    /// Returns a value with its metadata; `None` if it does not exist.
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<Option<KvEntry>, LunoraError>>;

    /// Writes a value, replacing an existing one.
    fn put<'a>(
        &'a self,
        key: &'a str,
        entry: KvEntry,
        expiry: Option<KvExpiry>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;

    /// Deletes a value; an absent value is not an error.
    fn delete<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// A selection of keys to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KvList {
    /// The prefix of the keys; empty for every key.
    pub prefix: String,
    /// The end of the last page.
    pub cursor: Option<String>,
    /// The maximum number of keys per page, 1 to 1000; `None` for the store's default.
    pub limit: Option<u16>,
}

/// A page of the requested keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KvPage {
    /// The keys.
    pub keys: Vec<KvKey>,
    /// The cursor of the next page; `None` after the last page.
    pub cursor: Option<String>,
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq)]
pub struct KvKey {
    /// The key.
    pub name: String,
    /// The time of expiry, in seconds since 1970.
    pub expiration: Option<u64>,
    /// The metadata of the value.
    pub metadata: Option<Value>,
}

/// A value and its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct KvEntry {
    /// The value.
    pub value: String,
    /// The metadata of the value.
    pub metadata: Option<Value>,
}

/// The expiry of a value; not within the next 60 seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KvExpiry {
    /// Expires at this time, in seconds since 1970.
    At(u64),
    /// Expires after this number of seconds.
    After(u64),
}

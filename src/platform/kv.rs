//! Texts by key: a namespace of Workers KV, or its stand-in in a test.

use futures::future::LocalBoxFuture;
use serde_json::Value;

use crate::errors::LunoraError;

/// A namespace of Workers KV as operators see it, or its stand-in in a test.
///
/// `worker::kv::KvStore` is such a namespace: `env.kv("SETTINGS")?`.
pub trait KeyValueStore: 'static {
    /// The keys that begin with a prefix, in their order, a page at a time.
    fn list(&self, options: KvList) -> LocalBoxFuture<'_, Result<KvPage, LunoraError>>;

    /// A value with its metadata; `None` when there is none.
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<Option<KvEntry>, LunoraError>>;

    /// Writes a value, over the one that has the key.
    fn put<'a>(
        &'a self,
        key: &'a str,
        entry: KvEntry,
        expiry: Option<KvExpiry>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;

    /// Deletes a value; that there is none is no error.
    fn delete<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// Which keys to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KvList {
    /// What the keys begin with; empty for every key.
    pub prefix: String,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// The most keys of one page, 1 to 1000; none for the store's own measure.
    pub limit: Option<u16>,
}

/// Some of the keys that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KvPage {
    /// The keys.
    pub keys: Vec<KvKey>,
    /// Where to go on; `None` after the last page.
    pub cursor: Option<String>,
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq)]
pub struct KvKey {
    /// The key.
    pub name: String,
    /// When it expires, in seconds since 1970.
    pub expiration: Option<u64>,
    /// What was noted beside the value.
    pub metadata: Option<Value>,
}

/// A value, and what was noted beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct KvEntry {
    /// The value.
    pub value: String,
    /// What was noted beside it.
    pub metadata: Option<Value>,
}

/// When a value goes away by itself; not within the next 60 seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KvExpiry {
    /// At this time, in seconds since 1970.
    At(u64),
    /// After so many seconds.
    After(u64),
}

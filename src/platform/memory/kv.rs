//! Texts by key, in memory.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::ManualClock;
use crate::{
    errors::LunoraError,
    platform::{Clock, KeyValueStore, KvEntry, KvExpiry, KvKey, KvList, KvPage},
};

/// A [`KeyValueStore`] in memory; a clone shares the values.
///
/// ```
/// use lunora::{operate::{KeyValueStore, KvEntry}, testing::MemoryKv};
///
/// # futures::executor::block_on(async {
/// let kv = MemoryKv::new();
/// kv.put("theme", KvEntry { value: "dark".into(), metadata: None }, None).await?;
/// assert_eq!(kv.get("theme").await?.unwrap().value, "dark");
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryKv {
    entries: Rc<RefCell<BTreeMap<String, Held>>>,
    clock: ManualClock,
}

struct Held {
    entry: KvEntry,
    expiration: Option<u64>,
}

impl MemoryKv {
    /// Returns an empty store, with a clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock by which values expire.
    #[must_use]
    pub fn with_clock(mut self, clock: ManualClock) -> Self {
        self.clock = clock;
        self
    }

    fn now(&self) -> u64 {
        self.clock.now_ms() / 1000
    }
}

impl Held {
    fn is_alive(&self, now: u64) -> bool {
        self.expiration.is_none_or(|expiration| expiration > now)
    }
}

impl KeyValueStore for MemoryKv {
    fn list(&self, options: KvList) -> LocalBoxFuture<'_, Result<KvPage, LunoraError>> {
        let (entries, now) = (self.entries.borrow(), self.now());
        let after = options.cursor.unwrap_or_default();
        let limit = usize::from(options.limit.unwrap_or(1000));
        let mut keys: Vec<KvKey> = entries
            .iter()
            .filter(|(name, held)| {
                name.starts_with(&options.prefix) && **name > after && held.is_alive(now)
            })
            .take(limit + 1)
            .map(|(name, held)| KvKey {
                name: name.clone(),
                expiration: held.expiration,
                metadata: held.entry.metadata.clone(),
            })
            .collect();
        let more = keys.len() > limit;
        keys.truncate(limit);
        let cursor = keys.last().filter(|_| more).map(|key| key.name.clone());
        ready(Ok(KvPage { keys, cursor })).boxed_local()
    }

    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<Option<KvEntry>, LunoraError>> {
        let entries = self.entries.borrow();
        let held = entries.get(key).filter(|held| held.is_alive(self.now()));
        ready(Ok(held.map(|held| held.entry.clone()))).boxed_local()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        entry: KvEntry,
        expiry: Option<KvExpiry>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        let expiration = expiry.map(|expiry| match expiry {
            KvExpiry::At(second) => second,
            KvExpiry::After(seconds) => self.now().saturating_add(seconds),
        });
        self.entries.borrow_mut().insert(key.to_owned(), Held { entry, expiration });
        ready(Ok(())).boxed_local()
    }

    fn delete<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        self.entries.borrow_mut().remove(key);
        ready(Ok(())).boxed_local()
    }
}

impl fmt::Debug for MemoryKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.borrow().keys()).finish()
    }
}

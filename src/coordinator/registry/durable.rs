//! The registry that the deployment stores in a Durable Object of its own.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    fmt,
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use serde_json::{Map, Value, json};

use super::{super::success, ShardRegistry};
use crate::{
    errors::{Code, LunoraError},
    message::Request,
    platform::{
        Clock, CloudflareClock, Jurisdiction, ShardAddress, ShardNamespace, millis, within,
    },
    wire::ShardKey,
};

/// The registry that a deployment stores itself, in the Durable Object `__lunora_shard_registry__`
/// of a namespace (docs/wire.md, "The shard registry").
///
/// The shards of a table are cached for 30 seconds; its own writes are visible at once. An
/// unreadable answer is an error and never an empty list: an export or a migration of every shard
/// must not take a broken registry for a deployment without data.
///
/// A clone shares the cache and the jurisdiction: the object is in the jurisdiction of the shards,
/// which the builder knows ([`ShardRegistry::bind`]).
///
/// ```
/// use lunora::{Response, coordinator::{DurableShardRegistry, ShardRegistry}};
/// use lunora::testing::{ManualClock, MemoryNamespace};
///
/// # futures::executor::block_on(async {
/// let objects = MemoryNamespace::new(async |_object, request| match request.path() {
///     "/list" => Response::raw_json(r#"{"shardKeys":["room:1"]}"#),
///     _ => Response::raw_json(r#"{"changed":true,"ok":true}"#),
/// });
/// let registry = DurableShardRegistry::new(objects).clock(ManualClock::new(0));
/// assert!(registry.register("messages", &"room:1".parse()?).await?);
/// assert_eq!(registry.list_shard_keys("messages").await?[0].as_str(), "room:1");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct DurableShardRegistry {
    namespace: Rc<dyn ShardNamespace>,
    /// The name of the object; `None` for the default name.
    instance: Option<ShardKey>,
    jurisdiction: Rc<Cell<Option<Jurisdiction>>>,
    clock: Rc<dyn Clock>,
    cache_for: Duration,
    timeout: Duration,
    cache: Rc<Cache>,
}

impl DurableShardRegistry {
    /// The name of the object, unless [`instance`](Self::instance) sets another.
    pub const INSTANCE: &'static str = "__lunora_shard_registry__";

    const ORIGIN: &'static str = "https://shard-registry.internal";
    /// The largest answer that is read.
    const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// Creates a client of the registry in this namespace.
    #[must_use]
    pub fn new(namespace: impl ShardNamespace) -> Self {
        Self {
            namespace: Rc::new(namespace),
            instance: None,
            jurisdiction: Rc::default(),
            clock: Rc::new(CloudflareClock),
            cache_for: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            cache: Rc::default(),
        }
    }

    /// Sets the name of the object; [`INSTANCE`](Self::INSTANCE) by default. Two deployments that
    /// share a namespace separate their entries with it.
    ///
    /// Shards of `shard!` announce themselves to the default instance.
    #[must_use]
    pub fn instance(mut self, name: ShardKey) -> Self {
        self.instance = Some(name);
        self.cache = Rc::default();
        self
    }

    /// Sets the time for which the shards of a table are cached; 30 seconds by default, and zero
    /// for never.
    #[must_use]
    pub fn cache_for(mut self, duration: Duration) -> Self {
        self.cache_for = duration;
        self
    }

    /// Sets how long an answer of the registry may take; 10 seconds by default.
    ///
    /// A shard that writes its first row waits for its entry, and an object that waits cannot
    /// hibernate.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the clock of the cache and the timeout; by default the runtime's. Tests set another.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Rc::new(clock);
        self
    }

    /// Registers a shard of a table; returns `false` if it was already registered.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` if the registry refuses the entry: table and key must not be empty, nor
    /// too long together. Also if it gave no answer, or an unreadable one; the shard may be
    /// registered then.
    pub async fn register(&self, table: &str, key: &ShardKey) -> Result<bool, LunoraError> {
        self.write("register", table, key).await
    }

    /// Removes a shard of a table; returns `false` if it was not registered.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub async fn unregister(&self, table: &str, key: &ShardKey) -> Result<bool, LunoraError> {
        self.write("unregister", table, key).await
    }

    /// Returns every table with its shards; never from the cache.
    ///
    /// # Errors
    /// If the registry gave no answer, or an unreadable one.
    pub async fn snapshot(&self) -> Result<BTreeMap<String, Vec<ShardKey>>, LunoraError> {
        let url = format!("{}/snapshot", Self::ORIGIN);
        let mut answer = self.ask(Request::get(url)).await?;
        let tables = match answer.remove("tables") {
            Some(Value::Object(tables)) => tables,
            _ => return Err(unreadable("no `tables`")),
        };
        tables.into_iter().map(|(table, keys)| Ok((table, shard_keys(keys)?))).collect()
    }

    /// Drops the cached shards of one table. [`ShardRegistry::forget`] drops those of every table.
    pub fn forget_table(&self, table: &str) {
        self.cache.forget(table);
    }

    #[cfg(test)]
    pub(super) fn cached_tables(&self) -> usize {
        self.cache.tables.borrow().len()
    }

    async fn list(&self, table: &str) -> Result<Vec<ShardKey>, LunoraError> {
        let now = self.clock.now_ms();
        if let Some(keys) = self.cache.get(table, now) {
            return Ok(keys);
        }
        let writes = self.cache.writes.get();
        let table_value: String = form_urlencoded::byte_serialize(table.as_bytes()).collect();
        let url = format!("{}/list?table={table_value}", Self::ORIGIN);
        let mut answer = self.ask(Request::get(url)).await?;
        let keys = shard_keys(answer.remove("shardKeys").unwrap_or_default())?;
        // A list that was read during a write may be from before it.
        if writes == self.cache.writes.get() {
            let lifetime = millis(self.cache_for);
            self.cache.put(table, now, now.saturating_add(lifetime), &keys);
        }
        Ok(keys)
    }

    async fn write(
        &self,
        operation: &str,
        table: &str,
        key: &ShardKey,
    ) -> Result<bool, LunoraError> {
        let _write = self.cache.begin_write();
        let body = json!({ "table": table, "shardKey": key.as_str() }).to_string();
        let url = format!("{}/{operation}", Self::ORIGIN);
        let request = Request::post(url, body).with_header("content-type", "application/json");
        let answer = self.ask(request).await?;
        answer.get("changed").and_then(Value::as_bool).ok_or_else(|| unreadable("no `changed`"))
    }

    async fn ask(&self, request: Request) -> Result<Map<String, Value>, LunoraError> {
        let instance = match &self.instance {
            Some(name) => name.clone(),
            None => ShardKey::new(Self::INSTANCE)?,
        };
        let mut address = ShardAddress::new(instance);
        address.jurisdiction = self.jurisdiction.get();
        let answer = async {
            let response = self.namespace.fetch(&address, request).await?;
            success::body("the shard registry", response, Self::MAX_BYTES).await
        };
        let body: Bytes =
            within(&*self.clock, self.timeout, answer).await.unwrap_or_else(|| {
                let limit = self.timeout.as_millis();
                let message = format!("the shard registry gave no answer within {limit} ms");
                Err(LunoraError::new(Code::ShardTimeout, message))
            })?;
        serde_json::from_slice(&body)
            .map_err(|error| unreadable("no JSON object").with_source(error))
    }
}

impl ShardRegistry for DurableShardRegistry {
    fn list_shard_keys<'a>(
        &'a self,
        table: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
        self.list(table).boxed_local()
    }

    fn list_every_shard_key(
        &self,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<ShardKey>>, LunoraError>> {
        let every = async {
            let tables = self.snapshot().await?;
            Ok(Some(tables.into_values().flatten().collect()))
        };
        every.boxed_local()
    }

    fn register<'a>(
        &'a self,
        table: &'a str,
        key: &'a ShardKey,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        async { self.register(table, key).await.map(drop) }.boxed_local()
    }

    fn bind(&self, jurisdiction: Jurisdiction) {
        self.jurisdiction.set(Some(jurisdiction));
        self.cache.invalidate();
    }

    fn forget(&self) {
        self.cache.invalidate();
    }
}

impl fmt::Debug for DurableShardRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableShardRegistry")
            .field("instance", &self.instance)
            .field("jurisdiction", &self.jurisdiction.get())
            .field("cache_for", &self.cache_for)
            .finish_non_exhaustive()
    }
}

/// Reads a list of shard keys; a single invalid key makes the whole list unreadable.
fn shard_keys(list: Value) -> Result<Vec<ShardKey>, LunoraError> {
    let keys: Vec<String> = serde_json::from_value(list)
        .map_err(|error| unreadable("no list of keys").with_source(error))?;
    keys.into_iter()
        .map(|key| {
            ShardKey::new(key).map_err(|error| unreadable("a reserved key").with_source(error))
        })
        .collect()
}

fn unreadable(what: &str) -> LunoraError {
    LunoraError::new(Code::ShardError, format!("the shard registry answered with {what}"))
}

/// The recent lists of the registry. It only holds values: on the real runtime a request must not
/// wait for the I/O of another.
#[derive(Default)]
struct Cache {
    tables: RefCell<HashMap<String, Entry>>,
    /// The number of writes that began or ended, and of times that the cache was dropped.
    writes: Cell<u64>,
}

struct Entry {
    expires_ms: u64,
    keys: Vec<ShardKey>,
}

impl Cache {
    /// Clients name tables, so the cache needs a limit.
    const MAX_TABLES: usize = 1024;

    fn get(&self, table: &str, now_ms: u64) -> Option<Vec<ShardKey>> {
        let tables = self.tables.borrow();
        let entry = tables.get(table).filter(|entry| now_ms < entry.expires_ms)?;
        Some(entry.keys.clone())
    }

    fn put(&self, table: &str, now_ms: u64, expires_ms: u64, keys: &[ShardKey]) {
        let mut tables = self.tables.borrow_mut();
        tables.retain(|_, entry| now_ms < entry.expires_ms);
        if tables.len() < Self::MAX_TABLES {
            let keys = keys.to_vec();
            tables.insert(table.to_owned(), Entry { expires_ms, keys });
        }
    }

    fn begin_write(&self) -> Write<'_> {
        self.invalidate();
        Write(self)
    }

    fn invalidate(&self) {
        self.writes.set(self.writes.get().wrapping_add(1));
        self.tables.borrow_mut().clear();
    }

    /// Drops one table, and any list that is being read now.
    fn forget(&self, table: &str) {
        self.writes.set(self.writes.get().wrapping_add(1));
        self.tables.borrow_mut().remove(table);
    }
}

/// A write in progress. When it ends, or is given up, no list that was read meanwhile is cached.
struct Write<'a>(&'a Cache);

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.0.invalidate();
    }
}

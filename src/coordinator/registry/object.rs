//! The request handler of the registry's Durable Object, independent of its host.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    errors::{Code, LunoraError},
    log,
    message::{Request, Response, to_error_response},
    platform::RegistryStorage,
    wire::ShardKey,
};

/// The server of [`DurableShardRegistry`](crate::coordinator::DurableShardRegistry), which stores the shards of
/// each table (docs/wire.md, "The shard registry").
///
/// `POST /register` and `POST /unregister` take `{"table","shardKey"}`, two texts that must not be
/// empty; the table is trimmed, and the key is taken as it is; `GET /list?table=T` and
/// `GET /snapshot` return the entries, in the order of the shard keys' bytes. The object
/// authenticates no caller: keep its namespace out of every public route.
///
/// ```
/// use std::{cell::RefCell, collections::BTreeSet};
/// use futures::future::{FutureExt, LocalBoxFuture, ready};
/// use lunora::{LunoraError, Request, coordinator::ShardRegistryObject, platform::RegistryStorage};
///
/// #[derive(Default)]
/// struct Memory(RefCell<BTreeSet<String>>);
///
/// impl RegistryStorage for Memory {
///     fn insert<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
///         ready(Ok(self.0.borrow_mut().insert(entry.to_owned()))).boxed_local()
///     }
///     fn remove<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
///         ready(Ok(self.0.borrow_mut().remove(entry))).boxed_local()
///     }
///     fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, LunoraError>> {
///         let entries = self.0.borrow();
///         let found = entries.iter().filter(|entry| entry.starts_with(prefix));
///         ready(Ok(found.cloned().collect())).boxed_local()
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let object = ShardRegistryObject::new(Memory::default());
/// let entry = r#"{"table":"messages","shardKey":"room:1"}"#;
/// let answer = object.fetch(Request::post("https://shard-registry.internal/register", entry)).await;
/// assert_eq!(answer.body().as_bytes().unwrap(), r#"{"changed":true,"ok":true}"#);
/// # });
/// ```
#[derive(Debug)]
pub struct ShardRegistryObject<S> {
    storage: S,
}

impl<S: RegistryStorage> ShardRegistryObject<S> {
    /// Creates a registry that keeps its entries in `storage`.
    pub fn new(storage: S) -> Self {
        Self { storage }
    }

    /// Answers one request; an error becomes a response, and a server error is logged.
    pub async fn fetch(&self, request: Request) -> Response {
        self.answer(request).await.unwrap_or_else(|error| {
            if error.status().is_server_error() {
                log::error(&format!("the shard registry failed: {}", error.to_log_line()));
            }
            to_error_response(&error)
        })
    }

    async fn answer(&self, mut request: Request) -> Result<Response, LunoraError> {
        let method = request.method().clone();
        let answer = match (method, request.path()) {
            (Method::POST, "/register") => {
                let entry = read_entry(&mut request).await?;
                json!({ "changed": self.storage.insert(&entry).await?, "ok": true })
            }
            (Method::POST, "/unregister") => {
                let entry = read_entry(&mut request).await?;
                json!({ "changed": self.storage.remove(&entry).await?, "ok": true })
            }
            (Method::GET, "/list") => {
                let table = request.query("table").unwrap_or_default();
                json!({ "shardKeys": self.list(text("table", &table)?).await? })
            }
            (Method::GET, "/snapshot") => json!({ "tables": self.snapshot().await? }),
            _ => return Err(LunoraError::new(Code::NotFound, "Not found")),
        };
        Response::json(&answer)
    }

    async fn list(&self, table: &str) -> Result<Vec<String>, LunoraError> {
        let prefix = entry(table, "");
        let entries = self.storage.list(&prefix).await?;
        Ok(entries.iter().filter_map(|entry| entry.strip_prefix(&prefix)).map(Into::into).collect())
    }

    async fn snapshot(&self) -> Result<BTreeMap<String, Vec<String>>, LunoraError> {
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for entry in self.storage.list(PREFIX).await? {
            if let Some((table, key)) = split_entry(&entry) {
                tables.entry(table.to_owned()).or_default().push(key.to_owned());
            }
        }
        Ok(tables)
    }
}

/// The longest entry, in bytes: the limit of a key in a Durable Object's storage.
const MAX_ENTRY: usize = 2048;
/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;
const PREFIX: &str = "shard:";

/// Returns `shard:<length of the table>:<table>:<key>`. With the length before it, a table's name
/// may contain anything, and the entries of one table never begin like another's.
fn entry(table: &str, key: &str) -> String {
    format!("{PREFIX}{}:{table}:{key}", table.len())
}

fn split_entry(entry: &str) -> Option<(&str, &str)> {
    let (length, rest) = entry.strip_prefix(PREFIX)?.split_once(':')?;
    let (table, key) = rest.split_at_checked(length.parse().ok()?)?;
    Some((table, key.strip_prefix(':')?))
}

async fn read_entry(request: &mut Request) -> Result<String, LunoraError> {
    let body: Map<String, Value> = request.json(MAX_BODY).await?;
    let field = |name| match body.get(name) {
        Some(Value::String(value)) => Ok(value.as_str()),
        _ => Err(LunoraError::bad_request(format!("{name} must be a string"))),
    };
    // A key that no shard can have would make the whole list unreadable. Spaces around a key are
    // part of it: without them it is the key of another shard.
    let key = field("shardKey")?;
    if key.is_empty() {
        return Err(LunoraError::bad_request("shardKey must not be empty"));
    }
    let key = ShardKey::new(key).map_err(|error| LunoraError::bad_request(error.to_string()))?;
    let entry = entry(text("table", field("table")?)?, key.as_str());
    if entry.len() > MAX_ENTRY {
        return Err(LunoraError::bad_request("table and shardKey are too long together"));
    }
    Ok(entry)
}

fn text<'a>(name: &str, value: &'a str) -> Result<&'a str, LunoraError> {
    Some(value.trim())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| LunoraError::bad_request(format!("{name} must not be empty")))
}

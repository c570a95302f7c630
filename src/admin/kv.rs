//! `kv/*`: the namespaces of Workers KV.

use std::{fmt, rc::Rc};

use futures::future::LocalBoxFuture;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
    platform::{KeyValueStore, KvEntry, KvExpiry, KvList},
};

/// The shortest lifetime of a value, in seconds.
const MIN_TTL: u64 = 60;

/// The namespaces of Workers KV that operators may browse, by their binding names.
///
/// ```
/// use lunora::{operate::KvNamespaces, testing::MemoryKv};
///
/// let kv = KvNamespaces::new().namespace("SETTINGS", MemoryKv::new());
/// # let _ = kv;
/// ```
#[derive(Default)]
pub struct KvNamespaces {
    namespaces: Vec<(String, Rc<dyn KeyValueStore>)>,
}

impl KvNamespaces {
    /// Creates an empty set of namespaces.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a namespace.
    #[must_use]
    pub fn namespace(mut self, binding: impl Into<String>, store: impl KeyValueStore) -> Self {
        self.namespaces.push((binding.into(), Rc::new(store)));
        self
    }

    fn get(&self, binding: &str) -> Result<&dyn KeyValueStore, LunoraError> {
        let found = self.namespaces.iter().find(|(known, _)| known == binding);
        found.map(|(_, store)| &**store).ok_or_else(|| {
            LunoraError::new(Code::NotFound, format!("there is no KV namespace `{binding}`"))
        })
    }

    fn list_namespaces(&self) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Namespaces<'a> {
            namespaces: Vec<Namespace<'a>>,
        }

        #[derive(Serialize)]
        struct Namespace<'a> {
            binding: &'a str,
        }

        let namespaces = self.namespaces.iter().map(|(binding, _)| Namespace { binding }).collect();
        Response::json(&Namespaces { namespaces })
    }

    async fn keys(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            keys: Vec<Key>,
            list_complete: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            cursor: Option<String>,
        }

        #[derive(Serialize)]
        struct Key {
            name: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            expiration: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            metadata: Option<Value>,
        }

        let store = self.get(&call.require_query("namespace")?)?;
        let page = store
            .list(KvList {
                prefix: call.query("prefix").unwrap_or_default(),
                cursor: call.query("cursor"),
                limit: call.query_limit()?,
            })
            .await?;
        let keys = page.keys.into_iter().map(|key| Key {
            name: key.name,
            expiration: key.expiration,
            metadata: key.metadata,
        });
        Response::json(&Page {
            keys: keys.collect(),
            list_complete: page.cursor.is_none(),
            cursor: page.cursor,
        })
    }

    async fn read(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Entry {
            value: Option<String>,
            metadata: Option<Value>,
        }

        let store = self.get(&call.require_query("namespace")?)?;
        let found = store.get(&call.require_query("key")?).await?;
        let (value, metadata) =
            found.map_or((None, None), |entry| (Some(entry.value), entry.metadata));
        Response::json(&Entry { value, metadata })
    }

    async fn write(&self, call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Write {
            namespace: String,
            key: String,
            value: String,
            #[serde(default)]
            metadata: Option<Value>,
            #[serde(default)]
            expiration: Option<u64>,
            #[serde(default)]
            expiration_ttl: Option<u64>,
        }

        let write: Write = call.body("KV value").await?;
        if write.key.is_empty() {
            return Err(LunoraError::bad_request("`key` must not be empty"));
        }
        let earliest = call.host.clock().now_ms() / 1000 + MIN_TTL;
        let expiry = match (write.expiration, write.expiration_ttl) {
            (_, Some(ttl)) if ttl < MIN_TTL => {
                return Err(LunoraError::bad_request(
                    "`expirationTtl` must be at least 60 seconds",
                ));
            }
            (Some(second), _) if second < earliest => {
                return Err(LunoraError::bad_request(
                    "`expiration` must be a time in seconds, at least 60 seconds from now",
                ));
            }
            // Workers KV gives a TTL precedence too.
            (_, Some(ttl)) => Some(KvExpiry::After(ttl)),
            (Some(second), None) => Some(KvExpiry::At(second)),
            (None, None) => None,
        };
        let store = self.get(&write.namespace)?;
        let entry = KvEntry { value: write.value, metadata: write.metadata };
        store.put(&write.key, entry, expiry).await?;
        Ok(Response::raw_json(r#"{"ok":true}"#))
    }

    async fn delete(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        let store = self.get(&call.require_query("namespace")?)?;
        store.delete(&call.require_query("key")?).await?;
        Ok(Response::raw_json(r#"{"deleted":true}"#))
    }
}

impl AreaHandler for KvNamespaces {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match (call.op(), call.method()) {
                ("kv/namespaces", _) => self.list_namespaces(),
                ("kv/keys", _) => self.keys(&call).await,
                ("kv/value", &Method::GET) => self.read(&call).await,
                ("kv/value", &Method::PUT) => self.write(&mut call).await,
                ("kv/value", _) => self.delete(&call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}

impl fmt::Debug for KvNamespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.namespaces.iter().map(|(binding, _)| binding)).finish()
    }
}

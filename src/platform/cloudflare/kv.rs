//! A namespace of Workers KV.

use futures::future::LocalBoxFuture;
use serde_json::Value;
use worker::kv::{KvError, KvStore};

use crate::{
    errors::LunoraError,
    platform::{KeyValueStore, KvEntry, KvExpiry, KvKey, KvList, KvPage},
};

impl KeyValueStore for KvStore {
    fn list(&self, options: KvList) -> LocalBoxFuture<'_, Result<KvPage, LunoraError>> {
        let mut list = KvStore::list(self).prefix(options.prefix);
        if let Some(cursor) = options.cursor {
            list = list.cursor(cursor);
        }
        if let Some(limit) = options.limit {
            list = list.limit(limit.into());
        }
        Box::pin(async move {
            let page = list.execute().await.map_err(failed)?;
            let keys = page.keys.into_iter();
            Ok(KvPage {
                keys: keys
                    .map(|key| KvKey {
                        name: key.name,
                        expiration: key.expiration,
                        metadata: present(key.metadata),
                    })
                    .collect(),
                cursor: page.cursor.filter(|_| !page.list_complete),
            })
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<Option<KvEntry>, LunoraError>> {
        Box::pin(async move {
            let (value, metadata) =
                KvStore::get(self, key).text_with_metadata::<Value>().await.map_err(failed)?;
            Ok(value.map(|value| KvEntry { value, metadata: present(metadata) }))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        entry: KvEntry,
        expiry: Option<KvExpiry>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move {
            // As bytes: a text would be written as JSON.
            let mut put = self.put_bytes(key, entry.value.as_bytes()).map_err(failed)?;
            if let Some(metadata) = entry.metadata {
                put = put.metadata(metadata).map_err(failed)?;
            }
            put = match expiry {
                None => put,
                Some(KvExpiry::At(second)) => put.expiration(second),
                Some(KvExpiry::After(seconds)) => put.expiration_ttl(seconds),
            };
            put.execute().await.map_err(failed)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move { KvStore::delete(self, key).await.map_err(failed) })
    }
}

/// Drops `null`, which stands for absent metadata.
fn present(metadata: Option<Value>) -> Option<Value> {
    metadata.filter(|metadata| !metadata.is_null())
}

fn failed(error: KvError) -> LunoraError {
    LunoraError::internal(error)
}

//! A shard registry's entries in the SQLite of a Durable Object.

use futures::future::{FutureExt, LocalBoxFuture, ready};
use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue};

use crate::{errors::LunoraError, platform::RegistryStorage};

/// A shard registry's entries in the SQLite of a Durable Object.
///
/// [`shard_registry!`](crate::shard_registry!) defines a class over it. A class without the macro:
///
/// ```no_run
/// use lunora::{coordinator::ShardRegistryObject, platform::SqlRegistryStorage};
/// use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};
///
/// #[durable_object(fetch)]
/// pub struct ShardRegistry {
///     registry: ShardRegistryObject<SqlRegistryStorage>,
/// }
///
/// impl DurableObject for ShardRegistry {
///     fn new(state: State, _env: Env) -> Self {
///         let storage = SqlRegistryStorage::new(state.storage().sql());
///         Self { registry: ShardRegistryObject::new(storage) }
///     }
///
///     async fn fetch(&self, request: Request) -> Result<Response> {
///         let request = request.try_into()?;
///         self.registry.fetch(request).await.try_into()
///     }
/// }
/// # fn main() {}
/// ```
pub struct SqlRegistryStorage {
    sql: SqlStorage,
}

impl SqlRegistryStorage {
    /// Keeps the entries in a table of their own, `lunora_shard_registry`.
    #[must_use]
    pub fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    fn entries(
        &self,
        query: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<Vec<String>, LunoraError> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS lunora_shard_registry(entry TEXT PRIMARY KEY) WITHOUT ROWID",
            None,
        )?;
        let rows: Vec<Row> = self.sql.exec(query, values)?.to_array()?;
        Ok(rows.into_iter().map(|row| row.entry).collect())
    }

    fn changed(&self, query: &str, entry: &str) -> Result<bool, LunoraError> {
        Ok(!self.entries(query, vec![entry.into()])?.is_empty())
    }
}

impl RegistryStorage for SqlRegistryStorage {
    fn insert<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        let query = "INSERT OR IGNORE INTO lunora_shard_registry(entry) VALUES (?) RETURNING entry";
        ready(self.changed(query, entry)).boxed_local()
    }

    fn remove<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        let query = "DELETE FROM lunora_shard_registry WHERE entry = ? RETURNING entry";
        ready(self.changed(query, entry)).boxed_local()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, LunoraError>> {
        let query =
            "SELECT entry FROM lunora_shard_registry WHERE entry >= ? AND entry < ? ORDER BY entry";
        // SQLite compares bytes, and no text with this prefix sorts after the last character.
        let end = format!("{prefix}{}", char::MAX);
        ready(self.entries(query, vec![prefix.into(), end.into()])).boxed_local()
    }
}

#[derive(Deserialize)]
struct Row {
    entry: String,
}

impl std::fmt::Debug for SqlRegistryStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlRegistryStorage").finish_non_exhaustive()
    }
}

/// For the `fetch` of a Durable Object, which fails with the platform's error.
impl From<LunoraError> for worker::Error {
    fn from(error: LunoraError) -> Self {
        Self::RustError(error.to_log_line())
    }
}

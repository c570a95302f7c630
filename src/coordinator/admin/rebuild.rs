//! Rebuilding the registry of shards from the shards themselves.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::stream::{self, StreamExt};
use serde::Serialize;

use super::{ShardAdmin, clear::TableInfo};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    wire::ShardKey,
};

/// What became of a registry that was rebuilt.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RebuildReport {
    /// The shards that the registry listed before and lists still, and that lack no entry.
    pub listed: Vec<String>,
    /// The shards with rows that lacked an entry, and have it now.
    pub found: Vec<String>,
    /// The shards that are not listed and have no rows; they were not entered.
    pub empty: Vec<String>,
    /// The shards that could not be asked or entered.
    pub failed: Vec<ShardFailure>,
    /// A sentence about the shards that a rebuild cannot find.
    pub unseen: String,
}

/// The shards of one table, as the registry lists them.
type Entries = BTreeMap<String, HashSet<ShardKey>>;

impl ShardAdmin {
    /// Enters the shards that hold rows and are missing from the registry.
    ///
    /// The platform cannot list Durable Objects by name. Asked are the shards of `keys`, those that
    /// the registry lists, and the default shard; asking a shard that does not exist creates an empty
    /// one. A shard with rows, deleted documents included, is entered for every table that it
    /// declares, as it announces itself; then the registry is read again. A shard without rows is not
    /// entered.
    ///
    /// # Errors
    /// When the registry cannot be read. A shard that fails is part of the report.
    pub async fn rebuild_registry(
        &self,
        keys: impl IntoIterator<Item = ShardKey>,
    ) -> Result<RebuildReport, LunoraError> {
        let registry = &self.coordinator.registry;
        registry.forget();
        let listed = self.coordinator.every_shard_key().await?.unwrap_or_default();
        let listed: BTreeSet<ShardKey> = listed.into_iter().collect();
        let mut candidates: BTreeSet<ShardKey> = keys.into_iter().collect();
        candidates.extend(listed.iter().cloned());
        candidates.insert(self.default_shard.clone());

        let mut failed = BTreeMap::new();
        let mut tables_of = BTreeMap::new();
        let mut asked = stream::iter(candidates)
            .map(async |key| (self.tables_with_rows(&key).await, key))
            .buffer_unordered(self.coordinator.concurrency.get());
        while let Some((tables, key)) = asked.next().await {
            match tables {
                Ok(tables) => drop(tables_of.insert(key, tables)),
                Err(failure) => drop(failed.insert(key, failure)),
            }
        }
        drop(asked);

        let tables = tables_of.values().flatten().flatten().cloned().collect();
        let before = self.entries(&tables).await?;
        let mut report = RebuildReport {
            listed: Vec::new(),
            found: Vec::new(),
            empty: Vec::new(),
            failed: Vec::new(),
            unseen: UNSEEN.to_owned(),
        };
        let mut missing = Vec::new();
        for (key, tables) in tables_of {
            let lacking: Vec<String> = tables
                .iter()
                .flatten()
                .filter(|table| !has(&before, table, &key))
                .cloned()
                .collect();
            match tables {
                Some(_) if !lacking.is_empty() => missing.push((key, lacking)),
                None if !listed.contains(&key) => report.empty.push(key.into()),
                _ => report.listed.push(key.into()),
            }
        }

        let mut entered = Vec::new();
        let mut entering = stream::iter(missing)
            .map(async |(key, tables)| (self.enter_all(&key, &tables).await, key, tables))
            .buffer_unordered(self.coordinator.concurrency.get());
        while let Some((outcome, key, tables)) = entering.next().await {
            match outcome {
                Ok(()) => entered.push((key, tables)),
                Err(failure) => drop(failed.insert(key, failure)),
            }
        }
        drop(entering);

        registry.forget();
        let tables = entered.iter().flat_map(|(_, tables)| tables).cloned().collect();
        let after = self.entries(&tables).await?;
        entered.sort();
        for (key, tables) in entered {
            match tables.iter().find(|table| !has(&after, table, &key)) {
                None => report.found.push(key.into()),
                Some(table) => drop(failed.insert(key.clone(), not_entered(&key, table))),
            }
        }
        report.failed = failed.into_values().collect();
        Ok(report)
    }

    /// The tables of a shard that has rows in any of them; `None` for a shard without rows.
    async fn tables_with_rows(&self, key: &ShardKey) -> Result<Option<Vec<String>>, ShardFailure> {
        let Some(tables) = self.table_infos(key).await? else {
            let message = format!(
                "shard {:?} cannot list its tables: expected the admin operation `listTables`",
                key.as_str()
            );
            let error = LunoraError::new(Code::UnknownAdminOp, message);
            return Err(ShardFailure::logged(key, &error, false));
        };
        // The counts leave out deleted documents, which are rows of a snapshot.
        let has_rows =
            tables.iter().any(TableInfo::has_rows) || self.first_page(key).await?.has_rows();
        Ok(has_rows.then(|| tables.into_iter().map(|table| table.name).collect()))
    }

    async fn entries(&self, tables: &BTreeSet<String>) -> Result<Entries, LunoraError> {
        let mut entries = Entries::new();
        for table in tables {
            let keys = self.coordinator.shard_keys(table).await?;
            entries.insert(table.clone(), keys.into_iter().collect());
        }
        Ok(entries)
    }

    async fn enter_all(&self, key: &ShardKey, tables: &[String]) -> Result<(), ShardFailure> {
        for table in tables {
            let entered = self.coordinator.enter(table, key).await;
            entered.map_err(|error| ShardFailure::logged(key, &error, false))?;
        }
        Ok(())
    }
}

/// What a rebuild cannot find.
const UNSEEN: &str = "the platform cannot list Durable Objects: a shard that is neither named nor \
                      listed by the registry was not looked for";

fn has(entries: &Entries, table: &str, key: &ShardKey) -> bool {
    entries.get(table).is_some_and(|keys| keys.contains(key))
}

fn not_entered(key: &ShardKey, table: &str) -> ShardFailure {
    let message = format!(
        "the registry does not list shard {:?} of table `{table}` after it was entered: expected a \
         registry that keeps entries, such as `DurableShardRegistry`",
        key.as_str()
    );
    ShardFailure::logged(key, &LunoraError::new(Code::ShardError, message), false)
}

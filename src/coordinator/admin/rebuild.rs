//! Rebuilds the registry of shards from the shards themselves.

use std::{
    collections::{BTreeMap, HashSet},
    pin::pin,
};

use futures::stream::{self, StreamExt};
use serde::Serialize;

use super::{AdminCall, ShardAdmin, unreadable_answer};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    sort,
    wire::{
        ShardKey,
        operation::{ForgetAnnouncement, NoArgs, TableInfo},
    },
};

/// The result of rebuilding a registry.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RebuildReport {
    /// The shards that the registry listed before and still lists, and that lack no entry.
    pub listed: Vec<String>,
    /// The shards with rows that lacked an entry, and now have it.
    pub found: Vec<String>,
    /// The shards that are not listed and have no rows; they were not registered.
    pub empty: Vec<String>,
    /// The shards that could not be asked or registered.
    pub failed: Vec<ShardFailure>,
    /// A sentence about the shards that a rebuild cannot find.
    pub unseen: String,
}

/// The shards of one table, as the registry lists them.
type Entries = BTreeMap<String, HashSet<ShardKey>>;

impl ShardAdmin {
    /// Registers the shards that hold rows and are missing from the registry.
    ///
    /// The platform cannot list Durable Objects by name. The method asks the shards of `keys`,
    /// those that the registry lists, and the default shard; asking a shard that does not exist
    /// creates an empty one. A shard with rows, deleted documents included, is registered for every
    /// table that it declares, as if it had announced itself; then the registry is read again. A
    /// shard without rows is not registered, and announces itself before its first row.
    ///
    /// # Errors
    /// If the registry cannot be read. A shard that fails is part of the report.
    pub async fn rebuild_registry(
        &self,
        keys: impl IntoIterator<Item = ShardKey>,
    ) -> Result<RebuildReport, LunoraError> {
        self.coordinator.registry.forget();
        let listed = self.coordinator.every_shard_key().await?;
        let can_list_all = listed.is_some();
        let listed = sort::set(listed.into_iter().flatten());
        let mut candidates = sort::set(keys);
        candidates.extend(listed.iter().cloned());
        candidates.insert(self.default_shard.clone());

        let mut failed = BTreeMap::new();
        let candidates = candidates.into_iter().map(|key| (key, ()));
        let asked = self
            .each(candidates, &mut failed, async |key, ()| self.tables_with_rows(key).await)
            .await;
        let tables = asked.iter().filter_map(|(_, tables)| tables.as_ref()).flatten();
        let before = self.entries(tables).await?;

        let (mut kept, mut missing, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = Vec::new();
        for (key, tables) in asked {
            let (is_empty, is_listed) = (tables.is_none(), listed.contains(&key));
            let mut lacking = tables.unwrap_or_default();
            lacking.retain(|table| !has(&before, table, &key));
            if !lacking.is_empty() {
                missing.push((key, lacking));
            } else if is_empty && !is_listed {
                empty.push((key, ()));
            } else if can_list_all && !is_listed {
                // It announced itself when it was asked.
                found.push(String::from(key));
            } else {
                kept.push(key.into());
            }
        }
        let told = async |key: &ShardKey, ()| self.forget_announcement(key).await;
        let empty = self.each(empty, &mut failed, told).await;
        let registered = async |key: &ShardKey, tables| self.enter_all(key, tables).await;
        let registered = self.each(missing, &mut failed, registered).await;

        self.coordinator.registry.forget();
        let after = self.entries(registered.iter().flat_map(|(_, tables)| tables)).await?;
        for (key, tables) in registered {
            match tables.iter().find(|table| !has(&after, table, &key)) {
                None => found.push(key.into()),
                Some(table) => drop(failed.insert(key.clone(), not_entered(&key, table))),
            }
        }
        sort::sort(&mut found);
        Ok(RebuildReport {
            listed: kept,
            found,
            empty: empty.into_iter().map(|(key, ())| key.into()).collect(),
            failed: failed.into_values().collect(),
            unseen: UNSEEN.to_owned(),
        })
    }

    /// Runs `work` on each shard, on several at once, and returns the results in the order of
    /// `shards`; failures go to `failed`.
    async fn each<A, T>(
        &self,
        shards: impl IntoIterator<Item = (ShardKey, A)>,
        failed: &mut BTreeMap<ShardKey, ShardFailure>,
        work: impl AsyncFn(&ShardKey, A) -> Result<T, ShardFailure>,
    ) -> Vec<(ShardKey, T)> {
        let work = &work;
        let results = stream::iter(shards)
            .map(async |(key, about)| (work(&key, about).await, key))
            .buffered(self.coordinator.concurrency.get());
        let mut results = pin!(results);
        let mut done = Vec::new();
        while let Some((result, key)) = results.next().await {
            match result {
                Ok(result) => done.push((key, result)),
                Err(failure) => drop(failed.insert(key, failure)),
            }
        }
        done
    }

    /// Returns the tables of a shard that has rows in any of them; `None` for a shard without rows.
    async fn tables_with_rows(&self, key: &ShardKey) -> Result<Option<Vec<String>>, ShardFailure> {
        let Some(tables) = self.table_infos(key).await? else {
            let message = format!(
                "shard {:?} cannot list its tables: expected the admin operation `listTables`",
                key.as_str()
            );
            let error = LunoraError::new(Code::UnknownAdminOp, message);
            return Err(ShardFailure::logged(key, &error, false));
        };
        // The counts exclude deleted documents, which are rows of a snapshot.
        let has_rows =
            tables.iter().any(TableInfo::has_rows) || self.first_page(key).await?.has_rows();
        if has_rows && tables.is_empty() {
            return Err(unreadable_answer(key, "rows, and a list without tables"));
        }
        Ok(has_rows.then(|| tables.into_iter().map(|table| table.name.into_owned()).collect()))
    }

    /// Clears the shard's record of its announcement: a shard that was announced before its rows
    /// were deleted would never announce itself again. A shard of another implementation has no
    /// such record.
    async fn forget_announcement(&self, key: &ShardKey) -> Result<(), ShardFailure> {
        let call = AdminCall::of::<ForgetAnnouncement>(&NoArgs {})
            .map_err(|error| ShardFailure::logged(key, &error, false))?;
        match self.ask(key, &call).await {
            Err(failure) if failure.code != Code::UnknownAdminOp.as_str() => Err(failure),
            _ => Ok(()),
        }
    }

    async fn entries(&self, tables: impl Iterator<Item = &String>) -> Result<Entries, LunoraError> {
        let mut entries = Entries::new();
        for table in sort::set(tables) {
            let keys = self.coordinator.shard_keys(table).await?;
            entries.insert(table.clone(), keys.into_iter().collect());
        }
        Ok(entries)
    }

    async fn enter_all(
        &self,
        key: &ShardKey,
        tables: Vec<String>,
    ) -> Result<Vec<String>, ShardFailure> {
        for table in &tables {
            let registered = self.coordinator.register(table, key).await;
            registered.map_err(|error| ShardFailure::logged(key, &error, false))?;
        }
        Ok(tables)
    }
}

/// The message about shards that a rebuild cannot find.
const UNSEEN: &str = "the platform cannot list Durable Objects: a shard that is neither named nor \
                      listed by the registry was not looked for";

fn has(entries: &Entries, table: &str, key: &ShardKey) -> bool {
    entries.get(table).is_some_and(|keys| keys.contains(key))
}

fn not_entered(key: &ShardKey, table: &str) -> ShardFailure {
    let message = format!(
        "the registry does not list shard {:?} of table `{table}` after it was registered: expected a \
         registry that keeps entries, such as `DurableShardRegistry`",
        key.as_str()
    );
    ShardFailure::logged(key, &LunoraError::new(Code::ShardError, message), false)
}

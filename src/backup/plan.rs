//! A preview of a restore, computed without a write.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Backups, GlobalPart, LeftOut, Manifest, targets::Targets};
use crate::errors::{Code, LunoraError};

/// The effect that a restore of a snapshot would have.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RestorePlan {
    /// The id of the snapshot.
    pub id: String,
    /// `true` if another deployment took it, so that its rows are not those of this deployment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// The reasons for which the restore would be refused; empty if it would run.
    pub problems: Vec<String>,
    /// The time at which its last row was read, in ISO form. Later writes are not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The number of its rows.
    pub rows: u64,
    /// The rows of the global tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalPart>,
    /// The number of rows of each table of the shards.
    pub rows_by_table: BTreeMap<String, u64>,
    /// The number of changes that replace rows.
    pub changes: u64,
    /// The number of watermarks of clients.
    pub watermarks: u64,
    /// The number of stored answers of mutations.
    pub replies: u64,
    /// The tables of the deployment that no snapshot includes.
    #[serde(skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// The tables that the deployment does not have: their rows would be rejected.
    pub unknown_tables: Vec<String>,
    /// The shards of the snapshot, then those of the deployment that it does not have.
    pub shards: Vec<ShardPlan>,
}

/// The plan for one shard.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShardPlan {
    /// The key of the shard.
    pub shard_key: String,
    /// The number of its rows in the snapshot; `None` if the snapshot does not have the shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The sequence number of its change feed in the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The current sequence number; `None` if the registry does not list the shard, or the shard
    /// does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq_now: Option<u64>,
}

impl Backups {
    /// Returns what a restore of a snapshot would do, without a write.
    ///
    /// The plan makes the checks that a replacing restore makes before it deletes: that the
    /// snapshot is whole, and that no other restore is open.
    ///
    /// # Errors
    /// 404 `STORAGE_OBJECT_NOT_FOUND` if the snapshot does not exist; if the store or a shard
    /// fails, or the shards cannot be listed.
    pub async fn plan_restore(&self, id: &str) -> Result<RestorePlan, LunoraError> {
        let manifest = self.get(id).await?;
        let mut problems = self.verify_object(&manifest).await?.problems;
        if problems.is_empty()
            && let Err(error) = self.check_parts(&manifest).await
        {
            problems.push(error.message().to_owned());
        }
        let now_ms = self.clock.now_ms();
        if let Some(lease) = self.restore_lease().await?.filter(|lease| lease.is_open(now_ms))
            && lease.snapshot != id
        {
            problems.push(format!("the restore of snapshot `{}` is not finished", lease.snapshot));
        }
        let tables: Vec<String> = manifest.rows_by_table.keys().cloned().collect();
        let mut unknown_tables = self.admin.unknown_tables(&tables).await?;
        match self.check_globals(&manifest).await {
            Ok(unknown) => unknown_tables.extend(unknown),
            Err(error) if error.code() == Code::GlobalNotConfigured.as_str() => {
                problems.push(error.message().to_owned());
            }
            Err(error) => return Err(error),
        }
        let mut shards: Vec<ShardPlan> = manifest
            .shards
            .iter()
            .map(|shard| ShardPlan {
                shard_key: shard.shard_key.clone(),
                rows: Some(shard.rows),
                seq: shard.seq,
                seq_now: None,
            })
            .collect();
        for key in self.admin.shards_holding(manifest.shard_table_names().as_deref()).await? {
            let seq_now = self.admin.change_cursor(&key).await?;
            match shards.iter_mut().find(|shard| shard.shard_key == key.as_str()) {
                Some(shard) => shard.seq_now = seq_now,
                None => {
                    let shard_key = key.as_str().to_owned();
                    shards.push(ShardPlan { shard_key, rows: None, seq: None, seq_now });
                }
            }
        }
        Ok(RestorePlan {
            foreign: self.is_foreign(manifest.deployment.as_deref()),
            id: manifest.id,
            problems,
            finished_at: manifest.finished_at,
            rows: manifest.rows,
            global: manifest.global,
            rows_by_table: manifest.rows_by_table,
            changes: manifest.changes,
            watermarks: manifest.watermarks,
            replies: manifest.replies,
            left_out: manifest.left_out,
            unknown_tables,
            shards,
        })
    }

    /// Checks that the lines of each shard are where the manifest says.
    ///
    /// # Errors
    /// 409 `CONFLICT` if they are not; if the store fails.
    pub(super) async fn check_parts(&self, manifest: &Manifest) -> Result<(), LunoraError> {
        for part in Targets::new(manifest)?.parts() {
            self.latest(manifest, part).await?;
        }
        Ok(())
    }
}

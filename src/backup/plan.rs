//! What a restore would do, found out without a write.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Backups, LeftOut, Manifest, targets::Targets};
use crate::errors::LunoraError;

/// What a restore of a snapshot would do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RestorePlan {
    /// The snapshot.
    pub id: String,
    /// Whether another deployment took it: then its rows are not those that this one had.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// Why the restore would be refused; empty where it would run.
    pub problems: Vec<String>,
    /// When its last row was read, in ISO form. What was written later is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How many rows it has.
    pub rows: u64,
    /// How many of each table.
    pub rows_by_table: BTreeMap<String, u64>,
    /// How many changes take the place of rows.
    pub changes: u64,
    /// How many watermarks of clients it has.
    pub watermarks: u64,
    /// How many stored answers of mutations it has.
    pub replies: u64,
    /// The tables of the deployment that no snapshot has.
    #[serde(skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// Its tables that the deployment does not have: their rows would be refused.
    pub unknown_tables: Vec<String>,
    /// Its shards, then those of the deployment that it does not have.
    pub shards: Vec<ShardPlan>,
}

/// One shard of a restore.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShardPlan {
    /// The shard.
    pub shard_key: String,
    /// How many rows of it the snapshot has; `None` where it does not have the shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How far its change feed was in the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// How far it is now; `None` where the registry does not list the shard, or it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq_now: Option<u64>,
}

impl Backups {
    /// Tells what a restore of a snapshot would do, and checks what a restore that replaces checks
    /// before it deletes: that the snapshot is whole, and that no other restore is open. Writes
    /// nothing.
    ///
    /// # Errors
    /// 404 `STORAGE_OBJECT_NOT_FOUND` when there is no such snapshot; when the store or a shard fails,
    /// or the shards cannot be listed.
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
        let unknown_tables = self.admin.unknown_tables(&tables).await?;
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
        for key in self.admin.shards_holding(manifest.table_names().as_deref()).await? {
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
            rows_by_table: manifest.rows_by_table,
            changes: manifest.changes,
            watermarks: manifest.watermarks,
            replies: manifest.replies,
            left_out: manifest.left_out,
            unknown_tables,
            shards,
        })
    }

    /// Checks that the lines of each shard are where the manifest has them.
    ///
    /// # Errors
    /// 409 `CONFLICT` where they are not; when the store fails.
    pub(super) async fn check_parts(&self, manifest: &Manifest) -> Result<(), LunoraError> {
        for part in Targets::new(manifest)?.parts() {
            self.latest(manifest, part).await?;
        }
        Ok(())
    }
}

//! Detects rows that the last snapshot held and that vanished without a change.

use super::{BackupTrigger, Backups, Manifest, SnapshotName};
use crate::errors::{Code, LunoraError};

/// The counts of a run, before they are published.
pub(super) struct Found<'a> {
    pub(super) tables: &'a std::collections::BTreeMap<String, u64>,
    pub(super) shards: &'a [super::ManifestShard],
    /// The time at which the run began, in ISO form.
    pub(super) created_at: &'a str,
}

impl Backups {
    /// Refuses a scheduled snapshot that lacks a shard or a table of which the last snapshot held
    /// rows, unless the change feed advanced. A registry that forgot a shard, and a shard that was
    /// rebuilt, must not pass for a deployment without rows.
    ///
    /// The last snapshot is one of the same trigger, or a newer manual one: a manual snapshot
    /// confirms that the loss is intended.
    pub(super) async fn refuse_loss(
        &self,
        name: &SnapshotName,
        trigger: &BackupTrigger,
        tables: Option<&str>,
        found: &Found<'_>,
    ) -> Result<(), LunoraError> {
        if trigger.cron.is_none() {
            return Ok(());
        }
        let last = self.last_before(name, trigger, tables, found.created_at).await?;
        let Some(last) = last else { return Ok(()) };
        // A change may have deleted a row of the same snapshot.
        for before in last.shards.iter().filter(|shard| shard.rows > shard.changes) {
            let now = found.shards.iter().find(|shard| shard.shard_key == before.shard_key);
            let Some(now) = now else {
                let what = format!(
                    "shard `{}` is not listed any more (`lunora registry rebuild` registers it again)",
                    before.shard_key
                );
                return Err(lost(&last, &what));
            };
            if now.rows == 0 && !went_on(before.seq, now.seq) {
                let what = format!(
                    "shard `{}` is empty, and its change feed did not advance",
                    before.shard_key
                );
                return Err(lost(&last, &what));
            }
        }
        let vanished = last.rows_by_table.iter().filter(|(table, rows)| {
            **rows > last.changes && found.tables.get(*table).is_none_or(|now| *now == 0)
        });
        let vanished: Vec<String> = vanished.map(|(table, _)| table.clone()).collect();
        if vanished.is_empty() {
            return Ok(());
        }
        if let Some(table) = self.admin.unknown_tables(&vanished).await?.first() {
            return Err(lost(&last, &format!("table `{table}` is not declared any more")));
        }
        let any_went_on = found.shards.iter().any(|now| {
            let before = last.shards.iter().find(|before| before.shard_key == now.shard_key);
            before.is_none_or(|before| went_on(before.seq, now.seq))
        });
        match vanished.first() {
            Some(table) if !any_went_on => {
                Err(lost(&last, &format!("table `{table}` is empty, and no change feed advanced")))
            }
            _ => Ok(()),
        }
    }

    /// Returns the newest whole snapshot before `name` to compare with. It must have been finished
    /// before this run began, since a run of several invocations may have read a shard later.
    async fn last_before(
        &self,
        name: &SnapshotName,
        trigger: &BackupTrigger,
        tables: Option<&str>,
        created_at: &str,
    ) -> Result<Option<Manifest>, LunoraError> {
        let objects = self.objects().await?;
        for (key, _) in objects.iter().rev().filter(|(key, _)| **key < name.manifest) {
            let Some(rows) = SnapshotName::object_of(key).and_then(|rows| objects.get(rows)) else {
                continue;
            };
            if let Some(manifest) = self.manifest(key).await?
                && manifest.describes(rows)
                && !self.is_foreign(manifest.deployment.as_deref())
                && manifest.tables.as_deref() == tables
                && manifest.finished_at.as_deref().is_none_or(|finished| finished <= created_at)
                && (manifest.cron.is_none() || manifest.cron == trigger.cron)
            {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }
}

/// Returns whether changes came between; a shard that does not report a number may have had some.
fn went_on(before: Option<u64>, now: Option<u64>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before < now,
        _ => true,
    }
}

fn lost(last: &Manifest, what: &str) -> LunoraError {
    let message = format!(
        "rows of the snapshot `{}` vanished: {what}; if that is meant, take a snapshot by hand \
         (`lunora backup create`), and scheduled ones go on from it",
        last.id
    );
    LunoraError::new(Code::BackupShrunk, message)
}

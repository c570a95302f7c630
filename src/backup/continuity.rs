//! Whether what the last snapshot held is still there, or was changed away.

use super::{BackupOccasion, Backups, Manifest, SnapshotName};
use crate::errors::{Code, LunoraError};

/// The counts of a run, before they are published.
pub(super) struct Found<'a> {
    pub(super) tables: &'a std::collections::BTreeMap<String, u64>,
    pub(super) shards: &'a [super::ManifestShard],
    /// When the run began, in ISO form.
    pub(super) created_at: &'a str,
}

impl Backups {
    /// Refuses a scheduled snapshot from which a shard or a table vanished that the last one held
    /// rows of, unless the change feed went on: a registry that forgot a shard, or a shard that was
    /// built anew, is no deployment without rows.
    ///
    /// The last one is of the same trigger, or a newer one taken by hand: taking one by hand says
    /// that the loss is meant.
    pub(super) async fn refuse_loss(
        &self,
        name: &SnapshotName,
        occasion: &BackupOccasion,
        tables: Option<&str>,
        found: &Found<'_>,
    ) -> Result<(), LunoraError> {
        if occasion.cron.is_none() {
            return Ok(());
        }
        let last = self.last_before(name, occasion, tables, found.created_at).await?;
        let Some(last) = last else { return Ok(()) };
        // A change may have deleted a row of the same snapshot.
        for before in last.shards.iter().filter(|shard| shard.rows > shard.changes) {
            let now = found.shards.iter().find(|shard| shard.shard_key == before.shard_key);
            let Some(now) = now else {
                let what = format!(
                    "shard `{}` is not listed any more (`lunora registry rebuild` enters it again)",
                    before.shard_key
                );
                return Err(lost(&last, &what));
            };
            if now.rows == 0 && !went_on(before.seq, now.seq) {
                let what = format!(
                    "shard `{}` is empty, and its change feed did not go on",
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
                Err(lost(&last, &format!("table `{table}` is empty, and no change feed went on")))
            }
            _ => Ok(()),
        }
    }

    /// The newest whole snapshot before `name` that it is to be compared with: one that was finished
    /// before this run began, since a run of several invocations may have read a shard later.
    async fn last_before(
        &self,
        name: &SnapshotName,
        occasion: &BackupOccasion,
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
                && (manifest.cron.is_none() || manifest.cron == occasion.cron)
            {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }
}

/// Whether changes came between; a shard that does not tell may have had some.
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

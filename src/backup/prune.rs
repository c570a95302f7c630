//! Retention: which snapshots to delete, and their deletion.

use serde::Serialize;

use super::{
    Backups, RestoreLease, SnapshotName, deployment::DEPLOYMENT_METADATA, snapshots::CRON_METADATA,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    platform::ObjectInfo,
};

/// The snapshots that retention would delete now (docs/wire.md, "Admin endpoints").
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RetentionReport {
    /// The trigger whose snapshots are counted.
    pub cron: String,
    /// The number of its snapshots.
    pub eligible: usize,
    /// The number of snapshots to keep; 0 if no retention is configured, and all are kept.
    pub keep: u32,
    /// The prefix of the snapshots' names.
    pub prefix: String,
    /// The manifests of the snapshots to delete, newest first.
    pub would_delete: Vec<String>,
}

/// The result of a prune (docs/wire.md, "Admin endpoints"). Keys are those of manifests.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// The snapshots whose manifest and object are both deleted.
    pub deleted: Vec<String>,
    /// The snapshots that could not be deleted.
    pub failed: Vec<String>,
    /// The number of confirmed keys that retention would not delete.
    pub ignored: usize,
    /// The number of snapshots that retention would delete and that were not confirmed.
    pub remaining: usize,
}

impl Backups {
    /// Returns what retention would delete now, and deletes nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn retention(&self) -> Result<RetentionReport, LunoraError> {
        let (own, lease) = (self.own_manifests().await?, self.restore_lease().await?);
        let keep = self.config.retain().map_or(0, super::Retention::snapshots);
        Ok(RetentionReport {
            cron: self.config.cron().as_str().to_owned(),
            eligible: own.len(),
            keep,
            prefix: self.config.prefix().to_owned(),
            would_delete: self.stale(own, lease.as_ref()),
        })
    }

    /// Deletes the snapshots whose manifests are in `confirmed`, if retention would delete them:
    /// only those that this deployment's own trigger wrote, never the newest ones.
    ///
    /// # Errors
    /// 400 `BACKUP_RETENTION_NOT_CONFIGURED` without a retention; if the store fails to list. A
    /// snapshot that cannot be deleted is part of the report.
    pub async fn prune(&self, confirmed: &[String]) -> Result<PruneReport, LunoraError> {
        if self.config.retain().is_none() {
            return Err(LunoraError::new(
                Code::BackupRetentionNotConfigured,
                "no retention is configured: every snapshot stays; set `.retain(..)` on the backup",
            ));
        }
        let lease = self.restore_lease().await?;
        let stale = self.stale(self.own_manifests().await?, lease.as_ref());
        let (agreed, rest): (Vec<_>, Vec<_>) =
            stale.into_iter().partition(|key| confirmed.contains(key));
        let ignored = confirmed.len().saturating_sub(agreed.len());
        let mut report = PruneReport { ignored, remaining: rest.len(), ..PruneReport::default() };
        for key in agreed {
            match self.delete_snapshot(&key).await {
                Ok(true) => report.deleted.push(key),
                Ok(false) => report.remaining += 1,
                Err(error) => {
                    log::warn(&format!("{key} could not be deleted: {}", error.to_log_line()));
                    report.failed.push(key);
                }
            }
        }
        Ok(report)
    }

    /// Deletes, after a successful run, what retention selects and what killed runs left behind. A
    /// failure is only logged as a warning, since the backup itself succeeded.
    pub(super) async fn prune_quietly(&self) {
        if self.config.retain().is_none() {
            return;
        }
        let pruned = async {
            let report = self.prune(&self.retention().await?.would_delete).await?;
            if !report.deleted.is_empty() {
                log::info(&format!("old backups deleted: {}", report.deleted.join(", ")));
            }
            self.delete_orphans().await
        };
        if let Err(error) = pruned.await {
            log::warn(&format!("old backups could not be deleted: {}", error.to_log_line()));
        }
    }

    /// Returns the manifests that the deployment's own trigger wrote, newest first.
    ///
    /// The trigger is in the metadata that a listing includes. Objects without it were made
    /// manually, or by other writers.
    async fn own_manifests(&self) -> Result<Vec<String>, LunoraError> {
        let objects = self.objects().await?;
        let mut own = Vec::new();
        // Keys hold the time in a form that sorts.
        for (key, object) in objects.iter().rev() {
            // A manifest whose rows are missing or were replaced does not count as a kept snapshot.
            let rows = SnapshotName::object_of(key).and_then(|rows| objects.get(rows));
            if let Some(rows) = rows
                && self.is_own(object)
                && self.summary(object).await?.is_some_and(|summary| summary.describes(rows))
            {
                own.push(key.clone());
            }
        }
        Ok(own)
    }

    fn is_own(&self, object: &ObjectInfo) -> bool {
        let custom = |key| object.metadata.custom.get(key).map(String::as_str);
        custom(CRON_METADATA) == Some(self.config.cron().as_str())
            && !self.is_foreign(custom(DEPLOYMENT_METADATA))
    }

    /// Returns those that retention deletes; never one that an unfinished restore needs.
    fn stale(&self, own: Vec<String>, lease: Option<&RestoreLease>) -> Vec<String> {
        let free = |manifest: &String| lease.is_none_or(|lease| !self.needs(lease, manifest));
        match self.config.retain() {
            Some(keep) => {
                let keep = usize::try_from(keep.snapshots()).unwrap_or(usize::MAX);
                own.into_iter().skip(keep).filter(free).collect()
            }
            None => Vec::new(),
        }
    }

    /// Deletes a snapshot, the manifest first: rows without a manifest are not a snapshot, but a
    /// manifest without rows would be false.
    ///
    /// Returns `false` if a restore that needs it began.
    async fn delete_snapshot(&self, manifest: &str) -> Result<bool, LunoraError> {
        let store = self.config.store();
        let Some(object) = SnapshotName::object_of(manifest) else { return Ok(false) };
        if self.restore_lease().await?.is_some_and(|lease| self.needs(&lease, manifest)) {
            return Ok(false);
        }
        store.delete(&[manifest.to_owned()]).await.map_err(undeleted)?;
        store
            .delete(&[object.to_owned(), SnapshotName::proof_of(object)])
            .await
            .map_err(undeleted)?;
        Ok(true)
    }

    fn needs(&self, lease: &RestoreLease, manifest: &str) -> bool {
        lease
            .protected()
            .any(|id| SnapshotName::of_id(self.config.prefix(), id).manifest == manifest)
    }

    /// Deletes what killed runs left: rows of the own trigger, and proofs, that have had no
    /// manifest for a day, and claims of that age. The state of an unfinished run is deleted a day
    /// after another run finished it.
    async fn delete_orphans(&self) -> Result<(), LunoraError> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        let objects = self.objects().await?;
        let before = self.clock.now_ms().saturating_sub(DAY_MS);
        let is_orphan = |key: &str, object: &ObjectInfo| {
            let is_left = SnapshotName::is_object(key)
                && !objects.contains_key(&SnapshotName::manifest_of(key))
                && self.is_own(object);
            let is_left = is_left
                || SnapshotName::proven_object(key)
                    .is_some_and(|rows| !objects.contains_key(&SnapshotName::manifest_of(rows)));
            let is_taken = SnapshotName::unfinished_object(key)
                .is_some_and(|rows| objects.contains_key(&SnapshotName::manifest_of(rows)));
            (is_left || is_taken || SnapshotName::is_claim(key)) && object.uploaded_ms < before
        };
        let orphans: Vec<String> = objects
            .iter()
            .filter(|(key, object)| is_orphan(key, object))
            .map(|(key, _)| key.clone())
            .collect();
        if orphans.is_empty() {
            return Ok(());
        }
        self.config.store().delete(&orphans).await.map_err(undeleted)
    }
}

fn undeleted(error: impl Into<Box<dyn std::error::Error + 'static>>) -> LunoraError {
    LunoraError::new(Code::Internal, "a backup could not be deleted").with_source(error)
}

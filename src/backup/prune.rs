//! Which snapshots a retention lets go, and letting them go.

use serde::Serialize;

use super::{
    Backups, RestoreLease, SnapshotName, deployment::DEPLOYMENT_METADATA, snapshots::CRON_METADATA,
};
use crate::{
    errors::{Code, LunoraError},
    platform::{ObjectInfo, log},
};

/// What a retention would delete now (docs/wire.md, "Admin endpoints").
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RetentionReport {
    /// The trigger whose snapshots are counted.
    pub cron: String,
    /// How many snapshots of it there are.
    pub eligible: usize,
    /// How many stay; 0 when no retention is set, and all of them stay.
    pub keep: u32,
    /// What the snapshots' names begin with.
    pub prefix: String,
    /// The manifests of those that would go, the newest first.
    pub would_delete: Vec<String>,
}

/// What was deleted (docs/wire.md, "Admin endpoints"). Keys are those of manifests.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// Those that are gone, manifest and object both.
    pub deleted: Vec<String>,
    /// Those that could not be deleted.
    pub failed: Vec<String>,
    /// How many of the keys that were confirmed the retention does not let go.
    pub ignored: usize,
    /// How many the retention lets go that were not confirmed.
    pub remaining: usize,
}

impl Backups {
    /// What the retention would delete now. It deletes nothing.
    ///
    /// # Errors
    /// When the store fails.
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

    /// Deletes the snapshots whose manifests are in `confirmed`, as far as the retention lets them
    /// go: only those that this deployment's own trigger wrote, never the newest ones.
    ///
    /// # Errors
    /// 400 `BACKUP_RETENTION_NOT_CONFIGURED` without a retention; when the store fails to list. A
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

    /// After a success: lets go what the retention lets go, and what runs that were killed left
    /// behind. Whatever fails is a warning: the backup is there.
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

    /// The manifests that the own trigger wrote, the newest first.
    ///
    /// The trigger stands in the metadata that a listing shows. What has none was made by hand, or
    /// by others.
    async fn own_manifests(&self) -> Result<Vec<String>, LunoraError> {
        let objects = self.objects().await?;
        let mut own = Vec::new();
        // Keys hold the time in a form that sorts.
        for (key, object) in objects.iter().rev() {
            // A manifest whose rows are gone, or others, is no snapshot that could take the place
            // of another.
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

    /// Those that the retention deletes; never what an unfinished restore needs.
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

    /// The manifest first: rows without one are no snapshot, and one without rows would be a lie.
    ///
    /// Returns `false` where a restore began that needs it.
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

    /// Rows of the own trigger, and proofs, that have had no manifest for a day, and claims as old:
    /// their run was killed. What an unfinished run left goes a day after another finished it.
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

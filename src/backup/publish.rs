//! The manifest of a run, written after everything else.

use super::{
    BackupTrigger, Backups, Manifest, ManifestShard, SnapshotName, SnapshotSummary, counts::Counts,
    deployment::DEPLOYMENT_METADATA, failure::unwritten, snapshots::CRON_METADATA, writer::Written,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    platform::{ObjectMetadata, PutOptions},
};

/// The contents of a manifest besides the rows.
pub(super) struct About<'a> {
    pub(super) trigger: &'a BackupTrigger,
    pub(super) created_at: String,
    pub(super) tables: Option<String>,
}

impl Backups {
    /// Writes the manifest.
    ///
    /// # Errors
    /// If the object is not the one that was written; if the store fails.
    pub(super) async fn publish(
        &self,
        name: &SnapshotName,
        about: About<'_>,
        counts: Counts,
        written: Written,
    ) -> Result<Manifest, LunoraError> {
        let About { trigger, created_at, tables } = about;
        let rows = counts.rows();
        let Counts { tables: rows_by_table, shards, left_out, consistent, global, .. } = counts;
        let total = |count: fn(&ManifestShard) -> u64| shards.iter().map(count).sum();
        let (sha256, segments) = match written.segments {
            segments if segments.len() > 1 => (None, segments),
            one => (one.into_iter().next().map(|segment| segment.sha256), Vec::new()),
        };
        let manifest = Manifest {
            bytes: written.bytes,
            changes: total(|shard| shard.changes),
            consistent,
            created_at,
            cron: trigger.cron.clone(),
            deployment: self.deployment.clone(),
            etag: Some(written.info.etag.clone()).filter(|etag| !etag.is_empty()),
            file: name.object.clone(),
            finished_at: Some(self.now()),
            global,
            id: name.id.clone(),
            left_out,
            replies: total(|shard| shard.replies),
            rows,
            rows_by_table,
            scheduled_time: trigger.time_ms,
            sha256,
            segments,
            watermarks: total(|shard| shard.watermarks),
            shards,
            tables,
        };
        self.check_object(&manifest).await?;
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(LunoraError::internal)?;
        text.push(b'\n');
        let metadata = self.metadata("application/json", trigger);
        let metadata = SnapshotSummary::from(&manifest).add_to(metadata);
        let options = PutOptions::new().with_metadata(metadata);
        if let Err(error) = self.config.store().put(&name.manifest, text.into(), options).await {
            // It may have arrived all the same: then the run failed, but its snapshot is whole.
            return Err(unwritten(error));
        }
        // A run that replaced the object in the meantime writes its own manifest.
        self.check_object(&manifest).await?;
        if let Some(warning) = manifest.left_out.to_warning() {
            log::warn(&format!("backup {}: {warning}", manifest.file));
        }
        Ok(manifest)
    }

    /// Checks that the object is the one that was written.
    async fn check_object(&self, manifest: &Manifest) -> Result<(), LunoraError> {
        let found = self.config.store().head(&manifest.file).await.map_err(unwritten)?;
        let is_ours = found.is_some_and(|info| manifest.describes(&info));
        if is_ours {
            return Ok(());
        }
        Err(unwritten(format!(
            "`{}` is not what was written: another run replaced it",
            manifest.file
        )))
    }

    /// Returns the snapshot of this name, if this deployment has it.
    pub(super) async fn taken(&self, name: &SnapshotName) -> Result<Option<Manifest>, LunoraError> {
        let Some(manifest) = self.intact(name).await? else { return Ok(None) };
        if self.is_foreign(manifest.deployment.as_deref()) {
            let message = format!(
                "`{}` is the snapshot of another deployment: give each deployment a `.prefix(..)` of its own",
                manifest.file
            );
            return Err(LunoraError::new(Code::BackupPrefixShared, message));
        }
        Ok(Some(manifest))
    }

    /// Returns the metadata that a listing shows of the objects of a snapshot.
    pub(super) fn metadata(&self, content_type: &str, trigger: &BackupTrigger) -> ObjectMetadata {
        let mut metadata = ObjectMetadata::new().with_content_type(content_type);
        if let Some(deployment) = self.deployment() {
            metadata = metadata.with_custom(DEPLOYMENT_METADATA, deployment);
        }
        match &trigger.cron {
            Some(cron) => metadata.with_custom(CRON_METADATA, cron),
            None => metadata,
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), LunoraError> {
        self.config.store().delete(&[key.to_owned()]).await.map_err(unwritten)
    }
}

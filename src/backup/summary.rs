//! The summary of a snapshot, stored in the metadata of its manifest.

use serde::{Deserialize, Serialize};

use super::{LeftOut, Manifest};
use crate::platform::{ObjectInfo, ObjectMetadata};

/// The summary of a snapshot in a listing: its manifest without the counts of tables and shards.
///
/// [`Backups::get`](crate::backup::Backups::get) reads the whole manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SnapshotSummary {
    /// The size of the snapshot, in bytes.
    pub bytes: u64,
    /// The number of lines that are changes, which replace earlier rows.
    #[serde(default)]
    pub changes: u64,
    /// `true` if the snapshot holds each shard at one sequence number.
    #[serde(default)]
    pub consistent: bool,
    /// The time at which the run began, in ISO form.
    pub created_at: String,
    /// The trigger that started the run; absent in a manual snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The identity of the deployment, among those that share the bucket and prefix. Absent in
    /// snapshots of other writers and of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The store's etag of the object that the manifest describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The key of the snapshot.
    pub file: String,
    /// The time at which its last row was read, in ISO form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The time that the snapshot is for, in ISO form.
    pub id: String,
    /// The tables of the deployment that no snapshot includes.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// The number of lines that are stored answers of mutations.
    #[serde(default)]
    pub replies: u64,
    /// The number of lines that are rows.
    pub rows: u64,
    /// The time that the snapshot is for, in milliseconds since 1970.
    #[serde(default)]
    pub scheduled_time: i64,
    /// The SHA-256 of the snapshot, in lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The tables, separated by commas, of a snapshot that is not of every table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<String>,
    /// The number of lines that are watermarks of clients.
    #[serde(default)]
    pub watermarks: u64,
}

impl SnapshotSummary {
    const METADATA: &str = "lunoraBackupSummary";
    /// R2 accepts 2,048 bytes of metadata per object; the trigger and the names need some of them.
    const MAX_BYTES: usize = 1536;

    /// Adds the summary, unless it is larger than a store accepts.
    pub(super) fn add_to(&self, metadata: ObjectMetadata) -> ObjectMetadata {
        match serde_json::to_string(self) {
            // Metadata is sent in headers.
            Ok(text) if text.len() <= Self::MAX_BYTES && text.is_ascii() => {
                metadata.with_custom(Self::METADATA, text)
            }
            _ => metadata,
        }
    }

    /// Reads the summary from the listed object of a manifest.
    pub(super) fn of_object(manifest: &ObjectInfo) -> Option<Self> {
        serde_json::from_str(manifest.metadata.custom.get(Self::METADATA)?).ok()
    }

    /// Returns whether the manifest describes this very object.
    pub(super) fn describes(&self, object: &ObjectInfo) -> bool {
        let same_etag = self.etag.as_ref().is_none_or(|etag| *etag == object.etag);
        self.file == object.key && self.bytes == object.size && same_etag
    }
}

impl From<&Manifest> for SnapshotSummary {
    fn from(manifest: &Manifest) -> Self {
        let manifest = manifest.clone();
        Self {
            bytes: manifest.bytes,
            changes: manifest.changes,
            consistent: manifest.consistent,
            created_at: manifest.created_at,
            cron: manifest.cron,
            deployment: manifest.deployment,
            etag: manifest.etag,
            file: manifest.file,
            finished_at: manifest.finished_at,
            id: manifest.id,
            left_out: manifest.left_out,
            replies: manifest.replies,
            rows: manifest.rows,
            scheduled_time: manifest.scheduled_time,
            sha256: manifest.sha256,
            tables: manifest.tables,
            watermarks: manifest.watermarks,
        }
    }
}

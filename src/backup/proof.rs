//! The proof that a verification leaves beside a snapshot that it found whole.

use serde::{Deserialize, Serialize};

use super::{Backups, Manifest, SnapshotName, SnapshotSummary, Verification, run::unwritten};
use crate::{
    errors::LunoraError,
    platform::{ObjectInfo, ObjectMetadata, PutOptions, log},
};

/// What was verified, and when: `….ndjson.proof.json`, and its metadata, which a listing shows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    rows: u64,
    sha256: String,
    pub(super) verified_at: String,
}

impl Proof {
    const METADATA: &str = "lunoraBackupProof";

    pub(super) fn of_object(proof: &ObjectInfo) -> Option<Self> {
        serde_json::from_str(proof.metadata.custom.get(Self::METADATA)?).ok()
    }

    /// Whether the object that was verified is the one that the snapshot has now.
    pub(super) fn proves(&self, snapshot: &SnapshotSummary) -> bool {
        self.etag == snapshot.etag
            && self.rows == snapshot.rows
            && snapshot.sha256.as_ref() == Some(&self.sha256)
    }
}

impl Backups {
    /// Writes the proof of a snapshot that is whole, and deletes that of one that is damaged.
    /// Whatever fails is a warning: the verification stands.
    pub(super) async fn prove(&self, manifest: &Manifest, found: &Verification) {
        let key = SnapshotName::proof_of(&manifest.file);
        let outcome = if found.ok {
            self.write_proof(&key, manifest, found).await
        } else {
            self.config.store().delete(&[key]).await.map_err(unwritten)
        };
        if let Err(error) = outcome {
            let id = &manifest.id;
            log::warn(&format!(
                "the proof of the snapshot `{id}` is not up to date: {}",
                error.to_log_line()
            ));
        }
    }

    async fn write_proof(
        &self,
        key: &str,
        manifest: &Manifest,
        found: &Verification,
    ) -> Result<(), LunoraError> {
        let proof = Proof {
            etag: manifest.etag.clone(),
            rows: found.rows,
            sha256: found.sha256.clone(),
            verified_at: self.now(),
        };
        let text = serde_json::to_string(&proof).map_err(LunoraError::internal)?;
        let metadata = ObjectMetadata::new()
            .with_content_type("application/json")
            .with_custom(Proof::METADATA, &text);
        let options = PutOptions::new().with_metadata(metadata);
        self.config.store().put(key, (text + "\n").into(), options).await.map_err(unwritten)?;
        Ok(())
    }
}

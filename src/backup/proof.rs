//! The proof that a verification or a drill leaves beside a snapshot that it found whole.

use serde::{Deserialize, Serialize};

use super::{
    Backups, Manifest, SnapshotName, SnapshotSummary, Verification, failure::unreadable,
    failure::unwritten,
};
use crate::{
    errors::LunoraError,
    log,
    platform::{ObjectInfo, ObjectMetadata, PutOptions},
};

/// The time and object of a verification: `….ndjson.proof.json`, and its metadata, which a listing
/// includes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    rows: u64,
    sha256: String,
    pub(super) verified_at: String,
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub(super) drilled: Option<Drilled>,
}

/// The last drill that restored the snapshot.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Drilled {
    pub(super) drilled_at: String,
    pub(super) drilled_shards: u64,
    pub(super) drilled_rows: u64,
}

impl Proof {
    const METADATA: &str = "lunoraBackupProof";

    pub(super) fn of_object(proof: &ObjectInfo) -> Option<Self> {
        serde_json::from_str(proof.metadata.custom.get(Self::METADATA)?).ok()
    }

    /// Returns whether the verified object is the one that the snapshot has now.
    pub(super) fn proves(&self, snapshot: &SnapshotSummary) -> bool {
        self.etag == snapshot.etag
            && self.rows == snapshot.rows
            && snapshot.sha256.as_ref().is_none_or(|written| *written == self.sha256)
    }
}

impl Backups {
    /// Writes the proof of a whole snapshot, and deletes that of a damaged one. With `keep`, an
    /// earlier drill of the same bytes stays part of it. A failure is only logged as a warning,
    /// since the verification itself stands.
    pub(super) async fn prove(
        &self,
        manifest: &Manifest,
        found: &Verification,
        drilled: Option<Drilled>,
        keep: bool,
    ) {
        let key = SnapshotName::proof_of(&manifest.file);
        let outcome = if found.ok {
            let proof = Proof {
                etag: manifest.etag.clone(),
                rows: found.rows,
                sha256: found.sha256.clone(),
                verified_at: self.now(),
                drilled,
            };
            self.write_proof(&key, manifest, proof, keep).await
        } else {
            self.config.store().delete(&[key]).await.map_err(unwritten)
        };
        warn_of(manifest, outcome);
    }

    /// Removes an earlier drill from the proof of a snapshot that could not be restored.
    pub(super) async fn unprove_drill(&self, manifest: &Manifest) {
        let key = SnapshotName::proof_of(&manifest.file);
        let outcome = async {
            match self.proof(&key).await? {
                Some(proof) if proof.drilled.is_some() => {
                    let proof = Proof { drilled: None, ..proof };
                    self.write_proof(&key, manifest, proof, false).await
                }
                _ => Ok(()),
            }
        };
        warn_of(manifest, outcome.await);
    }

    async fn proof(&self, key: &str) -> Result<Option<Proof>, LunoraError> {
        let found = self.config.store().head(key).await.map_err(unreadable)?;
        Ok(found.as_ref().and_then(Proof::of_object))
    }

    async fn write_proof(
        &self,
        key: &str,
        manifest: &Manifest,
        mut proof: Proof,
        keep: bool,
    ) -> Result<(), LunoraError> {
        if keep && proof.drilled.is_none() {
            let before = self.proof(key).await?;
            let before = before.filter(|before| before.proves(&manifest.into()));
            proof.drilled = before.and_then(|before| before.drilled);
        }
        let text = serde_json::to_string(&proof).map_err(LunoraError::internal)?;
        let metadata = ObjectMetadata::new()
            .with_content_type("application/json")
            .with_custom(Proof::METADATA, &text);
        let options = PutOptions::new().with_metadata(metadata);
        self.config.store().put(key, (text + "\n").into(), options).await.map_err(unwritten)?;
        Ok(())
    }
}

fn warn_of(manifest: &Manifest, outcome: Result<(), LunoraError>) {
    if let Err(error) = outcome {
        let id = &manifest.id;
        log::warn(&format!(
            "the proof of the snapshot `{id}` is not up to date: {}",
            error.to_log_line()
        ));
    }
}

//! The claim of a run on the name of its snapshot: two runs for the same time would replace each
//! other's objects, and one that is killed then would leave a manifest of the other's.

use super::{Backups, SnapshotName, run::unwritten};
use crate::{
    errors::{Code, LunoraError},
    platform::{PutOptions, StoreError, log},
};

/// A claim that is held.
pub(super) struct Claim {
    key: String,
    etag: String,
    written_ms: u64,
}

impl Backups {
    /// How long a claim is good for without a sign of life.
    const CLAIM_MS: u64 = 5 * 60 * 1000;

    pub(super) async fn claim(&self, name: &SnapshotName) -> Result<Claim, LunoraError> {
        let key = name.claim();
        let store = self.config.store();
        let options = match store.head(&key).await.map_err(unwritten)? {
            None => PutOptions::new().only_if_absent(),
            Some(found) => {
                let ends = found.uploaded_ms.saturating_add(Self::CLAIM_MS);
                if self.clock.now_ms() < ends {
                    return Err(taken(name));
                }
                PutOptions::new().only_if_etag(found.etag)
            }
        };
        let etag = self.put_claim(&key, options).await?.ok_or_else(|| taken(name))?;
        Ok(Claim { key, etag, written_ms: self.clock.now_ms() })
    }

    /// Renews a claim of which a good part is over, or in any case.
    pub(super) async fn renew_claim(
        &self,
        name: &SnapshotName,
        claim: &mut Claim,
        in_any_case: bool,
    ) -> Result<(), LunoraError> {
        let now = self.clock.now_ms();
        if !in_any_case && now < claim.written_ms.saturating_add(Self::CLAIM_MS / 5) {
            return Ok(());
        }
        let options = PutOptions::new().only_if_etag(claim.etag.clone());
        claim.etag = self.put_claim(&claim.key, options).await?.ok_or_else(|| taken(name))?;
        claim.written_ms = now;
        Ok(())
    }

    /// Gives a claim back, unless it may be another run's by now.
    pub(super) async fn release_claim(&self, claim: Claim) {
        if self.clock.now_ms() >= claim.written_ms.saturating_add(Self::CLAIM_MS) {
            return;
        }
        if let Err(error) = self.config.store().delete(&[claim.key]).await {
            log::warn(&format!("the claim of a backup could not be deleted: {error}"));
        }
    }

    /// Returns the etag; `None` where another run was quicker.
    async fn put_claim(
        &self,
        key: &str,
        options: PutOptions,
    ) -> Result<Option<String>, LunoraError> {
        // Each write has other bytes, and so another etag.
        let text = format!("{{\"writtenMs\":{}}}\n", self.clock.now_ms());
        match self.config.store().put(key, text.into(), options).await {
            Ok(info) => Ok(Some(info.etag)),
            Err(StoreError::AlreadyExists { .. } | StoreError::Changed { .. }) => Ok(None),
            Err(error) => Err(unwritten(error)),
        }
    }
}

fn taken(name: &SnapshotName) -> LunoraError {
    let message = format!(
        "another run takes the snapshot `{}`: wait until it is done, or for 5 minutes if it was killed",
        name.id
    );
    LunoraError::new(Code::BackupInProgress, message)
}

//! The claim of a run on the name of its snapshot.
//!
//! Two concurrent runs for the same time would overwrite each other's objects. If one of them is
//! then killed, it could leave a manifest that describes the other's rows.

use super::{Backups, SnapshotName, failure::unwritten};
use crate::{
    errors::{Code, LunoraError},
    log,
    platform::{PutOptions, StoreError},
};

/// A claim that this run holds.
pub(super) struct Claim {
    key: String,
    etag: String,
    written_ms: u64,
    /// The resource that the claim protects, for the error message.
    subject: String,
}

impl Backups {
    /// The time after which a claim without a renewal expires.
    const CLAIM_MS: u64 = 5 * 60 * 1000;

    pub(super) async fn claim(&self, name: &SnapshotName) -> Result<Claim, LunoraError> {
        self.claim_key(name.claim(), format!("takes the snapshot `{}`", name.id)).await
    }

    /// Takes the claim of the drill, since there is only one scratch shard.
    pub(super) async fn claim_drill(&self) -> Result<Claim, LunoraError> {
        let key = [self.config.prefix(), "lunora-drill.claim"].concat();
        self.claim_key(key, "drills a snapshot".to_owned()).await
    }

    async fn claim_key(&self, key: String, subject: String) -> Result<Claim, LunoraError> {
        let store = self.config.store();
        let options = match store.head(&key).await.map_err(unwritten)? {
            None => PutOptions::new().only_if_absent(),
            Some(found) => {
                let ends = found.uploaded_ms.saturating_add(Self::CLAIM_MS);
                if self.clock.now_ms() < ends {
                    return Err(taken(&subject));
                }
                PutOptions::new().only_if_etag(found.etag)
            }
        };
        let etag = self.put_claim(&key, options).await?.ok_or_else(|| taken(&subject))?;
        Ok(Claim { key, etag, written_ms: self.clock.now_ms(), subject })
    }

    /// Renews a claim that has used a good part of its time, or any claim if forced.
    pub(super) async fn renew_claim(
        &self,
        claim: &mut Claim,
        in_any_case: bool,
    ) -> Result<(), LunoraError> {
        let now = self.clock.now_ms();
        if !in_any_case && now < claim.written_ms.saturating_add(Self::CLAIM_MS / 5) {
            return Ok(());
        }
        let options = PutOptions::new().only_if_etag(claim.etag.clone());
        let etag = self.put_claim(&claim.key, options).await?;
        claim.etag = etag.ok_or_else(|| taken(&claim.subject))?;
        claim.written_ms = now;
        Ok(())
    }

    /// Releases a claim, unless another run may hold it by now.
    pub(super) async fn release_claim(&self, claim: Claim) {
        if self.clock.now_ms() >= claim.written_ms.saturating_add(Self::CLAIM_MS) {
            return;
        }
        if let Err(error) = self.config.store().delete(&[claim.key]).await {
            log::warn(&format!("the claim of a backup could not be deleted: {error}"));
        }
    }

    /// Writes the claim and returns its etag; `None` if another run was faster.
    async fn put_claim(
        &self,
        key: &str,
        options: PutOptions,
    ) -> Result<Option<String>, LunoraError> {
        // Each write has different bytes, and so a different etag.
        let text = format!("{{\"writtenMs\":{}}}\n", self.clock.now_ms());
        match self.config.store().put(key, text.into(), options).await {
            Ok(info) => Ok(Some(info.etag)),
            Err(StoreError::AlreadyExists { .. } | StoreError::Changed { .. }) => Ok(None),
            Err(error) => Err(unwritten(error)),
        }
    }
}

fn taken(subject: &str) -> LunoraError {
    let message =
        format!("another run {subject}: wait until it is done, or for 5 minutes if it was killed");
    LunoraError::new(Code::BackupInProgress, message)
}

//! The lease of a restore: one object beside the snapshots.
//!
//! It is only written conditionally, and never deleted: its etag, read before and after an
//! operation, shows whether a restore ran in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Backups, failure::unreadable};
use crate::{
    errors::{Code, LunoraError},
    platform::{ObjectMetadata, PutOptions, StoreError},
    wire::iso::to_iso,
};

/// The restore that holds the shards, or the last one that did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RestoreLease {
    /// The owner: a number that increases with every restore.
    pub lease: u64,
    /// The id of the snapshot that is restored.
    pub snapshot: String,
    /// The state of the restore.
    pub state: RestoreState,
    /// `true` if rows may have been deleted or written.
    pub begun: bool,
    /// `true` if some rows were rejected.
    #[serde(default)]
    pub flawed: bool,
    /// `true` if the restore stays open after its last row, until a call finishes it.
    #[serde(default)]
    pub hold: bool,
    /// The snapshot of the state before the restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_snapshot: Option<String>,
    /// The sequence number of each shard's change feed before the restore began.
    #[serde(default)]
    pub seqs: BTreeMap<String, u64>,
    /// The time at which it began, in ISO form.
    pub started_at: String,
    /// The time until which no other caller may continue it, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// The state of a restore.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RestoreState {
    /// In progress, or interrupted if the lease expired.
    Running,
    /// Every row was restored.
    Finished,
    /// Given up by an operator, or failed before it changed anything.
    Abandoned,
}

impl RestoreLease {
    /// Returns whether the shards are, or may soon be, only partly restored.
    #[must_use]
    pub fn is_open(&self, now_ms: u64) -> bool {
        self.state == RestoreState::Running && (self.begun || !self.is_expired(now_ms))
    }

    fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms <= now_ms
    }

    /// Returns the snapshots that the restore needs until it is finished.
    pub(super) fn protected(&self) -> impl Iterator<Item = &str> {
        let needed = [Some(&*self.snapshot), self.safety_snapshot.as_deref()];
        let running = self.state == RestoreState::Running;
        needed.into_iter().flatten().filter(move |_| running)
    }
}

/// A lease with the etag of its object.
pub(super) struct Held {
    pub(super) lease: RestoreLease,
    etag: String,
}

impl Backups {
    /// The time after which a restore without a sign of life can be resumed by another.
    const LEASE_MS: u64 = 15 * 60 * 1000;
    const MAX_LEASE_BYTES: usize = 16 * 1024 * 1024;

    /// Returns the restore in progress, or the last one; `None` before the first.
    ///
    /// # Errors
    /// If the store fails, or the object of the lease is malformed.
    pub async fn restore_lease(&self) -> Result<Option<RestoreLease>, LunoraError> {
        Ok(self.held().await?.map(|held| held.lease))
    }

    /// Finishes a restore that was started with `hold`, which stays open after its last row.
    ///
    /// # Errors
    /// 409 `RESTORE_UNFINISHED` if the restore does not hold the lease any more; if the store
    /// fails.
    pub async fn finish_restore(&self, lease: u64) -> Result<RestoreLease, LunoraError> {
        let mut held = self.owned(lease).await?;
        held.lease.state = RestoreState::Finished;
        self.update(&mut held).await?;
        Ok(held.lease)
    }

    /// Gives up an interrupted restore: the shards keep the state that they have now.
    ///
    /// # Errors
    /// 409 `RESTORE_IN_PROGRESS` while the restore is alive; if the store fails.
    pub async fn abandon_restore(&self) -> Result<Option<RestoreLease>, LunoraError> {
        let Some(mut held) = self.held().await? else { return Ok(None) };
        if held.lease.state != RestoreState::Running {
            return Ok(Some(held.lease));
        }
        if !held.lease.is_expired(self.clock.now_ms()) {
            return Err(in_progress(&held.lease));
        }
        held.lease.state = RestoreState::Abandoned;
        self.update(&mut held).await?;
        Ok(Some(held.lease))
    }

    /// Refuses while the shards are partly restored; otherwise returns a mark by which the caller
    /// detects a later restore.
    pub(super) async fn refuse_open_restore(&self) -> Result<Option<String>, LunoraError> {
        let Some(held) = self.held().await? else { return Ok(None) };
        let now = self.clock.now_ms();
        if !held.lease.is_open(now) {
            return Ok(Some(held.etag));
        }
        Err(if held.lease.is_expired(now) {
            unfinished(&held.lease)
        } else {
            in_progress(&held.lease)
        })
    }

    /// Takes the lease for a restore of the snapshot `id`. An interrupted restore of the same
    /// snapshot is resumed, and keeps its safety snapshot.
    pub(super) async fn acquire(&self, id: &str, hold: bool) -> Result<Held, LunoraError> {
        let now = self.clock.now_ms();
        let current = self.held().await?;
        let mut lease = RestoreLease {
            lease: 1,
            snapshot: id.to_owned(),
            state: RestoreState::Running,
            begun: false,
            flawed: false,
            hold,
            safety_snapshot: None,
            seqs: BTreeMap::new(),
            started_at: i64::try_from(now).map(to_iso).unwrap_or_default(),
            expires_ms: now.saturating_add(Self::LEASE_MS),
        };
        let mut options = PutOptions::new().only_if_absent();
        if let Some(Held { lease: current, etag }) = current {
            if current.state == RestoreState::Running && !current.is_expired(now) {
                return Err(in_progress(&current));
            }
            if current.is_open(now) {
                if current.snapshot != id {
                    return Err(unfinished(&current));
                }
                lease.begun = true;
                lease.safety_snapshot = current.safety_snapshot;
                lease.seqs = current.seqs;
                lease.started_at = current.started_at;
            }
            lease.lease = current.lease.saturating_add(1);
            options = PutOptions::new().only_if_etag(etag);
        }
        let etag = self.put_lease(&lease, options).await?;
        Ok(Held { lease, etag })
    }

    /// Returns the lease of a restore that continues.
    pub(super) async fn owned(&self, lease: u64) -> Result<Held, LunoraError> {
        let held = self
            .held()
            .await?
            .filter(|held| held.lease.lease == lease && held.lease.state == RestoreState::Running);
        let mut held = held.ok_or_else(|| {
            let message = "this restore does not hold the lease any more: begin the restore again";
            LunoraError::new(Code::RestoreUnfinished, message)
        })?;
        self.renew(&mut held).await?;
        Ok(held)
    }

    /// Writes the lease as it is now, with its full time.
    pub(super) async fn renew(&self, held: &mut Held) -> Result<(), LunoraError> {
        held.lease.expires_ms = self.clock.now_ms().saturating_add(Self::LEASE_MS);
        self.update(held).await
    }

    /// Renews a lease that has used half of its time.
    pub(super) async fn keep_alive(&self, held: &mut Held) -> Result<(), LunoraError> {
        if held.lease.expires_ms < self.clock.now_ms().saturating_add(Self::LEASE_MS / 2) {
            self.renew(held).await?;
        }
        Ok(())
    }

    /// Releases the lease so that another restore can resume this one at once, or abandons the
    /// restore if it changed nothing.
    pub(super) async fn interrupt(&self, held: &mut Held) -> Result<(), LunoraError> {
        held.lease.expires_ms = self.clock.now_ms();
        if !held.lease.begun {
            held.lease.state = RestoreState::Abandoned;
        }
        self.update(held).await
    }

    pub(super) async fn update(&self, held: &mut Held) -> Result<(), LunoraError> {
        let options = PutOptions::new().only_if_etag(held.etag.clone());
        held.etag = self.put_lease(&held.lease, options).await?;
        Ok(())
    }

    async fn put_lease(
        &self,
        lease: &RestoreLease,
        options: PutOptions,
    ) -> Result<String, LunoraError> {
        let text = serde_json::to_vec(lease).map_err(LunoraError::internal)?;
        let metadata = ObjectMetadata::new().with_content_type("application/json");
        let options = options.with_metadata(metadata);
        match self.config.store().put(&self.lease_key(), text.into(), options).await {
            Ok(info) => Ok(info.etag),
            Err(StoreError::AlreadyExists { .. } | StoreError::Changed { .. }) => {
                Err(LunoraError::new(
                    Code::RestoreInProgress,
                    "another restore took the lease: wait until it is finished",
                ))
            }
            Err(error) => Err(LunoraError::new(
                Code::Internal,
                "the lease of the restore could not be written",
            )
            .with_source(error)),
        }
    }

    async fn held(&self) -> Result<Option<Held>, LunoraError> {
        let found = self.config.store().get(&self.lease_key()).await.map_err(unreadable)?;
        let Some(object) = found else { return Ok(None) };
        let etag = object.info.etag.clone();
        let text = object.body.into_bytes(Self::MAX_LEASE_BYTES).await.map_err(unreadable)?;
        let lease = serde_json::from_slice(&text).map_err(unreadable)?;
        Ok(Some(Held { lease, etag }))
    }

    fn lease_key(&self) -> String {
        [self.config.prefix(), "lunora-restore.json"].concat()
    }
}

fn in_progress(lease: &RestoreLease) -> LunoraError {
    let message = format!(
        "the snapshot `{}` is being restored since {}: wait until it is finished",
        lease.snapshot, lease.started_at
    );
    LunoraError::new(Code::RestoreInProgress, message)
}

fn unfinished(lease: &RestoreLease) -> LunoraError {
    let message = format!(
        "the restore of snapshot `{}` of {} is not finished, and the shards hold a part of it: \
         restore that snapshot again, or abandon the restore (POST /_lunora/admin/backup/abandon)",
        lease.snapshot, lease.started_at
    );
    LunoraError::new(Code::RestoreUnfinished, message)
}

//! Whose snapshots are under a prefix: two deployments may have been given one bucket.

use super::{Backups, SnapshotSummary};

/// The custom metadata of a snapshot's objects that tells whose they are.
pub(super) const DEPLOYMENT_METADATA: &str = "lunoraDeployment";

impl Backups {
    /// Returns what tells this deployment from others; `None` where the namespace of the shards does
    /// not tell.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        self.deployment.as_deref()
    }

    /// Whether something is another deployment's. What does not say whose it is, is not.
    pub(super) fn is_foreign(&self, deployment: Option<&str>) -> bool {
        deployment.zip(self.deployment()).is_some_and(|(of, own)| own != of)
    }

    pub(super) fn is_own_snapshot(&self, snapshot: &SnapshotSummary) -> bool {
        !self.is_foreign(snapshot.deployment.as_deref())
    }
}

//! The deployment to which the snapshots under a prefix belong: two deployments may share one
//! bucket.

use super::{Backups, SnapshotSummary};

/// The custom metadata key that names the deployment of a snapshot's objects.
pub(super) const DEPLOYMENT_METADATA: &str = "lunoraDeployment";

impl Backups {
    /// Returns the identity of this deployment; `None` if the namespace of the shards has no
    /// identity.
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

//! The response to a route whose cluster is not configured.

use super::{
    storage,
    table::{AdminRoute, Cluster},
    workflows,
};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
};

/// Returns the code of the cluster, and the call that would configure it; an empty list for the two
/// lists that the Studio requests by itself.
pub(super) fn answer(route: &AdminRoute, method: &str) -> Result<Response, LunoraError> {
    let (code, setter) = match (route.path, method) {
        ("/_lunora/admin/storage/buckets", _) => return storage::buckets(&[]),
        ("/_lunora/admin/workflows/instances", _) => return Ok(workflows::no_instances()),
        ("/_lunora/admin/storage", "DELETE") => (Code::StorageDeleteNotConfigured, "storage"),
        ("/_lunora/admin/storage", "PUT" | "POST") => (Code::StorageUploadNotConfigured, "storage"),
        ("/_lunora/admin/storage/object", _) => (Code::StorageDownloadNotConfigured, "storage"),
        ("/_lunora/admin/storage/url", _) => (Code::StorageUrlNotConfigured, "storage"),
        _ => of(route.cluster),
    };
    Err(LunoraError::new(
        code,
        format!("this deployment has not configured it: call `.{setter}(..)` on the builder"),
    ))
}

const fn of(cluster: Cluster) -> (Code, &'static str) {
    match cluster {
        // The core is always configured.
        Cluster::Core => (Code::NotImplemented, "build"),
        Cluster::Auth => (Code::AuthNotConfigured, "auth_admin"),
        Cluster::Backups => (Code::BackupNotConfigured, "backup"),
        Cluster::Data | Cluster::Orchestration => {
            (Code::BadRequest, "query_coordinator(..)` and `.admin_token")
        }
        Cluster::Global => (Code::GlobalsNotConfigured, "global_tables"),
        Cluster::Kv => (Code::KvNotConfigured, "kv"),
        Cluster::Logs => (Code::LogArchiveNotConfigured, "log_archive"),
        Cluster::Scheduler => (Code::SchedulerNotConfigured, "scheduler"),
        Cluster::Storage => (Code::StorageNotConfigured, "storage"),
        Cluster::Vector => (Code::VectorsNotConfigured, "vectors"),
        Cluster::Workflows => (Code::WorkflowsNotConfigured, "workflow"),
        #[cfg(test)]
        Cluster::Test => (Code::NotImplemented, "test"),
    }
}

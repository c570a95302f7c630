//! The response to a route whose area is not configured.

use super::{
    storage,
    table::{AdminArea, AdminRoute},
    workflows,
};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
};

/// Returns the code of the area, and the call that would configure it; an empty list for the two
/// lists that the Studio requests by itself.
pub(super) fn answer(route: &AdminRoute, method: &str) -> Result<Response, LunoraError> {
    let (code, setter) = match (route.path, method) {
        ("/_lunora/admin/storage/buckets", _) => return storage::buckets(&[]),
        ("/_lunora/admin/workflows/instances", _) => return workflows::no_instances(Vec::new()),
        ("/_lunora/admin/storage", "DELETE") => (Code::StorageDeleteNotConfigured, "storage"),
        ("/_lunora/admin/storage", "PUT" | "POST") => (Code::StorageUploadNotConfigured, "storage"),
        ("/_lunora/admin/storage/object", _) => (Code::StorageDownloadNotConfigured, "storage"),
        ("/_lunora/admin/storage/url", _) => (Code::StorageUrlNotConfigured, "storage"),
        _ => of(route.area),
    };
    Err(LunoraError::new(
        code,
        format!("this deployment has not configured it: call `.{setter}(..)` on the builder"),
    ))
}

const fn of(area: AdminArea) -> (Code, &'static str) {
    match area {
        // The core is always configured.
        AdminArea::Core => (Code::NotImplemented, "build"),
        AdminArea::Auth => (Code::AuthNotConfigured, "auth_admin"),
        AdminArea::Backups => (Code::BackupNotConfigured, "backup"),
        AdminArea::Data | AdminArea::Orchestration => (Code::BadRequest, "query_coordinator"),
        AdminArea::Global => (Code::GlobalsNotConfigured, "global_tables"),
        AdminArea::Kv => (Code::KvNotConfigured, "kv"),
        AdminArea::Logs => (Code::LogArchiveNotConfigured, "log_archive"),
        AdminArea::Queues => (Code::BadRequest, "queue"),
        AdminArea::Scheduler => (Code::SchedulerNotConfigured, "scheduler"),
        AdminArea::Storage => (Code::StorageNotConfigured, "storage"),
        AdminArea::Vector => (Code::VectorsNotConfigured, "vectors"),
        AdminArea::Workflows => (Code::WorkflowsNotConfigured, "workflow"),
        #[cfg(test)]
        AdminArea::Test => (Code::NotImplemented, "test"),
    }
}

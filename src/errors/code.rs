//! The catalogue: every code that travels on the wire, with its status and title.

use std::{fmt, str::FromStr};

use http::StatusCode;

/// Declares [`Code`] from one row per code, so that a code cannot lack a status or a title.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// A code of the wire, with the HTTP status and the title that belong to it.
        ///
        /// Clients key on the code, never on the message. An application's own codes travel as
        /// well: see [`LunoraError::custom`](crate::LunoraError::custom).
        ///
        /// ```
        /// use lunora::Code;
        ///
        /// assert_eq!(Code::ForbiddenShard.as_str(), "FORBIDDEN_SHARD");
        /// assert_eq!(Code::ForbiddenShard.status(), 403);
        /// assert_eq!("FORBIDDEN_SHARD".parse(), Ok(Code::ForbiddenShard));
        /// ```
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the code as sent on the wire: `"FORBIDDEN_SHARD"`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// Returns the status that belongs to the code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// Returns a short name for people: `"Shard access denied"`.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

catalogue! {
    /// 400: the request cannot be read.
    BadRequest = "BAD_REQUEST", BAD_REQUEST, "Bad request";
    /// 400: an argument does not match the function's declaration.
    ValidationError = "VALIDATION_ERROR", BAD_REQUEST, "Invalid arguments";
    /// 400: a unique query matched several documents.
    NotUnique = "NOT_UNIQUE", BAD_REQUEST, "Not unique";
    /// 400: an admin socket token was requested, but no admin token is configured.
    AdminTokenNotConfigured = "ADMIN_TOKEN_NOT_CONFIGURED", BAD_REQUEST, "No admin token";
    /// 400: a migration was called without its id.
    MigrationIdRequired = "MIGRATION_ID_REQUIRED", BAD_REQUEST, "Migration id required";
    /// 400: an upload does not match its checksum.
    StorageChecksumMismatch = "STORAGE_CHECKSUM_MISMATCH", BAD_REQUEST, "Checksum mismatch";
    /// 400: the vector index cannot answer such a query.
    VectorQueryUnsupported = "VECTOR_QUERY_UNSUPPORTED", BAD_REQUEST, "Vector query unsupported";
    /// 400: no functions are listed in this deployment.
    FunctionsNotConfigured = "FUNCTIONS_NOT_CONFIGURED", BAD_REQUEST, "No functions listed";
    /// 400: no cron jobs are configured in this deployment.
    CronJobsNotConfigured = "CRON_JOBS_NOT_CONFIGURED", BAD_REQUEST, "No cron jobs";
    /// 400: no scheduler is configured in this deployment.
    SchedulerNotConfigured = "SCHEDULER_NOT_CONFIGURED", BAD_REQUEST, "No scheduler";
    /// 400: nothing manages users in this deployment.
    AuthNotConfigured = "AUTH_NOT_CONFIGURED", BAD_REQUEST, "No user management";
    /// 400: the user management does not support this operation.
    AuthOpNotSupported = "AUTH_OP_NOT_SUPPORTED", BAD_REQUEST, "Operation not supported";
    /// 400: no global tables are configured in this deployment.
    GlobalsNotConfigured = "GLOBALS_NOT_CONFIGURED", BAD_REQUEST, "No global tables";
    /// 400: a line or a change is a row of a global table, and none are configured in this deployment.
    GlobalNotConfigured = "GLOBAL_NOT_CONFIGURED", BAD_REQUEST, "No global tables";
    /// 400: no KV namespaces are configured in this deployment.
    KvNotConfigured = "KV_NOT_CONFIGURED", BAD_REQUEST, "No KV namespaces";
    /// 400: no log archive is configured in this deployment.
    LogArchiveNotConfigured = "LOG_ARCHIVE_NOT_CONFIGURED", BAD_REQUEST, "No log archive";
    /// 400: no storage is configured in this deployment.
    StorageNotConfigured = "STORAGE_NOT_CONFIGURED", BAD_REQUEST, "No storage";
    /// 400: no storage to delete from is configured in this deployment.
    StorageDeleteNotConfigured = "STORAGE_DELETE_NOT_CONFIGURED", BAD_REQUEST, "No storage";
    /// 400: no storage to read from is configured in this deployment.
    StorageDownloadNotConfigured = "STORAGE_DOWNLOAD_NOT_CONFIGURED", BAD_REQUEST, "No storage";
    /// 400: no storage to write to is configured in this deployment.
    StorageUploadNotConfigured = "STORAGE_UPLOAD_NOT_CONFIGURED", BAD_REQUEST, "No storage";
    /// 400: this deployment signs no URLs.
    StorageUrlNotConfigured = "STORAGE_URL_NOT_CONFIGURED", BAD_REQUEST, "No URL signer";
    /// 400: no vector indexes are configured in this deployment.
    VectorsNotConfigured = "VECTORS_NOT_CONFIGURED", BAD_REQUEST, "No vector indexes";
    /// 401: no valid credentials.
    Unauthorized = "UNAUTHORIZED", UNAUTHORIZED, "Sign-in required";
    /// 401: the caller's identity has expired.
    TokenExpired = "TOKEN_EXPIRED", UNAUTHORIZED, "Sign-in expired";
    /// 403: known, and not allowed.
    Forbidden = "FORBIDDEN", FORBIDDEN, "Forbidden";
    /// 403: the caller may not reach this shard.
    ForbiddenShard = "FORBIDDEN_SHARD", FORBIDDEN, "Shard access denied";
    /// 403: the caller may not query across shards.
    ForbiddenFanout = "FORBIDDEN_FANOUT", FORBIDDEN, "Cross-shard query denied";
    /// 403: the request comes from an origin that is not trusted.
    ForbiddenOrigin = "FORBIDDEN_ORIGIN", FORBIDDEN, "Origin not trusted";
    /// 403: an admin endpoint without an admin bearer.
    AdminForbidden = "ADMIN_FORBIDDEN", FORBIDDEN, "Admin access denied";
    /// 403: a scheduler dispatch without a valid signature.
    DispatchUnauthenticated = "DISPATCH_UNAUTHENTICATED", FORBIDDEN, "Dispatch not signed";
    /// 404: there is nothing here.
    NotFound = "NOT_FOUND", NOT_FOUND, "Not found";
    /// 404: no such function, or not for this caller.
    FunctionNotFound = "FUNCTION_NOT_FOUND", NOT_FOUND, "Function not found";
    /// 404: no such migration.
    MigrationNotFound = "MIGRATION_NOT_FOUND", NOT_FOUND, "Migration not found";
    /// 404: no such table.
    UnknownTable = "UNKNOWN_TABLE", NOT_FOUND, "Unknown table";
    /// 404: no such admin operation.
    UnknownAdminOp = "UNKNOWN_ADMIN_OP", NOT_FOUND, "Unknown admin operation";
    /// 404: no such cron job.
    CronJobNotFound = "CRON_JOB_NOT_FOUND", NOT_FOUND, "Cron job not found";
    /// 404: no such object in storage.
    StorageObjectNotFound = "STORAGE_OBJECT_NOT_FOUND", NOT_FOUND, "Object not found";
    /// 405: the path exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "Method not allowed";
    /// 409: another caller changed the same thing.
    Conflict = "CONFLICT", CONFLICT, "Conflict";
    /// 409: a client's writes arrived out of their order.
    OutOfOrder = "OUT_OF_ORDER", CONFLICT, "Out of order";
    /// 409: a snapshot is being restored.
    RestoreInProgress = "RESTORE_IN_PROGRESS", CONFLICT, "Restore in progress";
    /// 409: a restore was interrupted, and was neither repeated nor abandoned.
    RestoreUnfinished = "RESTORE_UNFINISHED", CONFLICT, "Restore unfinished";
    /// 409: another run takes the same snapshot.
    BackupInProgress = "BACKUP_IN_PROGRESS", CONFLICT, "Backup in progress";
    /// 409: another deployment has taken a snapshot of the same name.
    BackupPrefixShared = "BACKUP_PREFIX_SHARED", CONFLICT, "Backup prefix shared";
    /// 409: rows that the last backup held vanished without a change.
    BackupShrunk = "BACKUP_SHRUNK", CONFLICT, "Backup lost rows";
    /// 409: the shard registry lists no shards.
    RegistryEmpty = "REGISTRY_EMPTY", CONFLICT, "No shards registered";
    /// 409: the change log no longer reaches back that far.
    CdcLogTrimmed = "CDC_LOG_TRIMMED", CONFLICT, "Change log trimmed";
    /// 409: point-in-time recovery is not available.
    PitrUnavailable = "PITR_UNAVAILABLE", CONFLICT, "Point-in-time recovery unavailable";
    /// 409: a queued write was replayed under another identity.
    IdentityMismatch = "IDENTITY_MISMATCH", CONFLICT, "Identity mismatch";
    /// 413: the body is over its budget.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "Body too large";
    /// 413: one transaction touches too much.
    TransactionLimitExceeded = "TRANSACTION_LIMIT_EXCEEDED", PAYLOAD_TOO_LARGE, "Transaction too large";
    /// 422: understood, and impossible.
    Unprocessable = "UNPROCESSABLE", UNPROCESSABLE_ENTITY, "Unprocessable";
    /// 429: too many requests.
    TooManyRequests = "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS, "Too many requests";
    /// 429: too many requests, by a rate limit of the application.
    RateLimited = "RATE_LIMITED", TOO_MANY_REQUESTS, "Rate limited";
    /// 429: too many subscriptions on one socket.
    TooManySubscriptions = "TOO_MANY_SUBSCRIPTIONS", TOO_MANY_REQUESTS, "Too many subscriptions";
    /// 500: something broke; the client learns no more.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "Internal error";
    /// 500: the same, as older parts spell it.
    InternalServerError = "INTERNAL_SERVER_ERROR", INTERNAL_SERVER_ERROR, "Internal error";
    /// 500: a function failed with an error of no code.
    RpcFailed = "RPC_FAILED", INTERNAL_SERVER_ERROR, "Call failed";
    /// 500: functions called each other too deeply.
    RunDepthExceeded = "RUN_DEPTH_EXCEEDED", INTERNAL_SERVER_ERROR, "Calls nested too deeply";
    /// 500: a transaction was begun within another one.
    NestedTransaction = "NESTED_TRANSACTION", INTERNAL_SERVER_ERROR, "Nested transaction";
    /// 500: an entry of a batch cannot be read.
    BatchEntryFailed = "BATCH_ENTRY_FAILED", INTERNAL_SERVER_ERROR, "Batch entry failed";
    /// 500: an environment variable has an invalid value.
    EnvInvalid = "ENV_INVALID", INTERNAL_SERVER_ERROR, "Invalid environment";
    /// 500: a shard's authorization headers are missing.
    AuthHeadersMissing = "AUTH_HEADERS_MISSING", INTERNAL_SERVER_ERROR, "Authorization headers missing";
    /// 500: the audit log could not be read.
    AuthAuditReadFailed = "AUTH_AUDIT_READ_FAILED", INTERNAL_SERVER_ERROR, "Audit log unreadable";
    /// 500: the deployment lacks something it needs.
    Misconfigured = "MISCONFIGURED", INTERNAL_SERVER_ERROR, "Misconfigured";
    /// 500: a cron job failed.
    CronJobFailed = "CRON_JOB_FAILED", INTERNAL_SERVER_ERROR, "Cron job failed";
    /// 400: rows in a form that is not imported here.
    ImportFormatUnsupported = "IMPORT_FORMAT_UNSUPPORTED", BAD_REQUEST, "Import not supported";
    /// 400: old backups were to be deleted, and no retention is configured.
    BackupRetentionNotConfigured = "BACKUP_RETENTION_NOT_CONFIGURED", BAD_REQUEST, "No retention configured";
    /// 500: a backup was requested, but no backup is configured.
    BackupNotConfigured = "BACKUP_NOT_CONFIGURED", INTERNAL_SERVER_ERROR, "No backup configured";
    /// 501: this part is not implemented.
    NotImplemented = "NOT_IMPLEMENTED", NOT_IMPLEMENTED, "Not implemented";
    /// 501: workflows cannot be looked into in this deployment.
    WorkflowsNotConfigured = "WORKFLOWS_NOT_CONFIGURED", NOT_IMPLEMENTED, "No workflows";
    /// 502: a shard answered with an error status.
    ShardHttpError = "SHARD_HTTP_ERROR", BAD_GATEWAY, "Shard failed";
    /// 503: a shard sent an unexpected response.
    ShardError = "SHARD_ERROR", SERVICE_UNAVAILABLE, "Shard error";
    /// 503: the snapshot for the last due time of the backup's trigger is missing.
    BackupOverdue = "BACKUP_OVERDUE", SERVICE_UNAVAILABLE, "Backup overdue";
    /// 503: the newest snapshot could not be restored into a scratch shard.
    BackupDrillFailed = "BACKUP_DRILL_FAILED", SERVICE_UNAVAILABLE, "Backup drill failed";
    /// 503: a backup is too long for one invocation, and another continues it.
    BackupUnfinished = "BACKUP_UNFINISHED", SERVICE_UNAVAILABLE, "Backup unfinished";
    /// 503: a shard could not be reached.
    ShardUnavailable = "SHARD_UNAVAILABLE", SERVICE_UNAVAILABLE, "Shard unavailable";
    /// 504: a shard did not answer in time.
    ShardTimeout = "SHARD_TIMEOUT", GATEWAY_TIMEOUT, "Shard timed out";
    /// 507: a shard's database has no room for more documents.
    ShardFull = "SHARD_FULL", INSUFFICIENT_STORAGE, "Shard full";
}

impl Code {
    /// Returns whether the message of such an error stays on the server.
    ///
    /// The client of a redacted error sees code, status and `Internal error`; the server's log
    /// has the rest.
    #[must_use]
    pub const fn is_redacted(self) -> bool {
        matches!(
            self,
            Self::Internal
                | Self::InternalServerError
                | Self::RpcFailed
                | Self::RunDepthExceeded
                | Self::EnvInvalid
                | Self::AuthHeadersMissing
                | Self::AuthAuditReadFailed
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|known| known.as_str() == code).ok_or(UnknownCode)
    }
}

/// The code is not one of the catalogue; it may be an application's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the code is not in the catalogue")]
pub struct UnknownCode;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status_and_one_spelling() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(code.status().as_u16() >= 400, "{code}");
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(Code::ALL[..index].iter().all(|other| other.as_str() != code.as_str()));
        }
    }

    #[test]
    fn redacts_what_may_carry_internals_and_nothing_else() {
        assert!(Code::Internal.is_redacted());
        assert!(Code::RpcFailed.is_redacted());
        assert!(!Code::Misconfigured.is_redacted());
        assert!(!Code::ShardUnavailable.is_redacted());
    }
}

//! The requirements of the core on its host, as small traits, and their implementations.
//!
//! `cloudflare` is the real one, over the crate `worker`; nothing outside it names a type of that
//! crate. `memory` is for tests.

#[cfg(feature = "admin")]
mod auth_admin;
mod bindings;
#[cfg(any(feature = "shard", feature = "sessions"))]
mod cell;
mod clock;
pub(crate) mod cloudflare;
mod context;
#[cfg(any(feature = "globals", feature = "sessions"))]
pub(crate) mod database;
mod deadline;
mod digest;
mod each;
mod environment;
#[cfg(feature = "admin")]
mod global;
mod global_changes;
#[cfg(feature = "admin")]
mod kv;
#[cfg(feature = "admin")]
mod log_archive;
pub(crate) mod memory;
mod per_isolate;
mod random;
mod rate_limiter;
mod registry_storage;
mod shard;
#[cfg(feature = "shard")]
mod shard_host;
mod store;
mod trigger;
#[cfg(feature = "admin")]
mod vector;
mod workflow;

#[doc(hidden)]
pub use self::each::AskEach;
#[doc(hidden)]
pub use self::per_isolate::PerIsolate;
#[doc(hidden)]
pub use worker::Env;

#[cfg(feature = "admin")]
#[doc(hidden)]
pub use self::{
    auth_admin::{AuthAdmin, AuthOp},
    cloudflare::VectorizeIndexes,
    global::{
        GlobalFacet, GlobalPage, GlobalQuery, GlobalRow, GlobalRows, GlobalSchema, GlobalTable,
        GlobalTables, GlobalValue, GlobalWrite, GlobalWritten,
    },
    kv::{KeyValueStore, KvEntry, KvExpiry, KvKey, KvList, KvPage},
    log_archive::{LogArchive, LogCursor, LogLevel, LogPage, LogQuery},
    vector::{VectorIndex, VectorIndexes, VectorMatch},
};

#[cfg(any(feature = "globals", feature = "sessions"))]
#[doc(hidden)]
pub use self::database::{DatabaseRows, DatabaseStatement, GlobalDatabase};

#[cfg(any(feature = "shard", feature = "sessions"))]
pub use self::cell::SqlCell;
#[cfg(feature = "shard")]
pub use self::{
    cloudflare::DurableObjectHost,
    shard_host::{ShardHost, SqlFailure, SqlRows},
};

#[cfg(feature = "shard")]
pub(crate) use self::random::Random;
#[doc(hidden)]
pub use self::trigger::{
    CronError, CronExpression, Email, EmailHost, QueueBatch, QueueDecision, QueueMessage,
    ScheduledEvent,
};
pub use self::{
    bindings::Bindings,
    clock::Clock,
    cloudflare::{CloudflareClock, CloudflareWorkflow, SqlRegistryStorage},
    context::{ExecutionContext, NoopExecutionContext},
    environment::Environment,
    global_changes::{GlobalChanges, GlobalChangesQuery},
    rate_limiter::{IsolateRateLimiter, RateLimiter, RateVerdict},
    registry_storage::RegistryStorage,
    shard::{
        Jurisdiction, LocationHint, Placement, ResolvedShard, ShardAddress, ShardCallError,
        ShardNamespace, resolve_shard,
    },
    store::{
        ListOptions, MultipartUpload, ObjectInfo, ObjectMetadata, ObjectPage, ObjectStore,
        PutOptions, StoreError, StoreOperation, StoredObject, SuspendedPart, SuspendedUpload,
    },
    workflow::{Workflow, WorkflowAction},
};
pub(crate) use self::{
    clock::{millis, within},
    deadline::Deadline,
    digest::{Sha256Stream, hex},
    each::{EachAnswer, EachBody, EachCall, EachFailure, EachSuccess},
    global_changes::GLOBAL_CHANGES,
    random::{Numbers, random_seed},
    store::rules::MIN_PART_BYTES,
};

//! What the core needs of its host, as small traits, and their implementations.
//!
//! `cloudflare` is the real one, over the crate `worker`; nothing outside it names a type of that
//! crate. `memory` is for tests.

mod clock;
pub(crate) mod cloudflare;
mod context;
mod environment;
pub(crate) mod log;
pub(crate) mod memory;
mod registry_storage;
mod shard;
#[cfg(feature = "shard")]
mod shard_host;
mod store;
mod trigger;
mod workflow;

pub use worker::Env;

#[cfg(feature = "shard")]
pub use self::{
    cloudflare::DurableObjectHost,
    shard_host::{ShardHost, SqlCell, SqlFailure, SqlRows},
};

pub(crate) use self::store::rules::MIN_PART_BYTES;
pub use self::{
    clock::Clock,
    cloudflare::{CloudflareClock, SqlRegistryStorage},
    context::{ExecutionContext, NoopExecutionContext},
    environment::Environment,
    registry_storage::RegistryStorage,
    shard::{
        Jurisdiction, LocationHint, Placement, ResolvedShard, ShardAddress, ShardCallError,
        ShardNamespace, resolve_shard,
    },
    store::{
        ListOptions, MultipartUpload, ObjectInfo, ObjectMetadata, ObjectPage, ObjectStore,
        PutOptions, StoreError, StoreOperation, StoredObject,
    },
    trigger::{CronError, CronExpression, ScheduledEvent},
    workflow::{Workflow, WorkflowAction},
};

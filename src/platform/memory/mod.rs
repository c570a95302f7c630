//! The platform in memory, for tests.

mod clock;
mod context;
mod environment;
mod faults;
#[cfg(feature = "admin")]
mod global;
#[cfg(feature = "admin")]
mod kv;
pub(crate) mod logs;
mod namespace;
#[cfg(feature = "admin")]
mod operators;
mod shard;
mod store;
mod upload;
mod workflow;

pub use self::{
    clock::ManualClock,
    context::MemoryContext,
    environment::MemoryEnvironment,
    logs::{CapturedLogs, capture_logs},
    namespace::{MemoryNamespace, RecordedCall},
    shard::MemoryShard,
    store::{MemoryObject, MemoryObjectStore},
    workflow::MemoryWorkflow,
};
#[cfg(feature = "admin")]
pub use self::{
    global::MemoryGlobalTables,
    kv::MemoryKv,
    operators::{MemoryAuth, MemoryLogArchive, MemoryVectors},
};

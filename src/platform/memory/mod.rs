//! The platform in memory, for tests.

mod clock;
mod context;
mod environment;
mod faults;
pub(crate) mod logs;
mod namespace;
mod shard;
mod store;
mod upload;

pub use self::{
    clock::ManualClock,
    context::MemoryContext,
    environment::MemoryEnvironment,
    logs::{CapturedLogs, capture_logs},
    namespace::{MemoryNamespace, RecordedCall},
    shard::MemoryShard,
    store::{MemoryObject, MemoryObjectStore},
};

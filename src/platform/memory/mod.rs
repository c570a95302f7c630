//! The platform in memory, for tests.

mod clock;
mod context;
mod environment;
pub(crate) mod logs;
mod namespace;
mod shard;

pub use self::{
    clock::ManualClock,
    context::MemoryContext,
    environment::MemoryEnvironment,
    logs::{CapturedLogs, capture_logs},
    namespace::{MemoryNamespace, RecordedCall},
    shard::MemoryShard,
};

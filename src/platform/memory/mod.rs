//! The platform in memory, for tests.

mod clock;
mod context;
mod environment;
mod faults;
pub(crate) mod logs;
mod namespace;
mod shard;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
mod sqlite;
mod store;
mod upload;

#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub use self::sqlite::SqliteHost;
pub use self::{
    clock::ManualClock,
    context::MemoryContext,
    environment::MemoryEnvironment,
    logs::{CapturedLogs, capture_logs},
    namespace::{MemoryNamespace, RecordedCall},
    shard::MemoryShard,
    store::{MemoryObject, MemoryObjectStore},
};

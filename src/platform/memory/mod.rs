//! The platform in memory, for tests.

mod clock;
mod context;
#[cfg(all(
    any(feature = "globals", feature = "sessions"),
    feature = "shard-testing",
    not(target_arch = "wasm32")
))]
mod database;
mod email;
mod environment;
mod faults;
#[cfg(feature = "admin")]
mod global;
#[cfg(feature = "admin")]
mod kv;
mod namespace;
#[cfg(feature = "admin")]
mod operators;
mod shard;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
mod sqlite;
mod store;
mod upload;
mod workflow;

#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) use self::clock::simulate_clock;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::clock::simulated_clock;
#[cfg(all(
    any(feature = "globals", feature = "sessions"),
    feature = "shard-testing",
    not(target_arch = "wasm32")
))]
pub use self::database::MemoryDatabase;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub use self::sqlite::SqliteHost;
pub use self::{
    clock::ManualClock,
    context::MemoryContext,
    email::MemoryEmail,
    environment::MemoryEnvironment,
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

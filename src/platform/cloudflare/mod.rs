//! The real platform, over the crate `worker`.

#[cfg(feature = "shard")]
pub(crate) mod alarm;
#[cfg(any(feature = "shard", target_arch = "wasm32"))]
mod background;
mod bindings;
mod clock;
mod context;
#[cfg(feature = "shard")]
pub(crate) mod crashes;
#[cfg(any(feature = "globals", feature = "sessions"))]
mod database;
#[cfg(target_arch = "wasm32")]
mod digest;
mod each;
mod error;
pub(crate) mod events;
#[cfg(feature = "admin")]
mod global;
mod glue;
#[cfg(feature = "admin")]
mod kv;
mod message;
mod namespace;
pub(crate) mod plan;
mod promise;
#[cfg(any(feature = "shard", target_arch = "wasm32"))]
mod random;
mod rate_limiter;
#[cfg(feature = "shard")]
mod recovery;
mod registry_storage;
#[cfg(feature = "shard")]
mod shard_host;
#[cfg(feature = "shard")]
mod sockets;
#[cfg(feature = "shard")]
mod sql_cells;
mod store;
#[cfg(feature = "admin")]
mod vectorize;
mod workflow;

pub use self::{
    clock::CloudflareClock, registry_storage::SqlRegistryStorage, workflow::CloudflareWorkflow,
};

#[cfg(feature = "admin")]
pub use self::vectorize::VectorizeIndexes;

#[cfg(feature = "shard")]
pub use self::shard_host::DurableObjectHost;

#[cfg(feature = "shard")]
pub(crate) use self::background::run_beside;
#[cfg(feature = "shard")]
pub(crate) use self::message::{request_of_text, response_to_rpc};
#[cfg(any(feature = "shard", target_arch = "wasm32"))]
pub(crate) use self::random::random_seed;
#[cfg(feature = "shard")]
pub(crate) use self::sockets::send_with;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::{background::keep_alive, digest::Sha256Stream};
pub(crate) use self::{
    message::{request_from_js, response_to_js},
    promise::run,
};

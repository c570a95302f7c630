//! A typestate builder that turns a Cloudflare Worker into a sharded, real-time backend.

mod coordinator;
mod errors;
mod message;
mod pipeline;
mod platform;
pub mod wire;

pub use crate::{
    coordinator::{
        Concurrency, DurableShardRegistry, FanOutAnswer, QueryCoordinator, RetryPolicy, ShardCall,
        ShardFailure, ShardRegistry, StaticShardRegistry,
    },
    errors::{Code, ErrorDetail, Hint, LunoraError, LunoraErrorBody, UnknownCode},
    message::{Body, BodyError, HostBody, IntoResponse, Request, Response, to_error_response},
    platform::{
        Clock, CloudflareClock, Environment, ExecutionContext, Jurisdiction, ListOptions,
        LocationHint, MultipartUpload, NoopExecutionContext, ObjectInfo, ObjectMetadata,
        ObjectPage, ObjectStore, Placement, PutOptions, ResolvedShard, ShardAddress,
        ShardCallError, ShardNamespace, StoreError, StoreOperation, StoredObject, resolve_shard,
    },
    wire::{
        Direction, FanOut, GroupOp, Identity, Merge, RpcEnvelope, ShardKey, ShardKeyError,
        define_rpc_envelope,
    },
};

/// The platform in memory, for an application's own tests under plain `cargo test`.
///
/// Everything here belongs to one thread, as everything in an isolate does. Nothing touches the
/// network, the disk or the real clock, so that a test is quick and never flaky.
///
/// A test, ready to be copied: a shard that first fails and is slow, and a caller that gives up
/// after ten seconds.
///
/// ```
/// use std::time::Duration;
/// use futures::{executor::block_on, future::{Either, select}};
/// use lunora::{Clock, Placement, Request, Response, ShardCallError, resolve_shard};
/// use lunora::testing::{ManualClock, MemoryNamespace, capture_logs};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let logs = capture_logs();
/// let clock = ManualClock::new(0);
/// let namespace = MemoryNamespace::new(async |address, _request| {
///     Response::text(format!("this is {}", address.key))
/// });
/// namespace
///     .shard("room:1")
///     .fails_once(|key| ShardCallError::unavailable(key, "moving").retryable())
///     .takes(Duration::from_secs(60), &clock);
///
/// let shard = resolve_shard(&namespace.clone().into_dyn(), "room:1".parse()?, &Placement::default());
/// let ask = || Box::pin(shard.fetch(Request::get("https://shard.internal/rpc")));
/// assert!(block_on(clock.run(ask())).is_err());
///
/// // Waiting takes no time: the clock moves when nothing else can.
/// let race = select(ask(), clock.sleep(Duration::from_secs(10)));
/// assert!(matches!(block_on(clock.run(race)), Either::Right(_)));
/// assert_eq!(clock.now_ms(), 70_000);
/// assert_eq!((namespace.calls().len(), namespace.abandoned()), (2, 1));
/// assert!(logs.lines().is_empty());
/// # Ok(()) }
/// ```
pub mod testing {
    pub use crate::platform::memory::{
        CapturedLogs, ManualClock, MemoryContext, MemoryEnvironment, MemoryNamespace, MemoryObject,
        MemoryObjectStore, MemoryShard, RecordedCall, capture_logs,
    };
}

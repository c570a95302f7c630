//! A real-time backend framework for Cloudflare Workers whose front door is a typestate builder.
//!
//! A Worker built with lunora routes each call (`POST /_lunora/rpc`) and each live connection
//! (`GET /_lunora/ws`) to the Durable Object that owns the data: its *shard*. On the way it
//! identifies the caller, checks whether the caller is allowed, and strips the headers that a
//! client must not set. The application adds its own routes, a router behind them and cron
//! handlers, and an HTTP edge with secure defaults wraps them all.
//!
//! ```no_run
//! use lunora::prelude::*;
//!
//! fn app(env: &Env) -> Result<Lunora, LunoraError> {
//!     Ok(Lunora::builder()
//!         .shard_do(env.durable_object("SHARD")?)
//!         .resolve_identity(async |request, _env| request.cookie("user").map(Identity::user))
//!         .authorize_shard(async |access| access.identity.is_some())
//!         .build())
//! }
//!
//! lunora::serve!(app);
//! # fn main() {}
//! ```
//!
//! # Where to look
//!
//! The root has the ten names that every application uses; `use lunora::prelude::*` brings them in,
//! and with them what most entry files need. Everything else lives in a module:
//!
//! | to | see |
//! |---|---|
//! | start | [`guide`], ten pages from a first application to operating it |
//! | configure a Worker, or read a compile error | [`builder::Builder`] |
//! | export it | [`serve!`], [`entry`] |
//! | know the order in which a request is handled | [`Lunora::fetch`] |
//! | find out who is calling, and decide what they may do | [`access`] |
//! | let another origin in, or change headers | [`security`] |
//! | add routes or a router | [`routing`] |
//! | run something on a cron | [`schedule`] |
//! | sit beside a framework, or in its router | [`compose`] |
//! | call functions from a page's loader or a route | [`Lunora::server_query`], [`functions`] |
//! | query across shards | [`coordinator`] |
//! | back up, verify and restore | [`backup`] |
#![cfg_attr(feature = "globals", doc = "| keep documents in D1 | [`globals`] |")]
#![cfg_attr(feature = "sessions", doc = "| let users sign in | [`sessions`] |")]
#![cfg_attr(feature = "admin", doc = "| operate it | [`operate`] |")]
#![cfg_attr(feature = "shard", doc = "| write a shard | [`shard`](mod@shard), [`shard!`] |")]
//! | answer an error | [`LunoraError`], [`Code`], [`errors`] |
//! | read or write what crosses the wire | [`wire`], [`wire::value`] |
//! | test an application | [`testing`] |
//! | run it on another host, or implement a store | [`platform`] |
//!
//! # Errors
//!
//! A handler returns a [`LunoraError`], or anything that converts into one. A client sees its code,
//! status and message; its source is logged and never sent. An error without a code of its own
//! becomes a 500 that reveals nothing.
//!
//! # Platforms
//!
//! The core is written over the crate `http` and a handful of small traits ([`ShardNamespace`](platform::ShardNamespace),
//! [`ObjectStore`](platform::ObjectStore), [`ExecutionContext`](platform::ExecutionContext), [`Clock`](platform::Clock), [`Environment`](platform::Environment)). The types of the crate
//! `worker` implement them; so do those of [`testing`], under which everything runs in plain
//! `cargo test`. Calling into the crate `worker` outside of workerd panics.

#[cfg(feature = "admin")]
mod admin;
pub mod backup;
pub mod builder;
pub mod compose;
pub mod coordinator;
pub mod entry;
pub mod errors;
#[doc(hidden)]
mod faults;
pub mod functions;
#[cfg(feature = "globals")]
pub mod globals;
pub mod guide;
mod jobs;
mod log;
pub mod message;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
#[doc(hidden)]
pub mod parsers;
mod pipeline;
pub mod platform;
#[cfg(feature = "sessions")]
pub mod sessions;
#[cfg(feature = "shard")]
pub mod shard;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
mod simulation;
mod sort;
pub mod wire;

#[doc(hidden)]
pub use crate::entry::private as __private;
#[doc(inline)]
pub use crate::{
    errors::{Code, LunoraError},
    message::{Body, Request, Response},
    pipeline::Lunora,
    platform::Env,
    wire::{AdminToken, Identity, ShardKey},
};
pub use headers;

/// Who calls and what they may do: identity, authorization and rate limits.
pub mod access {
    pub use crate::pipeline::hooks::{
        CallKind, FanOutAccess, FanOutAuthorizer, FirstMatch, IdentityResolver, IntoGrant,
        IntoIdentity, InvalidIdentity, PerRoute, RateLimit, RateLimitedCall, ShardAccess,
        ShardAuthorizer, first_match, per_route, resolver,
    };
}

/// An application's own routes, the router behind them, the calls they make, and the record of each
/// request.
pub mod routing {
    pub use crate::pipeline::{
        hooks::{Functions, Handler, RouteContext},
        record::{RequestKind, RequestOutcome, RequestRecord},
        route::{Route, RoutePattern, RoutePatternError},
    };
}

/// Cron triggers and the jobs that they run.
pub mod schedule {
    #[doc(inline)]
    pub use crate::{
        jobs::CronJob,
        pipeline::{hooks::IntoOutcome, scheduled::ScheduledError},
        platform::{CronError, CronExpression, ScheduledEvent},
    };
}

/// Batches of queues and e-mails, for [`Builder::queue`](builder::Builder::queue) and
/// [`Builder::email`](builder::Builder::email).
pub mod events {
    #[doc(inline)]
    pub use crate::platform::{Email, EmailHost, QueueBatch, QueueDecision, QueueMessage};
}

/// The admin plane: its gate, and what an operator sees through it.
#[cfg(feature = "admin")]
pub mod operate {
    #[cfg(feature = "presign")]
    #[doc(inline)]
    pub use crate::admin::Presigner;
    #[doc(inline)]
    pub use crate::{
        admin::{AdminGate, Health, KvNamespaces, Probe, Scheduler, Storage, UrlRequest},
        platform::{
            AuthAdmin, AuthOp, GlobalChanges, GlobalChangesQuery, GlobalFacet, GlobalPage,
            GlobalQuery, GlobalRow, GlobalRows, GlobalSchema, GlobalTable, GlobalTables,
            GlobalValue, GlobalWrite, GlobalWritten, KeyValueStore, KvEntry, KvExpiry, KvKey,
            KvList, KvPage, LogArchive, LogCursor, LogLevel, LogPage, LogQuery, VectorIndex,
            VectorIndexes, VectorMatch, VectorizeIndexes,
        },
    };
}

/// The HTTP edge: response headers, CORS and CSRF protection.
pub mod security {
    pub use crate::pipeline::edge::{
        AllowsCredentials, AnyOrigin, Cors, Csrf, FrameOptions, ListedOrigins, Origin, OriginError,
        Security, SecurityHeader, SecurityHeaders,
    };
}

/// The imports of an entry file, in one line: `use lunora::prelude::*;`.
pub mod prelude {
    pub use crate::{
        AdminToken, Code, Env, Identity, Lunora, LunoraError, Request, Response, ShardKey,
        backup::BackupConfig,
        coordinator::{DurableShardRegistry, QueryCoordinator, Sharding},
        cron, keep, origin, route,
        schedule::{CronExpression, CronJob},
        security::Security,
        wire::RpcEnvelope,
    };
}

/// An in-memory platform for an application's own tests under plain `cargo test`.
///
/// Everything here belongs to one thread, as in an isolate. Nothing touches the network, the disk
/// or the real clock, so that a test is fast and never flaky.
///
/// A test to copy: an application over in-memory shards, one of which fails.
///
/// ```
/// use futures::executor::block_on;
/// use lunora::{Request, Response, platform::ShardCallError};
/// use lunora::testing::{self, MemoryContext, MemoryEnvironment, MemoryNamespace, capture_logs};
///
/// let shards = MemoryNamespace::new(async |address, _request| {
///     Response::raw_json(format!(r#"{{"result":"{}"}}"#, address.key))
/// });
/// shards.shard("room:1").fails_once(|key| ShardCallError::unavailable(key, "moving"));
/// let app = testing::builder()
///     .shard_do(shards.clone())
///     .authorize_shard(async |access| access.shard_key.as_str().starts_with("room:"))
///     .build();
///
/// let logs = capture_logs();
/// let ask = |body: &'static str| {
///     let request = Request::post("https://app.example.com/_lunora/rpc", body);
///     block_on(app.fetch(request, &MemoryEnvironment::new(), &MemoryContext::new())).status()
/// };
/// let call = r#"{"functionPath":"messages:list","shardKey":"room:1"}"#;
/// assert_eq!(ask(call), 503);
/// assert_eq!(ask(call), 200);
/// assert_eq!(ask(r#"{"functionPath":"messages:list","shardKey":"vault"}"#), 403);
/// assert_eq!(shards.calls().len(), 2);
/// assert_eq!(logs.lines().len(), 1);
/// ```
///
/// Waiting takes no time: [`ManualClock`](testing::ManualClock) advances when all else is idle, so
/// that a test of a timeout is as fast as any other.
pub mod testing {
    use crate::builder::{Builder, state::Empty};

    /// Returns a builder whose hooks receive a [`MemoryEnvironment`], and whose clock stands still
    /// at 0 until [`clock`](Builder::clock) sets another.
    pub fn builder() -> Builder<Empty, MemoryEnvironment> {
        let mut builder = Builder::new();
        builder.settings.clock = std::rc::Rc::new(ManualClock::new(0));
        builder
    }

    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub use crate::simulation::{
        Answer, Client, Failure, Faults, Lost, Socket, SocketEvent, Spawned, World, WorldEnv,
        WorldNamespace, WorldStore, check_seed, simulate,
    };

    #[cfg(all(
        any(feature = "globals", feature = "sessions"),
        feature = "shard-testing",
        not(target_arch = "wasm32")
    ))]
    pub use crate::platform::memory::MemoryDatabase;

    pub use crate::log::{CapturedLogs, capture_logs};
    pub use crate::platform::memory::{
        ManualClock, MemoryContext, MemoryEmail, MemoryEnvironment, MemoryNamespace, MemoryObject,
        MemoryObjectStore, MemoryShard, MemoryWorkflow, RecordedCall,
    };
    #[cfg(feature = "admin")]
    pub use crate::platform::memory::{
        MemoryAuth, MemoryGlobalTables, MemoryKv, MemoryLogArchive, MemoryVectors,
    };
}

/// The examples of the README, so that they stay true.
#[cfg(all(doctest, feature = "admin", feature = "shard-testing"))]
#[doc = include_str!("../README.md")]
mod readme {}

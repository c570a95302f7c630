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
mod shard;
mod trigger;

pub use worker::Env;

pub use self::{
    clock::Clock,
    context::{ExecutionContext, NoopExecutionContext},
    environment::Environment,
    shard::{
        Jurisdiction, LocationHint, Placement, ResolvedShard, ShardAddress, ShardCallError,
        ShardNamespace, resolve_shard,
    },
    trigger::{CronExpression, ScheduledEvent},
};

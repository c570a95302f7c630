//! A typestate builder that turns a Cloudflare Worker into a sharded, real-time backend.

mod errors;
mod message;
mod pipeline;
mod platform;
pub mod wire;

pub use crate::{
    errors::{Code, ErrorDetail, Hint, LunoraError, LunoraErrorBody, UnknownCode},
    message::{Body, BodyError, HostBody, IntoResponse, Request, Response, to_error_response},
    platform::{
        Clock, Environment, ExecutionContext, Jurisdiction, LocationHint, NoopExecutionContext,
        Placement, ResolvedShard, ShardAddress, ShardCallError, ShardNamespace, resolve_shard,
    },
    wire::{
        Direction, FanOut, GroupOp, Identity, Merge, RpcEnvelope, ShardKey, ShardKeyError,
        define_rpc_envelope,
    },
};

/// The platform in memory, for an application's own tests under plain `cargo test`.
pub mod testing {}

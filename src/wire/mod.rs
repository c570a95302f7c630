//! The wire format: envelopes, identity headers, shard keys, reserved paths and the value codec.

pub(crate) mod admin_token;
pub(crate) mod batch;
pub(crate) mod client_line;
pub(crate) mod envelope;
pub(crate) mod fan_out;
pub(crate) mod headers;
pub(crate) mod identity;
pub(crate) mod iso;
pub(crate) mod lines;
pub(crate) mod number;
pub(crate) mod operation;
pub(crate) mod paths;
pub(crate) mod shard_key;
#[cfg(any(feature = "admin", feature = "sessions", feature = "shard"))]
pub(crate) mod signature;
pub mod value;

/// A field that another implementation of the shard keeps in its documents, and that means nothing
/// elsewhere: imports leave it out.
pub(crate) const COMMIT_SEQ: &str = "_commitSeq";

pub use self::{
    admin_token::{AdminToken, AdminTokenError},
    envelope::{RpcEnvelope, define_rpc_envelope},
    fan_out::{Direction, FanOut, GroupOp, Merge},
    identity::Identity,
    shard_key::{ShardKey, ShardKeyError},
};

//! One call of several shards.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::ShardCallError;
use crate::{message::BodyError, wire::headers::Bookmark};

/// A call that several shards get, with the limits on it.
pub(crate) struct EachCall<'a> {
    /// The address to which it is sent, such as [`SHARD_RPC`](crate::wire::paths::SHARD_RPC).
    pub(crate) url: &'static str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) bodies: EachBody<'a>,
    /// How many shards are asked at once.
    pub(crate) at_once: usize,
    /// The time that each has, its body included.
    pub(crate) time: Duration,
    /// The largest answer of each, in bytes.
    pub(crate) max_bytes: usize,
    /// Whether the time and the bytes are those of all together.
    pub(crate) shares_limits: bool,
    /// Whether the bookmark of each answer is wanted.
    pub(crate) wants_bookmark: bool,
}

/// What is sent to the shards.
#[derive(Clone, Copy)]
pub(crate) enum EachBody<'a> {
    /// The same to all.
    Same(&'a str),
    /// One to each, in their order; none is empty.
    Own(&'a [String]),
}

/// What one shard answered.
pub(crate) struct EachAnswer {
    /// The place of the shard among those that were called.
    pub(crate) place: usize,
    pub(crate) outcome: Result<EachSuccess, EachFailure>,
}

/// An answer, of any status.
pub(crate) struct EachSuccess {
    pub(crate) status: StatusCode,
    /// The bookmark, if it was wanted.
    pub(crate) bookmark: Option<Bookmark>,
    pub(crate) body: Result<Bytes, BodyError>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum EachFailure {
    /// It did not come in time.
    Late,
    /// The shard was not asked: the time of all was up.
    NotAsked,
    /// There will be none.
    NoAnswer(ShardCallError),
}

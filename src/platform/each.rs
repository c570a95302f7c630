//! One call of several shards.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::ShardCallError;
use crate::message::BodyError;

/// A call that several shards get, `POST /rpc` with a text, and the limits on it.
pub(crate) struct EachCall<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a str,
    /// How many shards are asked at once.
    pub(crate) at_once: usize,
    /// The time that each has, its body included.
    pub(crate) time: Duration,
    /// The largest answer of each.
    pub(crate) max_bytes: usize,
}

/// What one shard answered.
#[derive(Debug)]
pub(crate) struct EachAnswer {
    /// The place of the shard among those that were called.
    pub(crate) place: usize,
    pub(crate) outcome: Result<(StatusCode, Result<Bytes, BodyError>), EachFailure>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum EachFailure {
    /// It did not come in time.
    Late,
    /// There will be none.
    NoAnswer(ShardCallError),
}

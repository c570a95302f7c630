//! The outcome of one shard.

use serde::{Serialize, ser::SerializeStruct};

use super::super::ShardFailure;
use crate::wire::ShardKey;

/// The outcome of one shard: its result, or its failure.
///
/// As JSON it is `{"result","shardKey"}` or `{"error":{"code","message","timedOut"},"shardKey"}`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShardOutcome<T> {
    /// The key of the shard.
    pub shard_key: ShardKey,
    /// The answer, or the failure.
    pub result: Result<T, ShardFailure>,
}

impl<T> ShardOutcome<T> {
    pub(super) fn new(shard_key: ShardKey, result: Result<T, ShardFailure>) -> Self {
        Self { shard_key, result }
    }
}

impl<T: Serialize> Serialize for ShardOutcome<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ShardOutcome", 2)?;
        match &self.result {
            Ok(result) => fields.serialize_field("result", result)?,
            Err(failure) => fields.serialize_field("error", &PublicFailure::of(failure))?,
        }
        fields.serialize_field("shardKey", self.shard_key.as_str())?;
        fields.end()
    }
}

/// A failure beside the key of the shard.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicFailure<'a> {
    code: &'a str,
    message: &'a str,
    timed_out: bool,
}

impl<'a> PublicFailure<'a> {
    pub(super) fn of(failure: &'a ShardFailure) -> Self {
        Self { code: &failure.code, message: &failure.message, timed_out: failure.timed_out }
    }
}

/// Counts the outcomes that succeeded and those that failed.
pub(super) fn tally<T>(outcomes: &[ShardOutcome<T>]) -> (usize, usize) {
    let ok = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    (ok, outcomes.len() - ok)
}

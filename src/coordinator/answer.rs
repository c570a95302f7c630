//! The answer of a fan-out: the merged data, and the failures.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, ser::SerializeStruct};

use super::{
    ShardCall,
    engine::ShardAnswer,
    merge::{self, Merger, merger},
};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::{IntoResponse, Response},
    sort,
    wire::{Merge, ShardKey},
};

/// The answer of a fan-out: the merged data of the shards that answered, and the failures of the
/// others.
///
/// As a response it is always 200 with `{"data","errors","failed","ok"}`, even if shards failed.
#[derive(Debug)]
pub struct FanOutAnswer {
    data: String,
    errors: Vec<ShardFailure>,
    ok: usize,
}

impl FanOutAnswer {
    /// Returns the merged data, as JSON text.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Returns the failures, in the registry's order.
    #[must_use]
    pub fn errors(&self) -> &[ShardFailure] {
        &self.errors
    }

    /// Returns the number of shards that are part of the data.
    #[must_use]
    pub fn ok(&self) -> usize {
        self.ok
    }

    /// Returns the number of shards that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.errors.len()
    }

    /// Returns the answer as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, a flag and numbers: serialization cannot fail.
        let errors = serde_json::to_string(&self.errors).unwrap_or_default();
        let (failed, ok) = (self.failed().to_string(), self.ok.to_string());
        [
            r#"{"data":"#,
            &self.data,
            r#","errors":"#,
            &errors,
            r#","failed":"#,
            &failed,
            r#","ok":"#,
            &ok,
            "}",
        ]
        .concat()
    }
}

impl IntoResponse for FanOutAnswer {
    fn into_response(self) -> Result<Response, LunoraError> {
        Ok(Response::raw_json(self.to_json()))
    }
}

/// The failure of one shard that is missing from the data, as a client may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShardFailure {
    /// The code: the shard's own, or `SHARD_TIMEOUT`, `SHARD_HTTP_ERROR`, `SHARD_UNAVAILABLE`,
    /// `SHARD_ERROR` (its answer cannot be merged) or `PAYLOAD_TOO_LARGE`.
    pub code: Cow<'static, str>,
    /// The message; for a [redacted](Code::is_redacted) code it contains no details.
    pub message: Cow<'static, str>,
    /// The key of the shard.
    pub shard_key: ShardKey,
    /// `true` if the shard timed out.
    pub timed_out: bool,
}

impl ShardFailure {
    /// Returns the failure of `key` for a client. An error of the server is logged here, and
    /// nowhere else.
    pub(super) fn logged(key: &ShardKey, error: &LunoraError, timed_out: bool) -> Self {
        if error.status().is_server_error() {
            log::error(&format!("shard {:?}: {}", key.as_str(), error.to_log_line()));
        }
        Self::public(key, error, timed_out)
    }

    /// Returns the failure of `key` for a client.
    pub(super) fn public(key: &ShardKey, error: &LunoraError, timed_out: bool) -> Self {
        let detail = error.to_body().error;
        Self { timed_out, code: detail.code, message: detail.message, shard_key: key.clone() }
    }
}

impl ShardFailure {
    /// Converts the failure to an error that names the shard.
    pub(super) fn into_error(self) -> LunoraError {
        let message = format!("shard {:?}: {}", self.shard_key.as_str(), self.message);
        let status = self.code.parse().map_or(503, |code: Code| code.status().as_u16());
        LunoraError::custom(self.code, status, message)
    }
}

impl Serialize for ShardFailure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ShardFailure", 4)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("shardKey", self.shard_key.as_str())?;
        fields.serialize_field("timedOut", &self.timed_out)?;
        fields.end()
    }
}

/// Collects the answers as they come.
pub(super) struct Collector {
    merger: Box<dyn Merger>,
    errors: Vec<(usize, ShardFailure)>,
    ok: usize,
    unwrap_result: bool,
    max_bytes: usize,
}

impl Collector {
    pub(super) fn new(merge: &Merge, call: &ShardCall<'_>, max_bytes: usize) -> Self {
        Self {
            merger: merger(merge),
            errors: Vec::new(),
            ok: 0,
            unwrap_result: call.unwraps_result(),
            max_bytes,
        }
    }

    pub(super) fn add(&mut self, answer: ShardAnswer) {
        let ShardAnswer { index, key, outcome } = answer;
        let outcome = outcome.and_then(|body| {
            let merged = self.merge(index, &key, body);
            merged.map_err(|error| ShardFailure::logged(&key, &error, false))
        });
        match outcome {
            Ok(()) => self.ok += 1,
            Err(failure) => self.errors.push((index, failure)),
        }
    }

    fn merge(&mut self, index: usize, key: &ShardKey, body: Bytes) -> Result<(), LunoraError> {
        if body.len() > self.max_bytes.saturating_sub(self.merger.held()) {
            return Err(LunoraError::new(
                Code::PayloadTooLarge,
                format!("the merged answer has no room for that of shard {:?}", key.as_str()),
            ));
        }
        let result = self.unwrap_result.then(|| merge::result_of(&body).ok()).flatten();
        self.merger.add(index, result.unwrap_or(body)).map_err(|unmergeable| {
            LunoraError::new(
                Code::ShardError,
                format!("shard {:?} answered with {unmergeable}", key.as_str()),
            )
        })
    }

    pub(super) fn finish(mut self) -> FanOutAnswer {
        sort::sort_by_key(&mut self.errors, |(index, _)| *index);
        FanOutAnswer {
            data: self.merger.finish(),
            errors: self.errors.into_iter().map(|(_, failure)| failure).collect(),
            ok: self.ok,
        }
    }
}

//! The answer of a fan-out: the merged data, and who failed.

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
    message::{IntoResponse, Response},
    platform::log,
    sort,
    wire::{Merge, ShardKey},
};

/// What a fan-out found: the merged data of the shards that answered, and the failures of the
/// others.
///
/// As a response it is 200 with `{"data","errors","failed","ok"}`, whoever failed.
#[derive(Debug)]
pub struct FanOutAnswer {
    data: String,
    errors: Vec<ShardFailure>,
    ok: usize,
}

impl FanOutAnswer {
    /// The merged data, as JSON text.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The failures, in the registry's order.
    #[must_use]
    pub fn errors(&self) -> &[ShardFailure] {
        &self.errors
    }

    /// How many shards are part of the data.
    #[must_use]
    pub fn ok(&self) -> usize {
        self.ok
    }

    /// How many shards failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.errors.len()
    }

    /// The answer as it travels.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, a flag and numbers: there is nothing here that cannot be written.
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

/// Why one shard is no part of the data, as a client may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShardFailure {
    /// The code: the shard's own, or `SHARD_TIMEOUT`, `SHARD_HTTP_ERROR`, `SHARD_UNAVAILABLE`,
    /// `SHARD_ERROR` (it answered with something that the merge cannot take) or
    /// `PAYLOAD_TOO_LARGE`.
    pub code: Cow<'static, str>,
    /// The message; of a [redacted](Code::is_redacted) code it says nothing.
    pub message: Cow<'static, str>,
    /// The shard.
    pub shard_key: ShardKey,
    /// Whether the shard was given up because it was too slow.
    pub timed_out: bool,
}

impl ShardFailure {
    /// The failure of `key` for a client; what is the server's fault is logged, here and nowhere
    /// else.
    pub(super) fn logged(key: &ShardKey, error: &LunoraError, timed_out: bool) -> Self {
        if error.status().is_server_error() {
            log::error(&format!("shard {:?}: {}", key.as_str(), error.to_log_line()));
        }
        Self::public(key, error, timed_out)
    }

    /// The failure of `key` for a client.
    pub(super) fn public(key: &ShardKey, error: &LunoraError, timed_out: bool) -> Self {
        let detail = error.to_body().error;
        Self { timed_out, code: detail.code, message: detail.message, shard_key: key.clone() }
    }
}

impl ShardFailure {
    /// The failure as an error that names the shard.
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

/// Takes the answers as they come.
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
        let body = if self.unwrap_result { merge::result_of(&body) } else { Ok(body) };
        body.and_then(|body| self.merger.add(index, body)).map_err(|unmergeable| {
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

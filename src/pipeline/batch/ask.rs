//! The calls of a batch on their way to the shards, and what comes back.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, StatusCode};

use super::Group;
use crate::{
    errors::{Code, LunoraError},
    log,
    message::BodyError,
    pipeline::{Lunora, settings::Settings},
    platform::{Deadline, EachAnswer, EachBody, EachCall, EachFailure, EachSuccess, ResolvedShard},
    wire::{ShardKey, headers::Bookmark, paths},
};

/// The maximum size of all shards' answers to a batch, in bytes.
pub(super) const MAX_ANSWERS: usize = 16 * 1024 * 1024;

/// The most shards that are asked at once.
pub(super) const AT_ONCE: usize = 16;

/// The result of one shard for its calls.
pub(super) struct Part {
    pub(super) calls: Group,
    pub(super) answer: Answer,
    pub(super) bookmark: Option<Bookmark>,
}

pub(super) enum Answer {
    /// The body of the answer, and the status of the slots that it lacks.
    Read(Bytes, StatusCode),
    /// No answer: every slot has this status and error.
    Missing(StatusCode, Failure),
}

pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
    /// The detail for operators, if it is more than the message.
    pub(super) detail: Option<String>,
}

impl Failure {
    pub(super) const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), detail: None }
    }
}

const TOO_LARGE: Failure = Failure::new(
    Code::TooManyRequests,
    "the answers of the batch are too large together, and this one was not read: the call may have run; repeat a mutation with the same id, in a smaller batch",
);

impl Part {
    fn new(calls: Group, outcome: Result<EachSuccess, LunoraError>) -> Self {
        match outcome {
            Ok(EachSuccess { status, bookmark, body }) => {
                // A shard that sends an invalid answer with a 200 has failed too.
                let status = if status.is_success() { StatusCode::BAD_GATEWAY } else { status };
                let answer = match body {
                    Ok(body) => Answer::Read(body, status),
                    Err(error) => Answer::unread(status, &error),
                };
                Self { calls, answer, bookmark }
            }
            Err(error) => {
                log::error(&error.to_log_line());
                let failure = Failure {
                    code: Code::ShardUnavailable,
                    message: error.message().to_owned().into(),
                    detail: Some(error.to_detail_json()),
                };
                let answer = Answer::Missing(StatusCode::BAD_GATEWAY, failure);
                Self { calls, answer, bookmark: None }
            }
        }
    }

    /// Returns how long the answer is.
    pub(super) fn bytes(&self) -> usize {
        match &self.answer {
            Answer::Read(body, _) => body.len(),
            Answer::Missing(..) => 0,
        }
    }
}

impl Answer {
    fn unread(status: StatusCode, error: &BodyError) -> Self {
        log::error(&format!("the answer of a shard to a batch was not read: {error}"));
        if error.is_too_large() {
            Self::Missing(Code::TooManyRequests.status(), TOO_LARGE)
        } else {
            Self::Read(Bytes::new(), status)
        }
    }
}

impl<E> Lunora<E> {
    /// Sends each shard its calls, in one request. Every call gets a slot, whatever its outcome.
    pub(super) async fn ask_for_parts(
        &self,
        groups: BTreeMap<ShardKey, Group>,
        headers: HeaderMap,
    ) -> Vec<Part> {
        let Settings { shard_timeout, clock, .. } = &*self.settings;
        let call = EachCall {
            url: paths::SHARD_RPC_BATCH,
            headers,
            body: EachBody::Own(groups.values().map(body_of).collect()),
            at_once: AT_ONCE,
            time: *shard_timeout,
            max_bytes: MAX_ANSWERS,
            shares_limits: true,
            wants_bookmark: true,
            clock: clock.clone(),
        };
        let shards = groups.keys().map(|key| self.shard(key.clone())).collect();
        let mut groups: Vec<Option<Group>> = groups.into_values().map(Some).collect();
        let mut parts = Vec::with_capacity(groups.len());
        if let Some(mut answers) = ResolvedShard::fetch_each(shards, call) {
            while let Some(EachAnswer { place, outcome }) = answers.next().await {
                let outcome = outcome.map_err(|failure| not_answered(failure, *shard_timeout));
                let calls = groups.get_mut(place).and_then(Option::take);
                parts.extend(calls.map(|calls| Part::new(calls, outcome)));
            }
        }
        let missing = || LunoraError::new(Code::ShardUnavailable, "the shard gave no answer");
        parts.extend(groups.into_iter().flatten().map(|calls| Part::new(calls, Err(missing()))));
        parts
    }
}

fn not_answered(failure: EachFailure, timeout: Duration) -> LunoraError {
    match failure {
        EachFailure::Late => Deadline::passed("the shard", timeout),
        EachFailure::NotAsked => {
            let limit = timeout.as_millis();
            let message = format!(
                "the shard was not asked: requests before it took {limit} ms; send the call again"
            );
            LunoraError::new(Code::ShardUnavailable, message)
        }
        EachFailure::NoAnswer(error) => error.into(),
    }
}

fn body_of(calls: &Group) -> String {
    let entries: Vec<&str> = calls.iter().map(|(_, call)| &*call.entry).collect();
    [r#"{"calls":["#, &entries.join(","), "]}"].concat()
}

//! The calls of a batch on their way to the shards, and what comes back.

use std::{borrow::Cow, cell::Cell, collections::BTreeMap};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use headers::{ContentLength, HeaderMapExt};
use http::{HeaderMap, StatusCode};

use super::Group;
use crate::{
    errors::{Code, LunoraError},
    log,
    message::{Body, BodyError, Request},
    pipeline::Lunora,
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
        headers: &HeaderMap,
    ) -> Vec<Part> {
        let bodies: Vec<String> = groups.values().map(body_of).collect();
        let each = EachCall {
            url: paths::SHARD_RPC_BATCH,
            headers,
            bodies: EachBody::Own(&bodies),
            at_once: AT_ONCE,
            time: self.settings.shard_timeout,
            max_bytes: MAX_ANSWERS,
            shares_limits: true,
            wants_bookmark: true,
        };
        let shards = groups.keys().map(|key| self.shard(key.clone()));
        let Some(mut answers) = ResolvedShard::fetch_each(shards, &each) else {
            return self.ask_one_by_one(groups, headers, bodies).await;
        };
        let mut groups: Vec<Option<Group>> = groups.into_values().map(Some).collect();
        let mut parts = Vec::with_capacity(groups.len());
        while let Some(EachAnswer { place, outcome }) = answers.next().await {
            let outcome = outcome.map_err(|failure| self.not_answered(failure));
            let calls = groups.get_mut(place).and_then(Option::take);
            parts.extend(calls.map(|calls| Part::new(calls, outcome)));
        }
        parts
    }

    fn not_answered(&self, failure: EachFailure) -> LunoraError {
        let timeout = self.settings.shard_timeout;
        match failure {
            EachFailure::Late => Deadline::passed(THE_SHARD, timeout),
            EachFailure::NotAsked => Deadline::not_asked(THE_SHARD, timeout),
            EachFailure::NoAnswer(error) => error.into(),
        }
    }

    /// Does the same where the host cannot.
    async fn ask_one_by_one(
        &self,
        groups: BTreeMap<ShardKey, Group>,
        headers: &HeaderMap,
        bodies: Vec<String>,
    ) -> Vec<Part> {
        let budget = &Budget(Cell::new(MAX_ANSWERS));
        let deadline = self.deadline().starting_now();
        let parts = groups.into_iter().zip(bodies).map(async |((key, calls), body)| {
            let mut request = Request::post(paths::SHARD_RPC_BATCH, body);
            request.headers_mut().clone_from(headers);
            let shard = self.shard(key);
            let answer = async {
                let (head, body) = shard.fetch(request).await?.into_parts();
                Ok(EachSuccess {
                    status: head.status,
                    bookmark: head.headers.typed_get(),
                    body: budget.read(body, declared_length(&head.headers)).await,
                })
            };
            Part::new(calls, deadline.run(THE_SHARD, answer).await.flatten())
        });
        stream::iter(parts).buffer_unordered(AT_ONCE).collect().await
    }
}

const THE_SHARD: &str = "the shard";

fn body_of(calls: &Group) -> String {
    let entries: Vec<&str> = calls.iter().map(|(_, call)| &*call.entry).collect();
    [r#"{"calls":["#, &entries.join(","), "]}"].concat()
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    let ContentLength(length) = headers.typed_get()?;
    length.try_into().ok()
}

/// The bytes that may still be read, shared by the parts that are read at once.
struct Budget(Cell<usize>);

impl Budget {
    /// Reads a body while the budget lasts. A failed read returns its share of the budget.
    async fn read(&self, body: Body, declared: Option<usize>) -> Result<Bytes, BodyError> {
        let mut taken = 0;
        let read = self.read_counted(body, declared, &mut taken).await;
        if read.is_err() {
            self.0.set(self.0.get() + taken);
        }
        read
    }

    async fn read_counted(
        &self,
        body: Body,
        declared: Option<usize>,
        taken: &mut usize,
    ) -> Result<Bytes, BodyError> {
        // A body of known length is read at once, which costs the platform less.
        if let Some(length) = body.as_bytes().map(Bytes::len).or(declared) {
            self.take(length, taken)?;
            return body.into_bytes(length).await;
        }
        let mut whole = BytesMut::new();
        let mut pieces = body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            self.take(piece.len(), taken)?;
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    fn take(&self, bytes: usize, taken: &mut usize) -> Result<(), BodyError> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or(BodyError::TooLarge { limit: MAX_ANSWERS })?);
        *taken += bytes;
        Ok(())
    }
}

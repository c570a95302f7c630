//! `POST /_lunora/rpc-batch`: several calls in one request.
//!
//! The answers of all shards are bounded together by [`MAX_ANSWERS`], while they are read. A part
//! that does not fit is dropped, and each of its slots is 429 `TOO_MANY_REQUESTS`: its calls may
//! have run, and a mutation is answered again when it is repeated with its id. The slots of other
//! shards keep their answers. A shard bounds its own part: see `shard/batch.rs`.
//!
//! An answer exists before it is refused, and shards may share the Worker's isolate: only
//! [`AT_ONCE`] shards are called at once. The time that one shard has is that of the whole batch.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, VecDeque},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use headers::{ContentLength, HeaderMapExt};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Lunora,
    admission::{Admission, Admitted},
    answers,
    span::Span,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::{Body, BodyError, Request, Response},
    platform::{Deadline, Environment},
    sort,
    wire::{
        ShardKey,
        batch::{self, BatchCall},
        headers::Bookmark,
        paths,
    },
};

/// The maximum size of all shards' answers to a batch, in bytes.
const MAX_ANSWERS: usize = 16 * 1024 * 1024;

/// The most shards that are asked at once.
const AT_ONCE: usize = 16;

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    mut request: Request,
    env: &E,
    span: &Span,
) -> Result<Response, LunoraError> {
    if *request.method() != Method::POST {
        return Ok(answers::method_not_allowed("POST"));
    }
    let calls = batch::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    let groups = by_shard(calls, &app.settings.default_shard_key);
    span.note(|facts| facts.set_shard_keys(groups.len()));
    let admitted = Admission::new(app, &request, env).batch(groups.keys()).await?;
    let detailed = admitted.wants_error_detail();
    let budget = Budget(Cell::new(MAX_ANSWERS));
    let deadline = app.deadline().starting_now();
    let parts = groups
        .into_iter()
        .map(|(key, calls)| app.dispatch_batch(key, admitted.clone(), calls, (deadline, &budget)));
    let parts: Vec<Part> = stream::iter(parts).buffer_unordered(AT_ONCE).collect().await;
    Ok(merge(&parts, detailed))
}

/// The calls of one shard, each with its place in the batch.
type Group = Vec<(usize, BatchCall)>;

/// Groups the calls by shard; inside a shard they keep their order.
fn by_shard(calls: Vec<BatchCall>, default: &ShardKey) -> BTreeMap<ShardKey, Group> {
    let mut groups: BTreeMap<ShardKey, Group> = BTreeMap::new();
    for (place, mut call) in calls.into_iter().enumerate() {
        let key = call.shard_key.take().unwrap_or_else(|| default.clone());
        groups.entry(key).or_default().push((place, call));
    }
    groups
}

/// The result of one shard for its calls.
struct Part {
    calls: Group,
    answer: Answer,
    bookmark: Option<Bookmark>,
}

enum Answer {
    /// The body of the answer, and the status of the slots that it lacks.
    Read(Bytes, StatusCode),
    /// No answer: every slot has this status and error.
    Missing(StatusCode, Failure),
}

#[derive(Clone)]
struct Failure {
    code: Code,
    message: Cow<'static, str>,
    /// The detail for operators, if it is more than the message.
    detail: Option<String>,
}

impl Failure {
    const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), detail: None }
    }
}

const SHARD_ERROR: Failure = Failure::new(Code::ShardError, "the shard did not answer this call");
const TOO_LARGE: Failure = Failure::new(
    Code::TooManyRequests,
    "the answers of the batch are too large together, and this one was not read: the call may have run; repeat a mutation with the same id, in a smaller batch",
);

impl<E> Lunora<E> {
    /// Sends one shard its calls, in one request. Every call gets a slot, whatever its outcome.
    async fn dispatch_batch(
        &self,
        key: ShardKey,
        admitted: Admitted,
        calls: Group,
        (deadline, budget): (Deadline<'_>, &Budget),
    ) -> Part {
        let entries: Vec<&str> = calls.iter().map(|(_, call)| &*call.entry).collect();
        let body = [r#"{"calls":["#, &entries.join(","), "]}"].concat();
        let mut request = Request::post(paths::SHARD_RPC_BATCH, body);
        *request.headers_mut() = admitted.into_headers();
        let shard = self.shard(key);
        let part = async {
            let response = shard.fetch(request).await?;
            Ok(read_part(response, budget).await)
        };
        let (answer, bookmark) =
            deadline.run("the shard", part).await.flatten().unwrap_or_else(|error| {
                log::error(&error.to_log_line());
                let failure = Failure {
                    code: Code::ShardUnavailable,
                    message: error.message().to_owned().into(),
                    detail: Some(error.to_detail_json()),
                };
                (Answer::Missing(StatusCode::BAD_GATEWAY, failure), None)
            });
        Part { calls, answer, bookmark }
    }
}

async fn read_part(response: Response, budget: &Budget) -> (Answer, Option<Bookmark>) {
    let (head, body) = response.into_parts();
    let bookmark = head.headers.typed_get();
    // A shard that sends an invalid answer with a 200 has failed too.
    let status = if head.status.is_success() { StatusCode::BAD_GATEWAY } else { head.status };
    let answer = match budget.read(body, declared_length(&head.headers)).await {
        Ok(body) => Answer::Read(body, status),
        Err(error) => {
            log::error(&format!("the answer of a shard to a batch was not read: {error}"));
            if error.is_too_large() {
                Answer::Missing(Code::TooManyRequests.status(), TOO_LARGE)
            } else {
                Answer::Missing(status, SHARD_ERROR)
            }
        }
    };
    (answer, bookmark)
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

/// A slot of a shard's answer, within the body that came.
#[derive(Deserialize)]
struct Slot<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    status: u16,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(borrow, default, rename = "errorDetail")]
    detail: Option<&'a RawValue>,
}

/// Reads the slots that a shard answered. Those that are malformed are left out.
fn read_slots(body: &[u8]) -> VecDeque<Slot<'_>> {
    #[derive(Deserialize)]
    struct Results<T> {
        results: Vec<T>,
    }

    if let Ok(Results { results }) = serde_json::from_slice::<Results<Slot<'_>>>(body) {
        return results.into();
    }
    let results = serde_json::from_slice::<Results<&RawValue>>(body).map(|answer| answer.results);
    let slots = results.unwrap_or_default().into_iter();
    slots.filter_map(|slot| serde_json::from_str(slot.get()).ok()).collect()
}

/// Takes the slot with this id; the first, since the ids of a client may repeat. Shards answer in the
/// order of the calls.
fn take_slot<'a>(slots: &mut VecDeque<Slot<'a>>, id: &str) -> Option<Slot<'a>> {
    let place = slots.iter().position(|slot| slot.id.get() == id)?;
    slots.remove(place)
}

/// The content of one slot of the whole answer.
enum Outcome<'a> {
    Answered(Slot<'a>),
    Failed(StatusCode, Failure),
}

impl Part {
    /// Returns the slot of each call, by its place in the batch.
    fn slots(&self) -> impl Iterator<Item = (usize, &str, Outcome<'_>)> {
        let (mut answered, status, failure) = match &self.answer {
            Answer::Read(body, status) => (read_slots(body), *status, SHARD_ERROR),
            Answer::Missing(status, failure) => (VecDeque::new(), *status, failure.clone()),
        };
        self.calls.iter().map(move |(place, call)| {
            let outcome = match take_slot(&mut answered, &call.id) {
                Some(slot) => Outcome::Answered(slot),
                None => Outcome::Failed(status, failure.clone()),
            };
            (*place, &*call.id, outcome)
        })
    }

    fn bytes(&self) -> usize {
        match &self.answer {
            Answer::Read(body, _) => body.len(),
            Answer::Missing(..) => 0,
        }
    }
}

/// Writes the answer to the whole batch, its slots in the order of the calls, into one buffer. Only
/// a `detailed` answer has the unredacted errors, whatever a shard sent.
fn merge(parts: &[Part], detailed: bool) -> Response {
    let mut slots: Vec<_> = parts.iter().flat_map(Part::slots).collect();
    sort::sort_by_key(&mut slots, |(place, ..)| *place);
    let mut json = String::with_capacity(parts.iter().map(Part::bytes).sum::<usize>() + 64);
    json.push_str(r#"{"results":["#);
    for (index, (_, id, outcome)) in slots.into_iter().enumerate() {
        json.extend([if index > 0 { "," } else { "" }, r#"{"id":"#, id, r#","status":"#]);
        match outcome {
            Outcome::Answered(Slot { status, body, detail, .. }) => {
                json.extend([&*status.to_string(), r#","body":"#, body.get()]);
                if let (true, Some(detail)) = (detailed, detail) {
                    json.extend([r#","errorDetail":"#, detail.get()]);
                }
            }
            Outcome::Failed(status, Failure { code, message, detail }) => {
                let error = LunoraError::new(code, message);
                json.extend([status.as_str(), r#","body":"#, &error.to_body().to_json()]);
                if detailed {
                    let detail = detail.unwrap_or_else(|| error.to_detail_json());
                    json.extend([r#","errorDetail":"#, &detail]);
                }
            }
        }
        json.push('}');
    }
    json.push_str("]}");
    let mut response = Response::raw_json(json);
    // Bookmarks of several databases are not ordered: one of many would promise too much.
    let mut bookmarks = parts.iter().filter_map(|part| part.bookmark.as_ref());
    if let (Some(bookmark), None) = (bookmarks.next(), bookmarks.next()) {
        response.headers_mut().typed_insert(bookmark.clone());
    }
    response
}

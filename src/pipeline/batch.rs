//! `POST /_lunora/rpc-batch`: several calls in one request (contract, section 2.5).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Lunora, answers, authorization};
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::{Environment, log},
    wire::{
        ShardKey,
        batch::{self, BatchCall},
        headers, identity, paths,
    },
};

/// The most that one shard may answer to its part of a batch, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    mut request: Request,
    env: &E,
) -> Result<Response, LunoraError> {
    if *request.method() != Method::POST {
        return Ok(answers::method_not_allowed("POST"));
    }
    let calls = batch::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    let identity = app.identify(&request, env).await?;
    identity::check_expected_subject(request.headers(), identity.as_ref())?;

    let groups = by_shard(calls, &app.settings.default_shard_key);
    // All of them before any is sent: a batch that is refused has done nothing.
    for key in groups.keys() {
        authorization::authorize_shard(&app.settings, identity.as_ref(), key).await?;
    }

    let mut headers = headers::for_batch(request.headers());
    if let Some(identity) = &identity {
        identity.mint(&mut headers)?;
    }
    let parts =
        groups.into_iter().map(|(key, calls)| app.dispatch_batch(key, headers.clone(), calls));
    Ok(merge(join_all(parts).await))
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

/// What one shard made of its calls.
struct Part {
    /// The slots of the answer, by place: `{"id","status","body"}`.
    slots: Vec<(usize, String)>,
    bookmark: Option<HeaderValue>,
}

impl<E> Lunora<E> {
    /// Sends one shard its calls, in one request. Every call gets a slot, whatever becomes of it.
    async fn dispatch_batch(&self, key: ShardKey, headers: HeaderMap, calls: Group) -> Part {
        let entries: Vec<&str> = calls.iter().map(|(_, call)| &*call.entry).collect();
        let body = [r#"{"calls":["#, &entries.join(","), "]}"].concat();
        let mut request = Request::post(paths::SHARD_RPC_BATCH, body);
        *request.headers_mut() = headers;
        match self.shard(key).fetch(request).await {
            Ok(response) => read_part(response, &calls).await,
            Err(error) => {
                log::error(&LunoraError::from(error).to_log_line());
                let slot = |id: &str| failed(id, StatusCode::BAD_GATEWAY, UNAVAILABLE);
                Part { slots: each(&calls, slot), bookmark: None }
            }
        }
    }
}

async fn read_part(response: Response, calls: &Group) -> Part {
    let (head, body) = response.into_parts();
    let bookmark = head.headers.get(headers::BOOKMARK).cloned();
    let body = body.into_bytes(MAX_ANSWER).await.unwrap_or_else(|error| {
        log::error(&format!("the answer of a shard to a batch could not be read: {error}"));
        Bytes::new()
    });
    let mut answered = read_slots(&body);
    // A shard that answers nonsense with a 200 has failed all the same.
    let status = if head.status.is_success() { StatusCode::BAD_GATEWAY } else { head.status };
    let slots = calls
        .iter()
        .map(|(place, call)| {
            let slot = answered.get_mut(&*call.id).and_then(VecDeque::pop_front);
            (*place, slot.unwrap_or_else(|| failed(&call.id, status, SHARD_ERROR)))
        })
        .collect();
    Part { slots, bookmark }
}

/// The slots that a shard answered, by their id; the ids of a client may repeat.
fn read_slots(body: &[u8]) -> BTreeMap<String, VecDeque<String>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        results: Vec<&'a RawValue>,
    }

    #[derive(Deserialize)]
    struct Slot<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
        status: u16,
        #[serde(borrow)]
        body: &'a RawValue,
    }

    let results = serde_json::from_slice::<Answer<'_>>(body).map(|answer| answer.results);
    let mut slots: BTreeMap<String, VecDeque<String>> = BTreeMap::new();
    for slot in results.unwrap_or_default() {
        if let Ok(Slot { id, status, body }) = serde_json::from_str(slot.get()) {
            slots.entry(id.get().to_owned()).or_default().push_back(slot_json(
                id.get(),
                status,
                body.get(),
            ));
        }
    }
    slots
}

/// The answer to the whole batch, its slots in the order of the calls.
fn merge(parts: Vec<Part>) -> Response {
    let mut bookmarks: Vec<HeaderValue> = Vec::new();
    let mut slots: Vec<(usize, String)> = Vec::new();
    for part in parts {
        bookmarks.extend(part.bookmark);
        slots.extend(part.slots);
    }
    slots.sort_by_key(|(place, _)| *place);
    let slots: Vec<String> = slots.into_iter().map(|(_, slot)| slot).collect();
    let mut response = Response::raw_json([r#"{"results":["#, &slots.join(","), "]}"].concat());
    // Bookmarks of several databases have no order: one of many would promise too much.
    if let [bookmark] = &bookmarks[..] {
        response.headers_mut().insert(headers::BOOKMARK, bookmark.clone());
    }
    response
}

const UNAVAILABLE: (Code, &str) = (Code::ShardUnavailable, "the shard gave no answer");
const SHARD_ERROR: (Code, &str) = (Code::ShardError, "the shard did not answer this call");

fn each(calls: &Group, slot: impl Fn(&str) -> String) -> Vec<(usize, String)> {
    calls.iter().map(|(place, call)| (*place, slot(&call.id))).collect()
}

fn failed(id: &str, status: StatusCode, (code, message): (Code, &'static str)) -> String {
    slot_json(id, status.as_u16(), &LunoraError::new(code, message).to_body().to_json())
}

fn slot_json(id: &str, status: u16, body: &str) -> String {
    format!(r#"{{"id":{id},"status":{status},"body":{body}}}"#)
}

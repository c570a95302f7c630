//! The answer to a whole batch, of those of its shards.

use std::collections::VecDeque;

use headers::HeaderMapExt;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ask::{Answer, Failure, Part};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
};

static SHARD_ERROR: Failure = Failure::new(Code::ShardError, "the shard did not answer this call");

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
    Failed(StatusCode, &'a Failure),
}

/// Returns the id and the outcome of each call, by its place in the batch.
fn outcomes(parts: &[Part]) -> Vec<Option<(&str, Outcome<'_>)>> {
    let mut outcomes = Vec::new();
    outcomes.resize_with(parts.iter().map(|part| part.calls.len()).sum(), || None);
    for part in parts {
        let (mut slots, status, failure) = match &part.answer {
            Answer::Read(body, status) => (read_slots(body), *status, &SHARD_ERROR),
            Answer::Missing(status, failure) => (VecDeque::new(), *status, failure),
        };
        for (place, call) in &part.calls {
            let slot = take_slot(&mut slots, &call.id);
            let outcome = slot.map_or(Outcome::Failed(status, failure), Outcome::Answered);
            if let Some(at) = outcomes.get_mut(*place) {
                *at = Some((&*call.id, outcome));
            }
        }
    }
    outcomes
}

/// Writes the answer to the whole batch, its slots in the order of the calls, into one buffer. Only
/// a `detailed` answer has the unredacted errors, whatever a shard sent.
pub(super) fn merge(parts: &[Part], detailed: bool) -> Response {
    let mut json = String::with_capacity(parts.iter().map(Part::bytes).sum::<usize>() + 64);
    json.push_str(r#"{"results":["#);
    for (id, outcome) in outcomes(parts).into_iter().flatten() {
        let separator = if json.ends_with('[') { "" } else { "," };
        json.extend([separator, r#"{"id":"#, id, r#","status":"#]);
        match outcome {
            Outcome::Answered(Slot { status, body, detail, .. }) => {
                json.extend([&*status.to_string(), r#","body":"#, body.get()]);
                if let (true, Some(detail)) = (detailed, detail) {
                    json.extend([r#","errorDetail":"#, detail.get()]);
                }
            }
            Outcome::Failed(status, Failure { code, message, detail }) => {
                let error = LunoraError::new(*code, message.clone());
                json.extend([status.as_str(), r#","body":"#, &error.to_body().to_json()]);
                if detailed {
                    let detail = detail.clone().unwrap_or_else(|| error.to_detail_json());
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

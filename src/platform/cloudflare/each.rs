//! One call of several objects, which `round.js` sends and whose answers it reads: as texts, there and back.

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, LocalBoxStream},
};
use http::StatusCode;
use wasm_bindgen::JsValue;
use worker::ObjectNamespace;

use super::{
    error::JsFailure,
    glue,
    plan::{unavailable, utf16_length},
    promise::{Awaited, Value},
};
use crate::{
    message::BodyError,
    platform::{
        EachAnswer, EachCall, EachFailure, Jurisdiction, ShardAddress, ShardCallError,
        ShardNamespace, millis,
    },
};

/// Calls the objects, if the namespace is the host's own. Dropping the stream calls no further one.
///
/// It is no method of the namespace: a Worker that never queries across shards must not have it.
pub(crate) fn call_each(
    namespace: &dyn ShardNamespace,
    addresses: Vec<ShardAddress>,
    call: &EachCall<'_>,
) -> Option<LocalBoxStream<'static, EachAnswer>> {
    let namespace = namespace.as_host()?.downcast_ref::<ObjectNamespace>()?;
    let calls = Calls(glue::call_each(namespace.as_ref(), &to_text(&addresses, call)));
    let state = (calls, addresses, Vec::new().into_iter(), call.max_bytes);
    let answers = stream::unfold(state, async move |(calls, addresses, mut ready, limit)| {
        loop {
            if let Some(answer) = ready.next() {
                return Some((answer, (calls, addresses, ready, limit)));
            }
            let answers = match Awaited::start(|slot| glue::next_answers(&calls.0, slot)).await {
                Ok(Value::Answers(heads, bodies)) => read(&heads, bodies.into(), &addresses, limit),
                Ok(Value::Head(head, thrown)) => Vec::from_iter(failed(&head, thrown, &addresses)),
                _ => return None,
            };
            ready = answers.into_iter();
        }
    });
    Some(answers.boxed_local())
}

/// What JavaScript keeps of the calls.
struct Calls(JsValue);

impl Drop for Calls {
    fn drop(&mut self) {
        glue::stop_calls(&self.0);
    }
}

/// Writes the calls: in the first line the limits, the length of the headers, and by object the length of its
/// name and its location; then the headers, the names and the body.
fn to_text(addresses: &[ShardAddress], call: &EachCall<'_>) -> String {
    let headers = glue::pack(call.headers);
    let jurisdiction = addresses.iter().find_map(|address| address.jurisdiction);
    let mut text = [
        &*call.at_once.to_string(),
        ",",
        &*millis(call.time).to_string(),
        ",",
        &*call.max_bytes.to_string(),
        ",",
        jurisdiction.map_or("", Jurisdiction::as_str),
        ",",
        &*utf16_length(&headers).to_string(),
    ]
    .concat();
    for address in addresses {
        text.extend([",", &*utf16_length(address.key.as_str()).to_string()]);
        if let Some(hint) = address.location_hint {
            text.extend([":", hint.as_str()]);
        }
    }
    text.push('\n');
    text.push_str(&headers);
    text.extend(addresses.iter().map(|address| address.key.as_str()));
    text.push_str(call.body);
    text
}

/// Reads the answers that JavaScript has: `<place>:<status>:<length>`, or why there is none. The bodies follow
/// one another.
fn read(
    heads: &str,
    mut bodies: Bytes,
    addresses: &[ShardAddress],
    limit: usize,
) -> Vec<EachAnswer> {
    let answer = |head: &str| {
        let mut fields = head.split(':');
        let place: usize = fields.next()?.parse().ok()?;
        let outcome = match (fields.next()?, fields.next()) {
            ("late", _) => Err(EachFailure::Late),
            ("jurisdiction", _) => {
                let jurisdiction = addresses.get(place)?.jurisdiction?;
                Err(EachFailure::NoAnswer(ShardCallError::JurisdictionUnsupported(jurisdiction)))
            }
            (status, length) => {
                let status = StatusCode::from_bytes(status.as_bytes()).ok()?;
                let body = match length?.parse::<usize>() {
                    Ok(length) => Ok(bodies.split_to(length.min(bodies.len()))),
                    Err(_) => Err(BodyError::TooLarge { limit }),
                };
                Ok((status, body))
            }
        };
        Some(EachAnswer { place, outcome })
    };
    heads.split(',').filter_map(answer).collect()
}

/// Reads why an object gave no answer: `<place>`, or `<place>:<status>` of an answer that broke off.
fn failed(head: &str, thrown: JsValue, addresses: &[ShardAddress]) -> Option<EachAnswer> {
    let (place, status) = head.split_once(':').unwrap_or((head, ""));
    let place: usize = place.parse().ok()?;
    let outcome = match StatusCode::from_bytes(status.as_bytes()) {
        Ok(status) => Ok((status, Err(BodyError::Broken(JsFailure::from(thrown).into())))),
        Err(_) => {
            let key = addresses.get(place)?.key.clone();
            Err(EachFailure::NoAnswer(unavailable(key, thrown)))
        }
    };
    Some(EachAnswer { place, outcome })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::platform::LocationHint;

    fn addresses() -> Vec<ShardAddress> {
        let keys = ["a\nb", "部屋", ""];
        keys.iter().filter_map(|key| key.parse().ok()).map(ShardAddress::new).collect()
    }

    #[test]
    fn a_plan_of_several_calls_counts_as_javascript_does() {
        let mut addresses = addresses();
        if let Some(first) = addresses.first_mut() {
            first.location_hint = Some(LocationHint::WesternEurope);
        }
        let headers =
            HeaderMap::from_iter([(http::header::ACCEPT, http::HeaderValue::from_static("x"))]);
        let call = EachCall {
            headers: &headers,
            body: "{}",
            at_once: 16,
            time: std::time::Duration::from_secs(5),
            max_bytes: 9,
        };
        assert!(to_text(&addresses, &call).starts_with("16,5000,9,,8,3:weur,2"));
        assert!(to_text(&addresses, &call).ends_with("accept:xa\nb部屋{}"));
    }

    #[test]
    fn answers_are_told_apart_by_their_heads() {
        let answers =
            read("1:200:3,0:late,2:503:large,1:404:0", Bytes::from_static(b"abc"), &addresses(), 9);
        let outcomes: Vec<_> =
            answers.iter().map(|answer| (answer.place, &answer.outcome)).collect();
        assert!(matches!(outcomes[0], (1, Ok((StatusCode::OK, Ok(body)))) if body == "abc"));
        assert!(matches!(outcomes[1], (0, Err(EachFailure::Late))));
        assert!(
            matches!(outcomes[2], (2, Ok((status, Err(BodyError::TooLarge { limit: 9 })))) if status.as_u16() == 503)
        );
        assert!(
            matches!(outcomes[3], (1, Ok((StatusCode::NOT_FOUND, Ok(body)))) if body.is_empty())
        );
    }

    #[test]
    fn never_panics_on_any_heads() {
        for heads in [
            "",
            ":",
            "9:late",
            "0:jurisdiction",
            "x:200:1",
            "0:200:99999999999999999999",
            "0:1:1,0:200:7",
        ] {
            read(heads, Bytes::from_static(b"a"), &addresses(), 9);
        }
    }
}

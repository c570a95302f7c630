//! One call of several objects, which `round.js` sends and whose answers it reads: as texts, there and back.

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, LocalBoxStream},
};
use headers::Header;
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
        EachAnswer, EachCall, EachFailure, EachSuccess, Jurisdiction, LocationHint, ResolvedShard,
        ShardAddress, ShardCallError, millis,
    },
    wire::headers::Bookmark,
};

/// Calls the objects. Dropping the stream calls no further one.
#[allow(clippy::needless_pass_by_value, reason = "the signature that `AskEach` has")]
pub(super) fn call_each(
    shards: Vec<ResolvedShard>,
    call: EachCall,
) -> LocalBoxStream<'static, EachAnswer> {
    let host = shards.first().and_then(ResolvedShard::as_host);
    let Some(namespace) = host.and_then(|host| host.downcast_ref::<ObjectNamespace>()) else {
        return stream::empty().boxed_local();
    };
    let addresses: Vec<_> = shards.iter().map(|shard| shard.address().clone()).collect();
    let calls = Calls(glue::call_each(namespace.as_ref(), &to_text(&addresses, &call)));
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
    answers.boxed_local()
}

/// What JavaScript keeps of the calls.
struct Calls(JsValue);

impl Drop for Calls {
    fn drop(&mut self) {
        glue::stop_calls(&self.0);
    }
}

/// Writes the calls: in the first line their address, the limits, the length of the headers, and by object
/// the length of its name, its location, and the length of its own body; then the headers, the names with
/// these bodies, and the body of the others.
fn to_text(addresses: &[ShardAddress], call: &EachCall) -> String {
    let headers = glue::pack(&call.headers);
    let jurisdiction = addresses.iter().find_map(|address| address.jurisdiction);
    let mut text = [
        call.url,
        ",",
        &*call.at_once.to_string(),
        ",",
        &*millis(call.time).to_string(),
        ",",
        &*call.max_bytes.to_string(),
        ",",
        if call.shares_limits { "shared" } else { "" },
        ",",
        if call.wants_bookmark { Bookmark::name().as_str() } else { "" },
        ",",
        jurisdiction.map_or("", Jurisdiction::as_str),
        ",",
        &*utf16_length(&headers).to_string(),
    ]
    .concat();
    for (place, ShardAddress { key, location_hint, .. }) in addresses.iter().enumerate() {
        let hint = location_hint.map_or("", LocationHint::as_str);
        text.extend([",", &*utf16_length(key.as_str()).to_string(), ":", hint, ":"]);
        if let Some(body) = call.body.own(place) {
            text.push_str(&utf16_length(body).to_string());
        }
    }
    text.push('\n');
    text.push_str(&headers);
    for (place, address) in addresses.iter().enumerate() {
        text.extend([address.key.as_str(), call.body.own(place).unwrap_or_default()]);
    }
    text.push_str(call.body.same());
    text
}

/// Reads the answers that JavaScript has, one per line: `<place>:<status>:<length>:<bookmark>`, or why there is
/// none. The bodies follow one another.
fn read(
    heads: &str,
    mut bodies: Bytes,
    addresses: &[ShardAddress],
    limit: usize,
) -> Vec<EachAnswer> {
    let answer = |head: &str| {
        let mut fields = head.splitn(4, ':');
        let place: usize = fields.next()?.parse().ok()?;
        let outcome = match (fields.next()?, fields.next()) {
            ("late", _) => Err(EachFailure::Late),
            ("unasked", _) => Err(EachFailure::NotAsked),
            ("jurisdiction", _) => {
                let jurisdiction = addresses.get(place)?.jurisdiction?;
                Err(EachFailure::NoAnswer(ShardCallError::JurisdictionUnsupported(jurisdiction)))
            }
            (status, length) => Ok(EachSuccess {
                status: StatusCode::from_bytes(status.as_bytes()).ok()?,
                body: match length?.parse::<usize>() {
                    Ok(length) => Ok(bodies.split_to(length.min(bodies.len()))),
                    Err(_) => Err(BodyError::TooLarge { limit }),
                },
                bookmark: fields.next().and_then(Bookmark::from_text),
            }),
        };
        Some(EachAnswer { place, outcome })
    };
    heads.split('\n').filter_map(answer).collect()
}

/// Reads why an object gave no answer: `<place>`, or `<place>:<status>` of an answer that broke off.
fn failed(head: &str, thrown: JsValue, addresses: &[ShardAddress]) -> Option<EachAnswer> {
    let (place, status) = head.split_once(':').unwrap_or((head, ""));
    let place: usize = place.parse().ok()?;
    let outcome = match StatusCode::from_bytes(status.as_bytes()) {
        Ok(status) => {
            let body = Err(BodyError::Broken(JsFailure::from(thrown).into()));
            Ok(EachSuccess { status, bookmark: None, body })
        }
        Err(_) => {
            let key = addresses.get(place)?.key.clone();
            Err(EachFailure::NoAnswer(unavailable(key, thrown)))
        }
    };
    Some(EachAnswer { place, outcome })
}

#[cfg(test)]
#[allow(clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{
        platform::{CloudflareClock, EachBody},
        wire::paths::SHARD_RPC,
    };

    fn addresses() -> Vec<ShardAddress> {
        let keys = ["a\nb", "部屋", ""];
        keys.iter().filter_map(|key| key.parse().ok()).map(ShardAddress::new).collect()
    }

    fn call(body: EachBody) -> EachCall {
        EachCall {
            url: SHARD_RPC,
            headers: HeaderMap::from_iter([(
                http::header::ACCEPT,
                http::HeaderValue::from_static("x"),
            )]),
            body,
            at_once: 16,
            time: std::time::Duration::from_secs(5),
            max_bytes: 9,
            shares_limits: false,
            wants_bookmark: false,
            clock: std::rc::Rc::new(CloudflareClock),
        }
    }

    #[test]
    fn a_plan_of_several_calls_counts_as_javascript_does() {
        let mut addresses = addresses();
        if let Some(first) = addresses.first_mut() {
            first.location_hint = Some(LocationHint::WesternEurope);
        }
        let same = call(EachBody::Same("{}".into()));
        assert_eq!(
            to_text(&addresses, &same),
            "https://shard.internal/rpc,16,5000,9,,,,8,3:weur:,2::,0::\naccept:xa\nb部屋{}"
        );
        let own = ["é1".to_owned(), "{2}".to_owned(), "𝄞".to_owned()];
        let own = EachCall {
            shares_limits: true,
            wants_bookmark: true,
            ..call(EachBody::Own(own.into()))
        };
        assert_eq!(
            to_text(&addresses, &own),
            "https://shard.internal/rpc,16,5000,9,shared,x-d1-bookmark,,8,3:weur:2,2::3,0::2\naccept:xa\nbé1部屋{2}𝄞"
        );
    }

    #[test]
    fn answers_are_told_apart_by_their_heads() {
        let heads = "1:200:3:a:b\n0:late\n2:503:large:\n0:unasked\n1:404:0:";
        let answers = read(heads, Bytes::from_static(b"abc"), &addresses(), 9);
        let [whole, late, large, unasked, empty] = &answers[..] else { panic!("{heads}") };
        assert_eq!([whole.place, late.place, large.place], [1, 0, 2]);
        assert!(matches!(late.outcome, Err(EachFailure::Late)));
        assert!(matches!(unasked.outcome, Err(EachFailure::NotAsked)));
        let success = |answer: &EachAnswer| match &answer.outcome {
            Ok(EachSuccess { status, bookmark, body }) => {
                let body = body.as_ref().map_or("too large".into(), |body| body.to_vec());
                (status.as_u16(), bookmark.is_some(), String::from_utf8_lossy(&body).into_owned())
            }
            Err(failure) => panic!("{failure:?}"),
        };
        assert_eq!(success(whole), (200, true, "abc".into()));
        assert_eq!(success(large), (503, false, "too large".into()));
        assert_eq!(success(empty), (404, false, String::new()));
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
            "0:1:1\n0:200:7",
        ] {
            read(heads, Bytes::from_static(b"a"), &addresses(), 9);
        }
    }
}

//! Plans of calls and upgrades, which `front.js` carries out: as texts, there and back.

use std::time::Duration;

use bytes::Bytes;
use headers::{ContentLength, HeaderMapExt};
use http::HeaderMap;
use wasm_bindgen::{JsCast, JsValue};
use worker::{ObjectNamespace, js_sys::Promise};

use super::{
    error::JsFailure,
    glue,
    message::{head_of_answer, request_of_head},
};
use crate::{
    errors::LunoraError,
    message::{Body, Request, Response},
    platform::{
        Deadline, Jurisdiction, LocationHint, ShardAddress, ShardCallError, ShardNamespace, millis,
    },
    wire::ShardKey,
};

/// Lets JavaScript ask for plans of calls to these shards, in this environment. A namespace that is
/// not the host's own is called from here.
pub(crate) fn plan_for(env: &worker::Env, shards: &dyn ShardNamespace) {
    let host = shards.as_host().and_then(|host| host.downcast_ref::<ObjectNamespace>());
    if let Some(namespace) = host {
        glue::plan_for(env, namespace.as_ref());
    }
}

/// Returns the environment that plans are made in.
pub(crate) fn environment() -> worker::Env {
    glue::environment().unchecked_into()
}

/// Returns the function of JavaScript that answers requests by plans.
pub(crate) fn front() -> JsValue {
    glue::front()
}

/// Returns the request whose head and body crossed as one, with an empty line between them.
pub(crate) fn request(message: &str) -> Result<Request, LunoraError> {
    let end =
        message.as_bytes().windows(2).position(|pair| pair == b"\n\n").unwrap_or(message.len());
    let (head, body) = (&message[..end], message.get(end + 2..).unwrap_or_default());
    request_of_head(head, |_, headers| {
        let body = if is_as_sent(body, headers) { body.as_bytes() } else { NOT_UTF8 };
        Body::from(Bytes::copy_from_slice(body))
    })
}

/// A body that no reader takes for text.
const NOT_UTF8: &[u8] = b"\xff";

/// Returns whether a body is what was sent: JavaScript reads bytes that are not UTF-8 as U+FFFD, most of
/// which is longer.
fn is_as_sent(body: &str, headers: &HeaderMap) -> bool {
    let declared = headers.typed_get::<ContentLength>().map(|length| length.0);
    declared.is_none_or(|length| length == body.len() as u64) || !body.contains('\u{fffd}')
}

/// Hands JavaScript what a request for a plan came to, where that is no plan.
pub(crate) fn answered(outcome: Result<JsValue, JsValue>) {
    match outcome {
        Ok(answer) => glue::answered(&answer),
        // The request was not answered: JavaScript answers that it failed.
        Err(error) => glue::answered(&Promise::reject(&error)),
    }
}

/// Writes the plan of a call: what JavaScript needs, by line, then the headers, the shard's name and the
/// body. The first line has the lengths of all but the body. `dressing` and `trace` come back with
/// the answer.
pub(crate) fn to_text(
    address: &ShardAddress,
    headers: &HeaderMap,
    body: &str,
    timeout: Duration,
    dressing: &str,
    trace: &str,
) -> String {
    let name = address.key.as_str();
    let headers = glue::pack(headers);
    // No formatting: every call comes through here.
    let facts = [
        &*millis(timeout).to_string(),
        "\n",
        address.jurisdiction.map_or("", Jurisdiction::as_str),
        ",",
        address.location_hint.map_or("", LocationHint::as_str),
        "\n",
        dressing,
        "\n",
        trace,
    ]
    .concat();
    let [a, b, c] = [&facts, &headers, name].map(|text| utf16_length(text).to_string());
    [&a, ",", &b, ",", &c, "\n", &facts, &headers, name, body].concat()
}

/// Returns the length as JavaScript counts it.
pub(super) fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Applies `dress` to the head of a shard's answer.
pub(crate) fn dressed(head: &str, dress: impl FnOnce(&mut Response)) -> String {
    let mut response = Response::empty();
    (*response.status_mut(), *response.headers_mut()) = head_of_answer(head);
    dress(&mut response);
    let headers = glue::pack(response.headers());
    [response.status().as_str(), "\n", &headers].concat()
}

/// Why a plan was not carried out, as `front.js` says it.
pub(crate) fn undelivered(key: &str, timeout_ms: Option<f64>, thrown: JsValue) -> LunoraError {
    if let Some(milliseconds) = timeout_ms {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was a u64"
        )]
        return Deadline::passed("the shard", Duration::from_millis(milliseconds as u64));
    }
    let Ok(key) = key.parse::<ShardKey>() else {
        return LunoraError::internal(JsFailure::from(thrown));
    };
    unavailable(key, thrown).into()
}

/// Converts what the platform threw instead of an answer.
pub(super) fn unavailable(key: ShardKey, thrown: JsValue) -> ShardCallError {
    let failure = JsFailure::from(thrown);
    ShardCallError::Unavailable {
        key,
        retryable: failure.retryable,
        overloaded: failure.overloaded,
        source: failure.into(),
    }
}

//! Reads the body of a success, and turns any other response into an error.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use crate::{
    errors::{Code, LunoraError},
    message::{Body, BodyError, Response},
};

/// The maximum number of bytes that are read of a failure.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Reads the answer of `who`, up to `limit` bytes.
pub(super) async fn body(
    who: impl Display,
    response: Response,
    limit: usize,
) -> Result<Bytes, LunoraError> {
    let (head, body) = response.into_parts();
    let limit = if head.status.is_success() { limit } else { MAX_ERROR_BYTES };
    of_parts(who, head.status, body.into_bytes(limit).await)
}

/// Returns the body that `who` answered with this status, if it is a success.
pub(super) fn of_parts(
    who: impl Display,
    status: StatusCode,
    body: Result<Bytes, BodyError>,
) -> Result<Bytes, LunoraError> {
    if !status.is_success() {
        return Err(failure(who, status, body.ok()));
    }
    body.map_err(|error| match error {
        BodyError::TooLarge { limit } => LunoraError::new(
            Code::PayloadTooLarge,
            format!("the answer of {who} is larger than {limit} bytes"),
        ),
        broken => {
            let message = format!("the answer of {who} broke off");
            LunoraError::new(Code::ShardUnavailable, message).with_source(broken)
        }
    })
}

/// Returns the unread body of `who`'s answer, if it is a success.
pub(super) async fn stream(who: impl Display, response: Response) -> Result<Body, LunoraError> {
    let (head, body) = response.into_parts();
    if head.status.is_success() {
        return Ok(body);
    }
    Err(failure(who, head.status, body.into_bytes(MAX_ERROR_BYTES).await.ok()))
}

fn failure(who: impl Display, status: StatusCode, body: Option<Bytes>) -> LunoraError {
    let body = body.filter(|body| body.len() <= MAX_ERROR_BYTES);
    let status = status.as_u16();
    match body.as_deref().and_then(reported_error) {
        Some((code, message)) => LunoraError::custom(code, status, message),
        None => LunoraError::new(Code::ShardHttpError, format!("{who} returned {status}")),
    }
}

/// Returns code and message of a body `{"error":{"code","message"}}`.
fn reported_error(body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |field| body.get("error")?.get(field)?.as_str().map(str::to_owned);
    let code = text("code").filter(|code| !code.is_empty())?;
    Some((code, text("message")?))
}

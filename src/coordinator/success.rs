//! Reads the body of a success, and turns any other response into an error.

use std::fmt::Display;

use bytes::Bytes;
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
    let body = stream(&who, response).await?;
    body.into_bytes(limit).await.map_err(|error| match error {
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
    let status = head.status.as_u16();
    let body = body.into_bytes(MAX_ERROR_BYTES).await;
    Err(match body.ok().as_deref().and_then(reported_error) {
        Some((code, message)) => LunoraError::custom(code, status, message),
        None => LunoraError::new(Code::ShardHttpError, format!("{who} returned {status}")),
    })
}

/// Returns code and message of a body `{"error":{"code","message"}}`.
fn reported_error(body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |field| body.get("error")?.get(field)?.as_str().map(str::to_owned);
    let code = text("code").filter(|code| !code.is_empty())?;
    Some((code, text("message")?))
}

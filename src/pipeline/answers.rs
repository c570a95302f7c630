//! The answers that the pipeline makes itself.

use headers::Upgrade;
use http::{HeaderValue, Method, StatusCode, header};

use super::edge::ForbiddenOrigin;
use crate::{
    errors::{Code, LunoraError},
    log,
    message::{Body, Request, Response, to_error_response},
};

/// Answers an error, and logs it if it is the server's fault. No other place logs the error of a
/// request.
pub(super) fn error(error: &LunoraError) -> Response {
    if error.status().is_server_error() {
        log::error(&error.to_log_line());
    }
    to_error_response(error)
}

/// Returns the router's response; an error that it throws becomes a plain 500 that reveals nothing.
pub(super) fn shielded(outcome: Result<Response, LunoraError>) -> Response {
    outcome.unwrap_or_else(|error| {
        log::error(&format!("the http router failed: {}", error.to_log_line()));
        Response::text("Internal Server Error").with_status(500)
    })
}

/// Returns the response to `HEAD`: that to `GET`, without its body.
pub(super) fn without_body(response: Response) -> Response {
    let (head, _) = response.into_parts();
    http::Response::from_parts(head, Body::empty()).into()
}

/// Answers 404 in plain text.
pub(super) fn not_found() -> Response {
    Response::text("Not found").with_status(404)
}

/// Answers `GET /_lunora/status` from the Worker itself.
pub(super) fn status(request: &Request) -> Response {
    match *request.method() {
        Method::GET => Response::raw_json(r#"{"ok":true}"#),
        Method::HEAD => Response::empty().with_header("content-type", "application/json"),
        _ => method_not_allowed("GET, HEAD"),
    }
    .with_header("cache-control", "no-store")
}

/// Returns 405 with the allowed methods.
pub(super) fn method_not_allowed(allowed: &str) -> Response {
    let mut response = error(&LunoraError::new(
        Code::MethodNotAllowed,
        format!("Method not allowed; use {allowed}"),
    ));
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// Returns 405 in the form of the data-movement routes: no body, only the allowed methods.
#[cfg(feature = "admin")]
pub(super) fn bare_method_not_allowed(allowed: &'static str) -> Response {
    let mut response = Response::empty().with_status(405);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Returns 426 for a path that accepts only WebSocket upgrades.
pub(super) fn upgrade_required() -> Response {
    let mut response =
        error(&LunoraError::bad_request("Expected a WebSocket upgrade: send `Upgrade: websocket`"));
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    response.with_typed(Upgrade::websocket())
}

/// Returns 413.
pub(super) fn too_large() -> LunoraError {
    LunoraError::new(Code::PayloadTooLarge, "Body too large")
}

/// Returns 403 for an origin that is not trusted, with the expected and the received origin.
pub(super) fn forbidden_origin(refused: &ForbiddenOrigin) -> Response {
    Response::raw_json(refused.to_json()).with_status(403)
}

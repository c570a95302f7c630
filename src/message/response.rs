//! Responses.

use std::ops::{Deref, DerefMut};

use headers::{Header, HeaderMapExt};
use http::{
    HeaderValue, StatusCode,
    header::{self, HeaderName},
    response::Parts,
};
use serde::Serialize;

use super::Body;
use crate::{errors::LunoraError, log};

/// A response: an [`http::Response`] with a [`Body`], and shorter ways to make one.
///
/// ```
/// use lunora::Response;
///
/// let response = Response::text("not here").with_status(404).with_header("x-why", "gone");
/// assert_eq!(response.status(), 404);
/// assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
/// ```
#[derive(Debug, Default)]
pub struct Response(http::Response<Body>);

impl Response {
    /// Returns 200 without a body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Returns 200 with plain text.
    pub fn text(text: impl Into<Body>) -> Self {
        Self::of_type("text/plain; charset=utf-8", text)
    }

    /// Returns 200 with HTML.
    pub fn html(html: impl Into<Body>) -> Self {
        Self::of_type("text/html; charset=utf-8", html)
    }

    /// Returns 200 with `value` as JSON.
    ///
    /// # Errors
    /// If `value` cannot be written as JSON, such as a map whose keys are not strings.
    pub fn json(value: &impl Serialize) -> Result<Self, LunoraError> {
        let json = serde_json::to_vec(value).map_err(LunoraError::internal)?;
        Ok(Self::raw_json(json))
    }

    /// Returns 200 with text that is already JSON.
    pub fn raw_json(json: impl Into<Body>) -> Self {
        Self::of_type("application/json", json)
    }

    /// Returns 200 with a body and no `content-type`.
    pub fn body(body: impl Into<Body>) -> Self {
        Self(http::Response::new(body.into()))
    }

    /// Sets the status: 200 to 599, or 101 for an upgrade, the statuses that Workers can send.
    ///
    /// Any other status becomes 500 and is logged.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        let valid = matches!(status, 101 | 200..=599);
        *self.status_mut() = StatusCode::from_u16(status)
            .ok()
            .filter(|_| valid)
            .unwrap_or_else(|| {
                log::error(&format!(
                    "invalid response status {status}: expected 200 to 599, or 101; 500 is sent instead"
                ));
                StatusCode::INTERNAL_SERVER_ERROR
            });
        self
    }

    /// Sets a header, in place of an earlier value; each `set-cookie` is added to the others.
    ///
    /// A name or value that HTTP cannot carry is omitted.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_ref()))
        {
            if name == header::SET_COOKIE {
                self.headers_mut().append(name, value);
            } else {
                self.headers_mut().insert(name, value);
            }
        }
        self
    }

    /// Sets a header by a type of the crate [`headers`], in place of an earlier value; each
    /// `set-cookie` is added to the others.
    ///
    /// ```
    /// use lunora::{Response, headers::CacheControl};
    ///
    /// let response = Response::text("mine alone").with_typed(CacheControl::new().with_no_store());
    /// assert_eq!(response.headers()["cache-control"], "no-store");
    /// ```
    #[must_use]
    pub fn with_typed<H: Header>(mut self, header: H) -> Self {
        if *H::name() == header::SET_COOKIE {
            let mut cookies = Vec::new();
            header.encode(&mut cookies);
            for cookie in cookies {
                self.headers_mut().append(header::SET_COOKIE, cookie);
            }
        } else {
            self.headers_mut().typed_insert(header);
        }
        self
    }

    /// Marks the body as already encoded, as its header `content-encoding` says: it is sent as it
    /// is. Without the mark the platform encodes the body itself.
    ///
    /// ```
    /// use lunora::Response;
    ///
    /// # let gzipped: Vec<u8> = Vec::new();
    /// let response = Response::body(gzipped)
    ///     .with_header("content-type", "application/json")
    ///     .with_header("content-encoding", "gzip")
    ///     .with_encoded_body();
    /// ```
    #[must_use]
    pub fn with_encoded_body(mut self) -> Self {
        self.0.extensions_mut().insert(EncodedBody);
        self
    }

    /// Splits the response into its parts.
    #[must_use]
    pub fn into_parts(self) -> (Parts, Body) {
        self.0.into_parts()
    }

    /// Returns the plain `http` form.
    #[must_use]
    pub fn into_http(self) -> http::Response<Body> {
        self.0
    }

    fn of_type(content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut response = Self::body(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

/// The mark of a body that is encoded already.
#[derive(Clone, Copy)]
pub(crate) struct EncodedBody;

/// Returns the response to an error: its status, its [body](crate::errors::LunoraErrorBody) as JSON, and
/// `Retry-After` if the error [has one](LunoraError::with_retry_after).
///
/// It writes no log; the pipeline logs each error that is the server's fault once, when it answers.
#[must_use]
pub fn to_error_response(error: &LunoraError) -> Response {
    let mut response = Response::raw_json(error.to_body().to_json());
    *response.status_mut() = error.status();
    if let Some(delay) = error.retry_after() {
        // Rounded up: a client that waits for less is refused again.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

impl From<http::Response<Body>> for Response {
    fn from(response: http::Response<Body>) -> Self {
        Self(response)
    }
}

impl Deref for Response {
    type Target = http::Response<Body>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Response {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A value that a handler may return: a [`Response`], or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the response of a route",
    label = "return `Response` or `Result<Response, LunoraError>`",
    note = "`Response::text(..)`, `Response::json(..)` and `Response::empty()` make one"
)]
pub trait IntoResponse {
    /// Returns the response, or the error that the pipeline answers with instead.
    ///
    /// # Errors
    /// The error of the handler.
    fn into_response(self) -> Result<Response, LunoraError>;
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response, LunoraError> {
        Ok(self)
    }
}

impl<T: IntoResponse, E: Into<LunoraError>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Result<Response, LunoraError> {
        self.map_err(Into::into)?.into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use headers::{ContentLength, SetCookie};

    use super::*;
    use crate::errors::Code;

    #[test]
    fn a_status_that_cannot_be_sent_becomes_500() {
        for status in [0, 99, 100, 102, 103, 199, 600, 999, 1000, u16::MAX] {
            assert_eq!(Response::empty().with_status(status).status(), 500, "{status}");
        }
        for status in [101, 200, 204, 304, 404, 500, 599] {
            assert_eq!(Response::empty().with_status(status).status(), status);
        }
    }

    #[test]
    fn keeps_every_cookie_and_the_last_value_of_any_other_header() {
        let response = Response::empty()
            .with_header("set-cookie", "a=1")
            .with_header("Set-Cookie", "b=2")
            .with_header("x-a", "1")
            .with_header("x-a", "2");
        let values = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(values("x-a"), ["2"]);
    }

    #[test]
    fn a_typed_header_replaces_another_value_and_adds_a_cookie() {
        let cookies = Response::empty().with_header("set-cookie", "b=2").into_parts().0.headers;
        let mut response = Response::empty()
            .with_header("set-cookie", "a=1")
            .with_header("content-length", "1")
            .with_typed(ContentLength(2));
        if let Some(cookies) = cookies.typed_get::<SetCookie>() {
            response = response.with_typed(cookies);
        }
        let values = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(values("content-length"), ["2"]);
    }

    #[test]
    fn an_error_answers_with_its_status_as_json() {
        let response = to_error_response(&LunoraError::new(Code::ForbiddenShard, "no"));
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            response.body().as_bytes().map(|bytes| &bytes[..]),
            Some(&br#"{"error":{"code":"FORBIDDEN_SHARD","message":"no"}}"#[..])
        );
    }

    #[test]
    fn rounds_retry_after_up_to_whole_seconds() {
        for (millis, header) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2")] {
            let error = LunoraError::new(Code::TooManyRequests, "no")
                .with_retry_after(Duration::from_millis(millis));
            assert_eq!(to_error_response(&error).headers()["retry-after"], header, "{millis}");
        }
    }
}

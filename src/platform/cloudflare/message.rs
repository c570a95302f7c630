//! Requests and responses, to and from JavaScript.

use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    future::LocalBoxFuture,
    stream::{self, LocalBoxStream},
};
use http::{HeaderMap, Method, StatusCode, header::CONTENT_LENGTH};
use wasm_bindgen::JsValue;
use worker::{js_sys::Uint8Array, web_sys};

use super::{
    error::JsFailure,
    glue,
    promise::{Awaited, Value},
};
use crate::{
    errors::LunoraError,
    message::{Body, BodyError, EncodedBody, HostBody, Request, Response, to_uri},
};

/// The body of a JavaScript request, not read yet.
struct RequestBody(web_sys::Request);

/// A JavaScript response, of which only the head was read.
struct ResponseBody(web_sys::Response);

/// Takes a request over from JavaScript; the head crosses in one piece, the body stays.
///
/// # Errors
/// 400 for a URL that is longer than 64 KiB, which is what `http::Uri` carries.
pub(crate) fn request_from_js(raw: web_sys::Request) -> Result<Request, LunoraError> {
    let head = glue::request_head(&raw);
    request_of_head(&head, |method, headers| {
        let has_body = !matches!(*method, Method::GET | Method::HEAD) && says_more(headers);
        if has_body { Body::from_host(RequestBody(raw)) } else { Body::empty() }
    })
}

/// Reads the head of a request, whose body `body` returns.
pub(super) fn request_of_head(
    head: &str,
    body: impl FnOnce(&Method, &HeaderMap) -> Body,
) -> Result<Request, LunoraError> {
    let mut lines = head.split('\n');
    let method = Method::from_bytes(lines.next().unwrap_or_default().as_bytes())
        .map_err(|_| LunoraError::bad_request("the request method is malformed"))?;
    let url = to_uri(lines.next().unwrap_or_default())
        .map_err(|_| LunoraError::bad_request("the request URL is malformed or too long"))?;
    let headers = glue::unpack(lines);
    let body = body(&method, &headers);
    let mut request = Request::new(method, url, body);
    *request.headers_mut() = headers;
    Ok(request)
}

/// Reads a request whose head and body crossed as texts.
#[cfg(feature = "shard")]
pub(crate) fn request_of_text(head: &str, body: String) -> Result<Request, LunoraError> {
    request_of_head(head, |_, _| Body::from(body))
}

/// Takes a response over from JavaScript; the head crosses in one piece, the body stays.
pub(super) fn response_from_js(head: &str, raw: web_sys::Response) -> Response {
    let (status, headers) = head_of_answer(head);
    // An upgrade has no body, but the response holds the socket.
    let keep = !matches!(status.as_u16(), 204 | 205 | 304) && says_more(&headers);
    let mut response =
        Response::body(if keep { Body::from_host(ResponseBody(raw)) } else { Body::empty() });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Reads a response whose body is text: a packed head, an empty line, the body.
pub(super) fn response_of_text(text: &str) -> Response {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut response = Response::body(body.to_owned());
    (*response.status_mut(), *response.headers_mut()) = head_of_answer(head);
    response
}

/// Reads the packed head of an answer.
pub(super) fn head_of_answer(head: &str) -> (StatusCode, HeaderMap) {
    let (status, lines) = head.split_once('\n').unwrap_or((head, ""));
    let status = StatusCode::from_bytes(status.as_bytes()).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, glue::unpack(lines.split('\n')))
}

/// Passes a response to JavaScript, which another isolate gets: as text if its body is a moderate
/// text, else as a response.
#[cfg(feature = "shard")]
pub(crate) fn response_to_rpc(response: Response) -> Result<JsValue, LunoraError> {
    let (parts, body) = response.into_parts();
    let bytes = body.as_bytes().filter(|bytes| bytes.len() <= LONGEST_TEXT);
    let text = bytes.and_then(|bytes| str::from_utf8(bytes).ok());
    if let (Some(body), None) = (text, parts.extensions.get::<EncodedBody>()) {
        let headers = glue::pack_answer(&parts.headers);
        let text = [parts.status.as_str(), "\n", &headers, "\n\n", body].concat();
        return Ok(JsValue::from_str(&text));
    }
    response_to_js(http::Response::from_parts(parts, body).into()).map(JsValue::from)
}

/// A longer text goes as a stream: a message of the runtime's RPC has at most 32 MiB.
#[cfg(feature = "shard")]
const LONGEST_TEXT: usize = 1 << 20;

/// Returns the body of a response of JavaScript, whatever its headers say.
pub(super) fn response_body(raw: web_sys::Response) -> Body {
    Body::from_host(ResponseBody(raw))
}

/// Returns whether the message has a body, unless the headers say that it is empty.
fn says_more(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_LENGTH).is_none_or(|length| length != "0")
}

/// Passes a response to JavaScript; the head crosses in one piece, JavaScript's own body goes back
/// as it came, and an upgrade goes back as the same object.
pub(crate) fn response_to_js(response: Response) -> Result<web_sys::Response, LunoraError> {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let body = match body.into_host::<ResponseBody>() {
        Ok(host) if status == 101 => return Ok(host.0),
        Ok(host) => Ok(host.0),
        Err(body) => Err(body),
    };
    let headers = glue::pack(&parts.headers);
    let encoded = parts.extensions.get::<EncodedBody>().is_some();
    // Statuses that the Fetch standard allows no body with.
    let made = if matches!(status, 101 | 204 | 205 | 304) {
        glue::make_response(status, &headers, &JsValue::NULL, encoded)
    } else {
        match body {
            Ok(host) => glue::remake_response(status, &headers, &host),
            Err(body) => match body.as_bytes() {
                Some(bytes) => glue::make_response_of_bytes(status, &headers, bytes, encoded),
                None => glue::make_response(status, &headers, &body_to_js(body)?, encoded),
            },
        }
    };
    made.map_err(|error| LunoraError::internal(JsFailure::from(error)))
}

/// Converts a body for JavaScript: `undefined`, a byte array, or a stream.
pub(super) fn body_to_js(body: Body) -> Result<JsValue, LunoraError> {
    if body.is_empty() {
        return Ok(JsValue::UNDEFINED);
    }
    if let Some(bytes) = body.as_bytes() {
        return Ok(Uint8Array::from(&bytes[..]).into());
    }
    let body = match body.into_host::<RequestBody>() {
        Ok(host) => return Ok(host.0.body().map_or(JsValue::UNDEFINED, Into::into)),
        Err(body) => body,
    };
    let body = match body.into_host::<ResponseBody>() {
        Ok(host) => return Ok(host.0.body().map_or(JsValue::UNDEFINED, Into::into)),
        Err(body) => body,
    };
    let chunks = body
        .into_stream()
        .map_ok(|bytes| Vec::from(&bytes[..]))
        .map_err(|error| worker::Error::RustError(error.to_string()));
    let carrier = worker::Response::from_stream(chunks).map_err(LunoraError::internal)?;
    Ok(web_sys::Response::from(carrier).body().map_or(JsValue::UNDEFINED, Into::into))
}

impl HostBody for RequestBody {
    fn read(self: Box<Self>, limit: usize) -> LocalBoxFuture<'static, Result<Bytes, BodyError>> {
        Box::pin(read(self.0.into(), limit))
    }

    fn into_stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        stream_of(self.0.body(), None)
    }

    fn into_large_pieces(
        self: Box<Self>,
        bytes: usize,
    ) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        stream_of(self.0.body(), u32::try_from(bytes).ok())
    }
}

impl HostBody for ResponseBody {
    fn read(self: Box<Self>, limit: usize) -> LocalBoxFuture<'static, Result<Bytes, BodyError>> {
        Box::pin(read(self.0.into(), limit))
    }

    fn into_stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        stream_of(self.0.body(), None)
    }

    fn into_large_pieces(
        self: Box<Self>,
        bytes: usize,
    ) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        stream_of(self.0.body(), u32::try_from(bytes).ok())
    }
}

async fn read(source: JsValue, limit: usize) -> Result<Bytes, BodyError> {
    // A budget is far below 2^53.
    #[allow(clippy::cast_precision_loss, reason = "a budget is far below 2^53")]
    let limit_js = limit as f64;
    match Awaited::start(|slot| glue::read_body(&source, limit_js, slot)).await {
        Ok(Value::Bytes(bytes)) => Ok(bytes.into()),
        Ok(_) => Err(BodyError::TooLarge { limit }),
        Err(error) => Err(BodyError::Broken(JsFailure::from(error).into())),
    }
}

/// Reads a stream of JavaScript chunk by chunk, or several at once; dropping it cancels what is left.
///
/// Implemented manually: the stream of the crate `worker` takes an aborted body for one that ended.
fn stream_of(
    body: Option<web_sys::ReadableStream>,
    at_least: Option<u32>,
) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
    let Some(body) = body else {
        return stream::empty().boxed_local();
    };
    let reader = match at_least {
        Some(_) => glue::bulk_reader(&body),
        None => glue::reader(&body),
    };
    stream::try_unfold(Reader(reader), move |reader| async move {
        let chunk = Awaited::start(|slot| match at_least {
            Some(bytes) => glue::next_bulk(&reader.0, bytes, slot),
            None => glue::next_chunk(&reader.0, slot),
        });
        match chunk.await {
            Ok(Value::Bytes(chunk)) => Ok(Some((Bytes::from(chunk), reader))),
            Ok(_) => Ok(None),
            Err(error) => Err(BodyError::Broken(JsFailure::from(error).into())),
        }
    })
    .boxed_local()
}

struct Reader(JsValue);

impl Drop for Reader {
    fn drop(&mut self) {
        glue::cancel(&self.0);
    }
}

impl worker::FromRequest for Request {
    fn from_raw(request: web_sys::Request) -> Result<Self, impl Into<Box<dyn std::error::Error>>> {
        request_from_js(request)
    }
}

impl worker::IntoResponse for Response {
    fn into_raw(self) -> Result<web_sys::Response, impl Into<Box<dyn std::error::Error>>> {
        response_to_js(self)
    }
}

/// Converts a response of the crate `worker`, such as a manual WebSocket upgrade.
impl From<worker::Response> for Response {
    fn from(response: worker::Response) -> Self {
        let raw = web_sys::Response::from(response);
        response_from_js(&glue::response_head(&raw), raw)
    }
}

impl TryFrom<worker::Request> for Request {
    type Error = LunoraError;

    fn try_from(request: worker::Request) -> Result<Self, LunoraError> {
        request_from_js(Clone::clone(request.inner()))
    }
}

impl TryFrom<Response> for worker::Response {
    type Error = worker::Error;

    fn try_from(response: Response) -> worker::Result<Self> {
        response_to_js(response)
            .map(Into::into)
            .map_err(|error| worker::Error::RustError(error.to_log_line()))
    }
}

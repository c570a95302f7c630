//! Requests.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use headers::{ContentLength, Header, HeaderMapExt};
use http::{Method, Uri, header, request::Parts};
use serde::de::DeserializeOwned;

use super::{Body, BodyError};
use crate::{
    errors::{Code, LunoraError},
    wire::value::{Rule, surrogate},
};

/// A request: an [`http::Request`] with a [`Body`], and shorter ways to read it.
///
/// ```
/// use lunora::Request;
///
/// let request = Request::post("https://app.example.com/rooms?limit=5", "{}")
///     .with_header("authorization", "Bearer t0ken");
/// assert_eq!(request.path(), "/rooms");
/// assert_eq!(request.query("limit").as_deref(), Some("5"));
/// assert_eq!(request.bearer(), Some("t0ken"));
/// ```
#[derive(Debug, Default)]
pub struct Request(http::Request<Body>);

impl Request {
    /// Returns a request of any method. The URL is absolute, as the platform passes it.
    ///
    /// An invalid `url` becomes `/`: this is the constructor for tests and fixed URLs. Parse a URL
    /// from outside first and pass it as a [`Uri`].
    pub fn new(method: Method, url: impl TryInto<Uri>, body: impl Into<Body>) -> Self {
        let mut request = http::Request::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = url.try_into().unwrap_or_default();
        Self(request)
    }

    /// Returns a `GET` without a body.
    pub fn get(url: impl TryInto<Uri>) -> Self {
        Self::new(Method::GET, url, Body::empty())
    }

    /// Returns a `POST`.
    pub fn post(url: impl TryInto<Uri>, body: impl Into<Body>) -> Self {
        Self::new(Method::POST, url, body)
    }

    /// Adds a header. A name or value that HTTP cannot carry is omitted.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let (Ok(name), Ok(value)) = (
            header::HeaderName::from_bytes(name.as_bytes()),
            header::HeaderValue::from_bytes(value.as_ref()),
        ) {
            self.headers_mut().append(name, value);
        }
        self
    }

    /// Returns the path of the URL, as it was sent: `/rooms`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri().path()
    }

    /// Returns the first value of a query parameter, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.uri().query()?.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns a header's first value, if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Returns a header as a type of the crate [`headers`], or `None` if it is absent or malformed.
    ///
    /// ```
    /// use lunora::Request;
    /// use lunora::headers::{ContentLength, ContentType};
    ///
    /// let request = Request::post("https://app.example.com/rooms", "{}")
    ///     .with_header("content-type", "application/json");
    /// assert_eq!(request.typed(), Some(ContentType::json()));
    /// assert_eq!(request.typed::<ContentLength>(), None);
    /// ```
    #[must_use]
    pub fn typed<H: Header>(&self) -> Option<H> {
        self.headers().typed_get()
    }

    /// Returns a header as a type of the crate [`headers`], or `None` if it is absent.
    ///
    /// ```
    /// use lunora::{LunoraError, Request, Response, headers::Range};
    ///
    /// fn serve(request: &Request) -> Result<Response, LunoraError> {
    ///     Ok(match request.try_typed::<Range>()? {
    ///         Some(_) => Response::text("one").with_status(206),
    ///         None => Response::text("one and all"),
    ///     })
    /// }
    ///
    /// let asked = |range| Request::get("https://app.example.com/").with_header("range", range);
    /// assert_eq!(serve(&asked("bytes=0-2"))?.status(), 206);
    /// assert_eq!(serve(&asked("from here")).unwrap_err().code(), "BAD_REQUEST");
    /// # Ok::<(), LunoraError>(())
    /// ```
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` if the header is malformed.
    pub fn try_typed<H: Header>(&self) -> Result<Option<H>, LunoraError> {
        self.headers().typed_try_get().map_err(|_| {
            LunoraError::bad_request(format!("the header `{}` is malformed", H::name()))
        })
    }

    /// Returns the token of `Authorization: Bearer <token>`; the scheme may have any case.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// Returns the first value of a cookie, as it was sent.
    ///
    /// A pair that is not UTF-8 is skipped and hides no other pair.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.headers()
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| str::from_utf8(pair.trim_ascii()).ok()?.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Returns whether this is a WebSocket upgrade.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.headers().get_all(header::UPGRADE).iter().any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
        })
    }

    /// Returns the length that the sender declared, in bytes.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.typed().map(|ContentLength(bytes)| bytes)
    }

    /// Reads the whole body, up to `limit` bytes.
    ///
    /// # Errors
    /// 413 `PAYLOAD_TOO_LARGE` for a larger body; 400 `BAD_REQUEST` for one that ended early.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, LunoraError> {
        std::mem::take(self.body_mut()).into_bytes(limit).await.map_err(Into::into)
    }

    /// Reads the body as JSON, up to `limit` bytes.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes); 400 `BAD_REQUEST` if the body is not JSON or not a `T`.
    pub async fn json<T: DeserializeOwned>(&mut self, limit: usize) -> Result<T, LunoraError> {
        let bytes = self.bytes(limit).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            LunoraError::bad_request(match surrogate::find(&bytes, &error) {
                Some(path) => format!("the body is not as expected: {path}: {}", Rule::Surrogate),
                None => format!("the body is not as expected: {error}"),
            })
        })
    }

    /// Splits the request into its parts.
    #[must_use]
    pub fn into_parts(self) -> (Parts, Body) {
        self.0.into_parts()
    }

    /// Returns the plain `http` form.
    #[must_use]
    pub fn into_http(self) -> http::Request<Body> {
        self.0
    }
}

impl From<BodyError> for LunoraError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::new(Code::PayloadTooLarge, "Body too large"),
            BodyError::Broken(source) => {
                Self::bad_request("the request body broke off").with_source(source)
            }
        }
    }
}

impl From<http::Request<Body>> for Request {
    fn from(request: http::Request<Body>) -> Self {
        Self(request)
    }
}

impl Deref for Request {
    type Target = http::Request<Body>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn reads_a_bearer_in_any_case_and_no_other_scheme() {
        let bearer = |value: &str| {
            Request::get("https://x.test/")
                .with_header("authorization", value)
                .bearer()
                .map(str::to_owned)
        };
        assert_eq!(bearer("bEARER  abc "), Some("abc".into()));
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn a_malformed_header_is_absent_or_refused_by_its_name() {
        let declares =
            |length: &str| Request::get("https://x.test/").with_header("content-length", length);
        assert_eq!(declares("5").content_length(), Some(5));
        assert_eq!(declares("five").content_length(), None);
        assert_eq!(declares("five").typed::<ContentLength>(), None);
        assert_eq!(declares("5").try_typed().unwrap(), Some(ContentLength(5)));
        let absent = Request::get("https://x.test/").try_typed::<ContentLength>();
        assert_eq!(absent.unwrap(), None);
        let error = declares("five").try_typed::<ContentLength>().unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(error.message(), "the header `content-length` is malformed");
    }

    #[test]
    fn finds_a_cookie_by_its_whole_name() {
        let request = Request::get("https://x.test/").with_header("cookie", "xsid=1; sid=2=3; a");
        assert_eq!(request.cookie("sid"), Some("2=3"));
        assert_eq!(request.cookie("a"), None);
    }

    #[test]
    fn a_cookie_outside_ascii_hides_no_other_cookie() {
        let request = Request::get("https://x.test/")
            .with_header("cookie", "city=S\u{e3}o Paulo; sid=ada")
            .with_header("cookie", b"latin=S\xe3o; theme=dark");
        assert_eq!(request.cookie("sid"), Some("ada"));
        assert_eq!(request.cookie("city"), Some("S\u{e3}o Paulo"));
        assert_eq!(request.cookie("latin"), None);
        assert_eq!(request.cookie("theme"), Some("dark"));
    }

    #[test]
    fn knows_an_upgrade_in_a_list_and_in_any_case() {
        let upgrade = |value: &str| {
            Request::get("https://x.test/").with_header("upgrade", value).is_upgrade()
        };
        assert!(upgrade("websocket"));
        assert!(upgrade("h2c, WebSocket"));
        assert!(!upgrade("websocket2"));
    }

    #[test]
    fn decodes_query_parameters_and_takes_the_first() {
        let request = Request::get("https://x.test/?shard=a%20b+c&shard=d&empty=");
        assert_eq!(request.query("shard").as_deref(), Some("a b c"));
        assert_eq!(request.query("empty").as_deref(), Some(""));
        assert_eq!(request.query("absent"), None);
    }
}

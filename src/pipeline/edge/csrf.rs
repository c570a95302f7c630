//! CSRF: tells requests on the user's own behalf from those of a foreign page.

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN, REFERER},
};
use serde::Serialize;

use super::{
    Origin,
    cors::CorsTables,
    origin::{self, OwnOrigin},
};

/// Protection against requests that a foreign page makes with a user's credentials. On by default.
///
/// It checks requests that may write (any method but `GET`, `HEAD` and `OPTIONS`) and WebSocket
/// upgrades, of any content type:
///
/// 1. A request with a bearer token passes if it carries nothing that a browser adds by itself: no
///    cookie, and no `Authorization` of another scheme. A page that knows the token does not need
///    the browser's credentials. The token in the URL of a live connection (`/_lunora/ws?token=`)
///    counts as one. Which pages may read an answer is decided by [`Cors`](super::Cors) alone.
/// 2. `Sec-Fetch-Site: same-origin` or `none` passes. Browsers set it, pages cannot. (Not checked
///    for upgrades, on which not every browser sends it.)
/// 3. An `Origin` that is the Worker's own, that is trusted, or that CORS lists, passes.
/// 4. Any other `Origin`, and any other `Sec-Fetch-Site`, is refused. If CORS allows every origin
///    it passes if it carries nothing that a browser adds by itself.
/// 5. Without either, a `Referer` of such an origin passes.
/// 6. With no signal at all, a request with a cookie is refused and one without passes: servers
///    and command lines send no origin, and browsers no longer do without.
///
/// A program other than a browser can send any of these headers: this is not authentication.
///
/// ```
/// use lunora::{origin, security::Csrf};
///
/// let csrf = Csrf::default().trust(origin!("https://admin.example.com"));
/// # let _ = csrf;
/// ```
#[derive(Clone, Debug)]
pub struct Csrf {
    pub(super) enabled: bool,
    trusted: Vec<Origin>,
    allow_loopback: bool,
}

impl Csrf {
    /// Turns the protection off. Only for Workers that no browser ever signs in to.
    #[must_use]
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }

    /// Trusts an origin beside the Worker's own and those that CORS lists.
    #[must_use]
    pub fn trust(mut self, origin: Origin) -> Self {
        self.trusted.push(origin);
        self
    }

    /// Sets whether pages on this machine are trusted while the Worker itself runs on it. Default:
    /// on.
    ///
    /// A development server has another port than the Worker, and so another origin.
    #[must_use]
    pub fn allow_loopback(mut self, allow: bool) -> Self {
        self.allow_loopback = allow;
        self
    }
}

impl Default for Csrf {
    fn default() -> Self {
        Self { enabled: true, trusted: Vec::new(), allow_loopback: true }
    }
}

/// The rules, applied to one request.
pub(super) struct Guard<'a> {
    pub(super) csrf: &'a Csrf,
    pub(super) cors: Option<&'a CorsTables>,
    pub(super) own: &'a OwnOrigin,
    pub(super) headers: &'a HeaderMap,
}

impl Guard<'_> {
    /// Decides on a request of `method`.
    pub(super) fn request(&self, method: &Method) -> Result<(), ForbiddenOrigin> {
        // Not `Method::is_safe`: that takes TRACE for safe as well.
        if !self.csrf.enabled || matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        if self.carries_only_a_token(None) {
            return Ok(());
        }
        match single(self.headers, &SEC_FETCH_SITE) {
            Single::One("same-origin" | "none") => Ok(()),
            Single::Absent => self.by_origin(true),
            Single::One(_) | Single::Unreadable => match single(self.headers, &ORIGIN) {
                Single::One(origin) if self.passes(origin) => Ok(()),
                Single::One(origin) => Err(self.refused(Some(origin))),
                Single::Absent | Single::Unreadable => Err(self.refused(None)),
            },
        }
    }

    /// Decides on a WebSocket upgrade; `token` is the credential in its URL, if present.
    pub(super) fn upgrade(&self, token: Option<&str>) -> Result<(), ForbiddenOrigin> {
        if !self.csrf.enabled || self.carries_only_a_token(token) {
            return Ok(());
        }
        self.by_origin(false)
    }

    fn by_origin(&self, referer_counts: bool) -> Result<(), ForbiddenOrigin> {
        match single(self.headers, &ORIGIN) {
            Single::One(origin) if self.passes(origin) => return Ok(()),
            Single::One(origin) => return Err(self.refused(Some(origin))),
            Single::Unreadable => return Err(self.refused(None)),
            Single::Absent => {}
        }
        if !self.has_cookie() {
            return Ok(());
        }
        if let (true, Single::One(referer)) = (referer_counts, single(self.headers, &REFERER)) {
            let origin = origin::of_url(referer);
            if origin.as_ref().is_some_and(|origin| self.is_trusted(origin.as_str())) {
                return Ok(());
            }
            return Err(self.refused(origin.as_ref().map(OwnOrigin::as_str)));
        }
        Err(self.refused(None))
    }

    fn passes(&self, origin: &str) -> bool {
        self.is_trusted(origin)
            || (!self.has_ambient_credentials()
                && self.cors.is_some_and(|cors| cors.allows(origin)))
    }

    fn is_trusted(&self, origin: &str) -> bool {
        origin == self.own.as_str()
            || self.csrf.trusted.iter().any(|trusted| trusted.as_str() == origin)
            || self.cors.is_some_and(|cors| cors.lists(origin))
            || (self.csrf.allow_loopback
                && self.own.is_loopback()
                && origin::is_loopback_origin(origin))
    }

    /// Returns whether a token is the request's only credential: then no browser added one by
    /// itself.
    fn carries_only_a_token(&self, in_url: Option<&str>) -> bool {
        let has_token = in_url.is_some_and(|token| !token.is_empty())
            || self.headers.get_all(AUTHORIZATION).iter().any(is_bearer);
        has_token && !self.has_ambient_credentials()
    }

    fn has_cookie(&self) -> bool {
        self.headers.contains_key(COOKIE)
    }

    /// Returns whether the request carries a credential that a browser adds by itself: a cookie, or
    /// a login that it remembers for the site. A bearer token does not count: a script adds it.
    fn has_ambient_credentials(&self) -> bool {
        self.has_cookie() || !self.headers.get_all(AUTHORIZATION).iter().all(is_bearer)
    }

    fn refused(&self, received: Option<&str>) -> ForbiddenOrigin {
        ForbiddenOrigin {
            expected: self.own.as_str().to_owned(),
            received: received.map(|origin| origin.chars().take(200).collect()),
        }
    }
}

/// Returns whether a value of `Authorization` is a bearer token.
fn is_bearer(value: &HeaderValue) -> bool {
    let token = value.as_bytes().split_at_checked(7);
    token.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case(b"bearer ") && !token.trim_ascii().is_empty()
    })
}

/// A request came from an origin that is not trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ForbiddenOrigin {
    expected: String,
    received: Option<String>,
}

impl ForbiddenOrigin {
    /// Returns the response body, which names the expected origin and the fix: a proxy in front of
    /// the Worker is a common and innocent cause.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Detail<'a>,
        }

        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Detail<'a> {
            code: &'static str,
            message: &'static str,
            expected_origin: &'a str,
            received_origin: Option<&'a str>,
        }

        let body = Body {
            error: Detail {
                code: "FORBIDDEN_ORIGIN",
                message: "The request comes from an origin that is not trusted; \
                          trust it by LUNORA_ALLOWED_ORIGINS, `Cors::origins` or `Csrf::trust`",
                expected_origin: &self.expected,
                received_origin: self.received.as_deref(),
            },
        };
        // Strings can always be written.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// A header that counts only if it occurs once and is readable.
enum Single<'a> {
    Absent,
    One(&'a str),
    Unreadable,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => value.to_str().map_or(Single::Unreadable, Single::One),
        (Some(_), Some(_)) => Single::Unreadable,
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

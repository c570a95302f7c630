//! The other origins that may read responses.

use std::{marker::PhantomData, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
        ORIGIN, VARY,
    },
};

use super::Origin;

/// The other origins that may read responses. Default: no other origin.
///
/// The headers that Lunora's clients send and read are always allowed and exposed: they are part of
/// the wire.
///
/// ```
/// use lunora::{origin, security::Cors};
///
/// let cors = Cors::origins([origin!("https://app.example.com")]).allow_credentials();
/// # let _ = cors;
/// ```
///
/// Credentials for everybody do not compile:
///
/// ```compile_fail,E0277
/// // error: credentials cannot be allowed for every origin
/// lunora::security::Cors::any_origin().allow_credentials();
/// ```
#[derive(Clone, Debug)]
pub struct Cors<Origins = ListedOrigins> {
    pub(super) rules: CorsRules,
    origins: PhantomData<Origins>,
}

/// The origins of a [`Cors`] are a list.
#[derive(Clone, Copy, Debug)]
pub struct ListedOrigins;

/// The origins of a [`Cors`] are every origin.
#[derive(Clone, Copy, Debug)]
pub struct AnyOrigin;

/// Origins that credentials can be allowed for.
#[diagnostic::on_unimplemented(
    message = "credentials cannot be allowed for every origin",
    label = "list the origins instead: `Cors::origins([..]).allow_credentials()`",
    note = "any page on the web could then read a signed-in user's data; browsers refuse it as well"
)]
pub trait AllowsCredentials {}

#[diagnostic::do_not_recommend]
impl AllowsCredentials for ListedOrigins {}

impl Cors {
    /// Allows no other origin.
    #[must_use]
    pub fn deny() -> Self {
        Self::of(Allowed::NoOrigin)
    }

    /// Allows these origins and no others. CSRF protection trusts them as well.
    pub fn origins(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self::of(Allowed::Listed(origins.into_iter().collect()))
    }
}

impl Cors<AnyOrigin> {
    /// Allows every origin, without credentials, for a public API. CSRF protection trusts no origin
    /// because of it.
    #[must_use]
    pub fn any_origin() -> Self {
        Self::of(Allowed::Anybody)
    }
}

impl<Origins> Cors<Origins> {
    /// Lets scripts of these origins send cookies and read the responses. Default: off.
    #[must_use]
    pub fn allow_credentials(mut self) -> Self
    where
        Origins: AllowsCredentials,
    {
        self.rules.credentials = true;
        self
    }

    /// Sets the allowed methods. Default: `DELETE, GET, HEAD, PATCH, POST, PUT`.
    #[must_use]
    pub fn allow_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        let methods: Vec<Method> = methods.into_iter().collect();
        self.rules.methods = joined(methods.iter().map(Method::as_str));
        self
    }

    /// Allows request headers beside those of the wire.
    #[must_use]
    pub fn allow_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.rules.allowed.extend(names);
        self
    }

    /// Lets scripts read response headers beside those of the wire.
    #[must_use]
    pub fn expose_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let names: Vec<HeaderName> = names.into_iter().collect();
        let before = self.rules.exposed.to_str().unwrap_or_default();
        self.rules.exposed =
            joined([before].into_iter().chain(names.iter().map(HeaderName::as_str)));
        self
    }

    /// Sets how long a browser may cache the response to a preflight, in whole seconds. Default:
    /// 600 s.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.rules.max_age = max_age;
        self
    }

    fn of(allowed: Allowed) -> Self {
        Self { rules: CorsRules::of(allowed), origins: PhantomData }
    }
}

impl Default for Cors {
    fn default() -> Self {
        Self::deny()
    }
}

/// The rules of a [`Cors`] of any kind of origins.
#[derive(Clone, Debug)]
pub(super) struct CorsRules {
    pub(super) origins: Allowed,
    pub(super) credentials: bool,
    methods: HeaderValue,
    /// Beside those of the wire.
    allowed: Vec<HeaderName>,
    exposed: HeaderValue,
    max_age: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Allowed {
    NoOrigin,
    Listed(Vec<Origin>),
    Anybody,
}

impl CorsRules {
    pub(super) fn of(origins: Allowed) -> Self {
        Self {
            origins,
            credentials: false,
            methods: HeaderValue::from_static("DELETE, GET, HEAD, PATCH, POST, PUT"),
            allowed: Vec::new(),
            exposed: HeaderValue::from_static(WIRE_RESPONSE_HEADERS),
            max_age: Duration::from_secs(600),
        }
    }
}

/// The rules, ready to be applied.
pub(super) struct CorsTables {
    origins: Allowed,
    credentials: bool,
    methods: HeaderValue,
    allowed: Vec<HeaderName>,
    exposed: HeaderValue,
    max_age: HeaderValue,
}

impl CorsTables {
    /// Returns the tables of `rules`, or `None` if no other origin is allowed.
    pub(super) fn of(rules: &CorsRules) -> Option<Self> {
        if matches!(&rules.origins, Allowed::NoOrigin)
            || rules.origins == Allowed::Listed(Vec::new())
        {
            return None;
        }
        Some(Self {
            origins: rules.origins.clone(),
            credentials: rules.credentials,
            methods: rules.methods.clone(),
            allowed: rules.allowed.clone(),
            exposed: rules.exposed.clone(),
            max_age: rules.max_age.as_secs().into(),
        })
    }

    /// Returns whether scripts of `origin` may read responses.
    pub(super) fn allows(&self, origin: &str) -> bool {
        match &self.origins {
            Allowed::NoOrigin => false,
            Allowed::Anybody => true,
            Allowed::Listed(_) => self.lists(origin),
        }
    }

    /// Returns whether `origin` was listed; an origin that only "every origin" allows is not.
    pub(super) fn lists(&self, origin: &str) -> bool {
        matches!(&self.origins, Allowed::Listed(listed) if listed.iter().any(|known| known.as_str() == origin))
    }

    /// Returns the headers of the response to a preflight.
    pub(super) fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static(PREFLIGHT_VARY));
        let Some(origin) = self.allowed_origin(request) else {
            return headers;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        self.insert_credentials(&mut headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        let asked = self.asked_and_allowed(request);
        if !asked.is_empty() {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, joined(asked));
        }
        headers
    }

    /// Lets the scripts of an allowed origin read an answer.
    ///
    /// `Vary: Origin` is always set; otherwise a cache would serve one origin's response to
    /// another.
    pub(super) fn decorate(&self, request_origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        append_vary_origin(headers);
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        let Some(origin) = request_origin.and_then(|origin| self.grant(origin)) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        self.insert_credentials(headers);
        headers.entry(ACCESS_CONTROL_EXPOSE_HEADERS).or_insert_with(|| self.exposed.clone());
    }

    fn allowed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = request.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => self.grant(origin),
            _ => None,
        }
    }

    fn grant(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.origins == Allowed::Anybody {
            return Some(HeaderValue::from_static("*"));
        }
        self.lists(origin.to_str().ok()?).then(|| origin.clone())
    }

    fn insert_credentials(&self, headers: &mut HeaderMap) {
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    fn asked_and_allowed<'a>(&self, request: &'a HeaderMap) -> Vec<&'a str> {
        request
            .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
            .iter()
            .filter_map(|names| names.to_str().ok())
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| {
                let others = self.allowed.iter().map(HeaderName::as_str);
                let mut allowed = WIRE_REQUEST_HEADERS.into_iter().chain(others);
                allowed.any(|known| known.eq_ignore_ascii_case(name))
            })
            .collect()
    }
}

/// Returns whether a request is a preflight: `OPTIONS` alone is not.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn append_vary_origin(headers: &mut HeaderMap) {
    let covered = headers
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| matches!(name.trim(), "*") || name.trim().eq_ignore_ascii_case("origin"));
    if !covered {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

/// Names and methods are tokens, and a list of tokens is a header value.
fn joined<'a>(tokens: impl IntoIterator<Item = &'a str>) -> HeaderValue {
    let tokens: Vec<&str> = tokens.into_iter().collect();
    HeaderValue::try_from(tokens.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

const PREFLIGHT_VARY: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// Request headers that clients send.
const WIRE_REQUEST_HEADERS: [&str; 10] = [
    "authorization",
    "content-type",
    "x-d1-bookmark",
    "x-lunora-base-seq",
    "x-lunora-client-id",
    "x-lunora-client-seq",
    "x-lunora-expect-subject",
    "x-lunora-min-seq",
    "x-lunora-mutation-id",
    "x-lunora-shard-key",
];

/// Response headers that clients read.
const WIRE_RESPONSE_HEADERS: &str = "x-d1-bookmark, x-lunora-edge-cache, x-lunora-shard-key";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

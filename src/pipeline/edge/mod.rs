//! The edge: it protects users from other origins, and responses from being misread.
//!
//! The decisions are pure functions over headers ([`headers`], [`cors`], [`csrf`]); this file
//! combines them from the code's settings and, for settings that the code leaves open, from the
//! environment.

mod cors;
mod csrf;
mod headers;
mod origin;

use http::{HeaderValue, header};

pub(crate) use self::csrf::ForbiddenOrigin;
use self::{
    cors::{Allowed, CorsRules, CorsTables, is_preflight},
    csrf::Guard,
    headers::HeaderTables,
    origin::OwnOrigin,
};
pub use self::{
    cors::{AllowsCredentials, AnyOrigin, Cors, ListedOrigins},
    csrf::Csrf,
    headers::{FrameOptions, SecurityHeader, SecurityHeaders},
    origin::{Origin, OriginError},
};
use crate::{
    message::{Request, Response},
    wire::paths,
};

/// Response headers, CORS and CSRF protection, with secure defaults.
///
/// The environment may set what the code does not: `LUNORA_SECURITY_HEADERS` and
/// `LUNORA_SECURITY_CSRF` switch a layer off (`off`, `false`, `0`, `no`, `disabled`);
/// `LUNORA_ALLOWED_ORIGINS` lists origins for CORS, separated by commas, or is `*`;
/// `LUNORA_CORS_ALLOW_CREDENTIALS` allows their credentials (`1`, `true`, `on`, `yes`, `enabled`),
/// except beside `*`.
///
/// ```
/// use lunora::{origin, security::{Cors, Security, SecurityHeaders}};
///
/// let security = Security::default()
///     .cors(Cors::origins([origin!("https://app.example.com")]).allow_credentials())
///     .headers(SecurityHeaders::default().hsts_preload());
/// # let _ = security;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Security {
    headers: Option<SecurityHeaders>,
    cors: Option<CorsRules>,
    csrf: Option<Csrf>,
}

impl Security {
    /// Sets the response headers. Default: all of them.
    #[must_use]
    pub fn headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets which other origins may read responses. Default: no other origin.
    #[must_use]
    pub fn cors<Origins>(mut self, cors: Cors<Origins>) -> Self {
        self.cors = Some(cors.rules);
        self
    }

    /// Sets the protection against cross-site request forgery. Default: on.
    #[must_use]
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = Some(csrf);
        self
    }
}

/// The edge of a deployment, ready for requests.
pub(crate) struct Edge {
    headers: Option<HeaderTables>,
    cors: Option<CorsTables>,
    csrf: Csrf,
}

/// The facts of a request that the edge needs after the request was consumed.
#[derive(Default)]
pub(crate) struct RequestFacts {
    https: bool,
    plane: bool,
    preflight: bool,
    origin: Option<HeaderValue>,
}

impl RequestFacts {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            https: request.uri().scheme_str() == Some("https"),
            plane: request.path().starts_with(paths::PLANE),
            preflight: is_preflight(request.method(), request.headers()),
            origin: request.headers().get(header::ORIGIN).cloned(),
        }
    }

    /// Returns the facts of a call to `POST /_lunora/rpc`.
    pub(crate) fn of_a_call(https: bool, origin: Option<HeaderValue>) -> Self {
        Self { https, plane: true, preflight: false, origin }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    pub(crate) fn origin(&self) -> Option<&HeaderValue> {
        self.origin.as_ref()
    }
}

impl Edge {
    /// Returns the edge of `settings`, with the environment for settings that the code leaves open.
    /// The warnings are for the log.
    pub(crate) fn resolve(
        settings: &Security,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let off = |name| env(name).is_some_and(|word| is_off(&word));
        let headers = settings.headers.clone().unwrap_or_else(|| {
            if off("LUNORA_SECURITY_HEADERS") {
                SecurityHeaders::off()
            } else {
                SecurityHeaders::default()
            }
        });
        let csrf = settings.csrf.clone().unwrap_or_else(|| {
            if off("LUNORA_SECURITY_CSRF") { Csrf::off() } else { Csrf::default() }
        });
        let cors = settings.cors.clone().unwrap_or_else(|| cors_from_env(env, &mut warnings));
        let edge = Self { headers: HeaderTables::of(&headers), cors: CorsTables::of(&cors), csrf };
        (edge, warnings)
    }

    /// Answers a preflight. If no other origin is allowed, `OPTIONS` is an ordinary request.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let cors = self.cors.as_ref()?;
        is_preflight(request.method(), request.headers()).then(|| {
            let mut response = Response::empty().with_status(204);
            *response.headers_mut() = cors.preflight(request.headers());
            response
        })
    }

    /// Refuses a request that a foreign page may have sent with a user's credentials.
    pub(crate) fn guard(&self, request: &Request) -> Result<(), ForbiddenOrigin> {
        let own = OwnOrigin::of(request.uri());
        self.guard_of(&own, request).request(request.method())
    }

    /// Refuses a socket that a foreign page may have opened with a user's credentials.
    pub(crate) fn guard_upgrade(&self, request: &Request) -> Result<(), ForbiddenOrigin> {
        let own = OwnOrigin::of(request.uri());
        self.guard_of(&own, request).upgrade(None)
    }

    /// Guards as [`guard_upgrade`](Self::guard_upgrade) does, for a socket whose URL may hold a
    /// credential.
    pub(crate) fn guard_live(&self, request: &Request) -> Result<(), ForbiddenOrigin> {
        let own = OwnOrigin::of(request.uri());
        self.guard_of(&own, request).upgrade(request.query("token").as_deref())
    }

    /// Adds the headers that a response lacks. An upgrade is not changed.
    pub(crate) fn decorate(&self, facts: &RequestFacts, response: &mut Response) {
        if response.status() == 101 {
            return;
        }
        if let Some(headers) = &self.headers {
            headers.set(response.headers_mut(), facts.https, facts.plane);
        }
        if let (Some(cors), false) = (&self.cors, facts.preflight) {
            cors.decorate(facts.origin.as_ref(), response.headers_mut());
        }
    }

    fn guard_of<'a>(&'a self, own: &'a OwnOrigin, request: &'a Request) -> Guard<'a> {
        Guard { csrf: &self.csrf, cors: self.cors.as_ref(), own, headers: request.headers() }
    }
}

// Kept out of `resolve`, which each Worker that starts runs: most set CORS in the code.
#[inline(never)]
fn cors_from_env(env: &dyn Fn(&str) -> Option<String>, warnings: &mut Vec<String>) -> CorsRules {
    let listed = env("LUNORA_ALLOWED_ORIGINS").unwrap_or_default();
    let words: Vec<&str> =
        listed.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let credentials = env("LUNORA_CORS_ALLOW_CREDENTIALS").is_some_and(|word| is_on(&word));
    if words.contains(&"*") {
        if credentials {
            warnings.push(
                "LUNORA_CORS_ALLOW_CREDENTIALS is ignored: LUNORA_ALLOWED_ORIGINS is `*`"
                    .to_owned(),
            );
        }
        return CorsRules::of(Allowed::Anybody);
    }
    let origins = words
        .into_iter()
        .filter_map(|word| match word.parse() {
            Ok(origin) => Some(origin),
            Err(error) => {
                warnings.push(format!("LUNORA_ALLOWED_ORIGINS: `{word}` is ignored: {error}"));
                None
            }
        })
        .collect();
    let mut rules = CorsRules::of(Allowed::Listed(origins));
    rules.credentials = credentials;
    rules
}

fn is_off(word: &str) -> bool {
    matches!(word.trim().to_ascii_lowercase().as_str(), "0" | "disabled" | "false" | "no" | "off")
}

fn is_on(word: &str) -> bool {
    matches!(word.trim().to_ascii_lowercase().as_str(), "1" | "enabled" | "on" | "true" | "yes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edge(settings: &Security, vars: &[(&str, &str)]) -> (Edge, Vec<String>) {
        Edge::resolve(settings, &|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn answered(edge: &Edge, request: &Request) -> Response {
        let mut response = Response::text("x");
        edge.decorate(&RequestFacts::of(request), &mut response);
        response
    }

    fn from(origin: &str) -> Request {
        Request::post("https://api.example.com/_lunora/rpc", "").with_header("origin", origin)
    }

    #[test]
    fn the_environment_decides_what_the_code_leaves_open() {
        let vars = [
            ("LUNORA_SECURITY_HEADERS", "OFF"),
            ("LUNORA_SECURITY_CSRF", "0"),
            ("LUNORA_ALLOWED_ORIGINS", " https://a.example ,https://b.example/, "),
            ("LUNORA_CORS_ALLOW_CREDENTIALS", "yes"),
        ];
        let (open, warnings) = edge(&Security::default(), &vars);
        let response = answered(&open, &from("https://a.example"));
        assert_eq!(response.headers()["access-control-allow-origin"], "https://a.example");
        assert_eq!(response.headers()["access-control-allow-credentials"], "true");
        assert!(!response.headers().contains_key("x-frame-options"));
        assert!(open.guard(&from("https://evil.example").with_header("cookie", "s=1")).is_ok());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("https://b.example/"));
    }

    #[test]
    fn an_application_listed_in_the_environment_may_read_answers() {
        let vars = [
            ("LUNORA_ALLOWED_ORIGINS", "tauri://localhost, chrome-extension://abcd"),
            ("LUNORA_CORS_ALLOW_CREDENTIALS", "1"),
        ];
        let (edge, warnings) = edge(&Security::default(), &vars);
        for origin in ["tauri://localhost", "chrome-extension://abcd"] {
            let response = answered(&edge, &from(origin));
            assert_eq!(response.headers()["access-control-allow-origin"], origin);
            assert!(edge.guard(&from(origin).with_header("cookie", "s=1")).is_ok());
        }
        let foreign = answered(&edge, &from("tauri://evil"));
        assert!(!foreign.headers().contains_key("access-control-allow-origin"));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn the_code_wins_over_the_environment() {
        let settings = Security::default()
            .headers(SecurityHeaders::default())
            .csrf(Csrf::default())
            .cors(Cors::deny());
        let vars = [
            ("LUNORA_SECURITY_HEADERS", "off"),
            ("LUNORA_SECURITY_CSRF", "off"),
            ("LUNORA_ALLOWED_ORIGINS", "*"),
        ];
        let (closed, _) = edge(&settings, &vars);
        let response = answered(&closed, &from("https://a.example"));
        assert!(response.headers().contains_key("x-frame-options"));
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        assert!(closed.guard(&from("https://a.example").with_header("cookie", "s=1")).is_err());
    }

    #[test]
    fn a_wildcard_from_the_environment_loses_its_credentials() {
        let vars = [("LUNORA_ALLOWED_ORIGINS", "*"), ("LUNORA_CORS_ALLOW_CREDENTIALS", "true")];
        let (open, warnings) = edge(&Security::default(), &vars);
        let response = answered(&open, &from("https://a.example"));
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn an_upgrade_is_left_alone() {
        let (edge, _) = edge(&Security::default().cors(Cors::any_origin()), &[]);
        let mut response = Response::empty().with_status(101);
        edge.decorate(&RequestFacts::of(&from("https://a.example")), &mut response);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn where_cors_is_off_a_preflight_is_a_request_like_others() {
        let (edge, _) = edge(&Security::default(), &[]);
        let request = Request::new(http::Method::OPTIONS, "https://api.example.com/", "")
            .with_header("origin", "https://a.example")
            .with_header("access-control-request-method", "POST");
        assert!(edge.preflight(&request).is_none());
    }

    proptest! {
        #[test]
        fn no_variable_can_break_the_edge(value in ".*") {
            for name in ["LUNORA_SECURITY_HEADERS", "LUNORA_SECURITY_CSRF", "LUNORA_ALLOWED_ORIGINS", "LUNORA_CORS_ALLOW_CREDENTIALS"] {
                let _ = edge(&Security::default(), &[(name, &value)]);
            }
        }
    }
}

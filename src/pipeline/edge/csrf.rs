//! Was a request made on the user's own behalf, or by a foreign page in the user's name?

use http::{
    HeaderMap, Method,
    header::{COOKIE, HeaderName, ORIGIN, REFERER},
};
use serde::Serialize;

use super::{
    Origin,
    cors::CorsTables,
    origin::{self, OwnOrigin},
};

/// Protection against requests that a foreign page makes in a user's name. On by default.
///
/// It looks at requests that change something (any method but `GET`, `HEAD` and `OPTIONS`) and at
/// WebSocket upgrades, whatever their content type:
///
/// 1. `Sec-Fetch-Site: same-origin` or `none` passes. Browsers set it, pages cannot. (Not asked of
///    upgrades, on which not every browser sends it.)
/// 2. An `Origin` that is the Worker's own, that is trusted, or that CORS lists, passes.
/// 3. Any other `Origin`, and any other `Sec-Fetch-Site`, is refused; without a cookie it passes
///    where CORS allows every origin, for such a request carries nothing that a page could abuse.
/// 4. Without either, a `Referer` of such an origin passes.
/// 5. With no signal at all, a request with a cookie is refused and one without passes: servers
///    and command lines send no origin, and browsers no longer do without.
///
/// A program that is no browser can send any of these headers: this is no authentication.
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
    /// No protection. Only for Workers that no browser ever signs in to.
    #[must_use]
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }

    /// Trusts an origin beside the Worker's own and those that CORS lists.
    #[must_use]
    pub fn trust(mut self, origin: Origin) -> Self {
        self.trusted.push(origin);
        self
    }

    /// Whether pages on this machine are trusted while the Worker itself runs on it. Default: on.
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
        Self {
            enabled: true,
            trusted: Vec::new(),
            allow_loopback: true,
        }
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

    /// Decides on a WebSocket upgrade.
    pub(super) fn upgrade(&self) -> Result<(), ForbiddenOrigin> {
        if self.csrf.enabled {
            self.by_origin(false)
        } else {
            Ok(())
        }
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
            if origin
                .as_ref()
                .is_some_and(|origin| self.is_trusted(origin.as_str()))
            {
                return Ok(());
            }
            return Err(self.refused(origin.as_ref().map(OwnOrigin::as_str)));
        }
        Err(self.refused(None))
    }

    fn passes(&self, origin: &str) -> bool {
        self.is_trusted(origin)
            || (!self.has_cookie() && self.cors.is_some_and(|cors| cors.allows(origin)))
    }

    fn is_trusted(&self, origin: &str) -> bool {
        origin == self.own.as_str()
            || self
                .csrf
                .trusted
                .iter()
                .any(|trusted| trusted.as_str() == origin)
            || self.cors.is_some_and(|cors| cors.lists(origin))
            || (self.csrf.allow_loopback
                && self.own.is_loopback()
                && origin::is_loopback_origin(origin))
    }

    fn has_cookie(&self) -> bool {
        self.headers.contains_key(COOKIE)
    }

    fn refused(&self, received: Option<&str>) -> ForbiddenOrigin {
        ForbiddenOrigin {
            expected: self.own.as_str().to_owned(),
            received: received.map(|origin| origin.chars().take(200).collect()),
        }
    }
}

/// A request came from an origin that is not trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ForbiddenOrigin {
    expected: String,
    received: Option<String>,
}

impl ForbiddenOrigin {
    /// The body of the answer, which says what was expected and what to change: a proxy before
    /// the Worker is a common and innocent reason.
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
        // Strings alone: there is nothing here that cannot be written.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// A header that counts only if it is there once and readable.
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
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::{
        super::{Cors, cors::CorsTables},
        *,
    };

    const OWN: &str = "https://api.example.com/_lunora/rpc";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn ask(
        url: &str,
        csrf: &Csrf,
        cors: Option<&CorsTables>,
        headers: &HeaderMap,
        method: Option<&Method>,
    ) -> bool {
        let own = OwnOrigin::of(&url.parse().unwrap());
        let guard = Guard {
            csrf,
            cors,
            own: &own,
            headers,
        };
        match method {
            Some(method) => guard.request(method),
            None => guard.upgrade(),
        }
        .is_ok()
    }

    fn post(pairs: &[(&'static str, &'static str)]) -> bool {
        ask(
            OWN,
            &Csrf::default(),
            None,
            &headers(pairs),
            Some(&Method::POST),
        )
    }

    #[test]
    fn the_table_of_signals() {
        let own = ("origin", "https://api.example.com");
        let evil = ("origin", "https://evil.example");
        let cookie = ("cookie", "sid=1");
        for (pairs, passes) in [
            (&[][..], true),
            (&[cookie], false),
            (&[own], true),
            (&[cookie, own], true),
            (&[evil], false),
            (&[cookie, evil], false),
            (&[cookie, ("origin", "null")], false),
            (&[cookie, ("origin", "")], false),
            (&[cookie, ("origin", "http://api.example.com")], false),
            (&[cookie, ("origin", "https://api.example.com:8443")], false),
            (
                &[cookie, ("origin", "https://api.example.com.evil.example")],
                false,
            ),
            (&[cookie, ("sec-fetch-site", "same-origin")], true),
            (&[cookie, ("sec-fetch-site", "none")], true),
            (&[cookie, ("sec-fetch-site", "same-site")], false),
            (&[cookie, ("sec-fetch-site", "cross-site")], false),
            (&[cookie, ("sec-fetch-site", "anything")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[cookie, own, ("sec-fetch-site", "cross-site")], true),
            (&[cookie, evil, ("sec-fetch-site", "same-site")], false),
            (
                &[cookie, ("referer", "https://api.example.com/page?x")],
                true,
            ),
            (&[cookie, ("referer", "https://evil.example/")], false),
            (
                &[cookie, ("referer", "https://api.example.com.evil.example/")],
                false,
            ),
            (&[cookie, ("referer", "not a url")], false),
        ] {
            assert_eq!(post(pairs), passes, "{pairs:?}");
        }
    }

    #[test]
    fn no_content_type_is_exempt() {
        for content_type in ["application/json", "text/plain", "multipart/form-data", ""] {
            assert!(!post(&[
                ("cookie", "sid=1"),
                ("content-type", content_type),
                ("sec-fetch-site", "cross-site")
            ]));
        }
    }

    #[test]
    fn a_signal_that_is_there_twice_is_no_signal() {
        let mut doubled = headers(&[("cookie", "sid=1"), ("origin", "https://api.example.com")]);
        doubled.append(ORIGIN, HeaderValue::from_static("https://api.example.com"));
        assert!(!ask(
            OWN,
            &Csrf::default(),
            None,
            &doubled,
            Some(&Method::POST)
        ));
        let mut doubled = headers(&[("cookie", "sid=1"), ("sec-fetch-site", "same-origin")]);
        doubled.append(SEC_FETCH_SITE, HeaderValue::from_static("same-origin"));
        assert!(!ask(
            OWN,
            &Csrf::default(),
            None,
            &doubled,
            Some(&Method::POST)
        ));
    }

    #[test]
    fn reading_passes_and_every_other_method_is_looked_at() {
        let evil = headers(&[("cookie", "sid=1"), ("origin", "https://evil.example")]);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(ask(OWN, &Csrf::default(), None, &evil, Some(&method)));
        }
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
            Method::CONNECT,
        ] {
            assert!(!ask(OWN, &Csrf::default(), None, &evil, Some(&method)));
        }
    }

    #[test]
    fn what_cors_lists_is_trusted_and_a_wildcard_trusts_nobody_with_a_cookie() {
        let listed =
            CorsTables::of(&Cors::origins([crate::origin!("https://app.example.com")]).rules)
                .unwrap();
        let anybody = CorsTables::of(&Cors::any_origin().rules).unwrap();
        let with = |cors: &CorsTables, pairs: &[(&'static str, &'static str)]| {
            ask(
                OWN,
                &Csrf::default(),
                Some(cors),
                &headers(pairs),
                Some(&Method::POST),
            )
        };
        let app = [
            ("cookie", "sid=1"),
            ("origin", "https://app.example.com"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(with(&listed, &app));
        assert!(!with(&anybody, &app));
        assert!(with(&anybody, &app[1..]));
        assert!(!with(&listed, &[("origin", "https://evil.example")]));
        assert!(!with(
            &anybody,
            &[("cookie", "sid=1"), ("sec-fetch-site", "cross-site")]
        ));
    }

    #[test]
    fn a_local_page_is_trusted_by_a_local_worker_only() {
        let vite = headers(&[("cookie", "sid=1"), ("origin", "http://localhost:5173")]);
        let local = "http://127.0.0.1:8787/";
        assert!(ask(
            local,
            &Csrf::default(),
            None,
            &vite,
            Some(&Method::POST)
        ));
        assert!(!ask(
            local,
            &Csrf::default().allow_loopback(false),
            None,
            &vite,
            Some(&Method::POST)
        ));
        assert!(!ask(
            OWN,
            &Csrf::default(),
            None,
            &vite,
            Some(&Method::POST)
        ));
    }

    #[test]
    fn an_upgrade_is_judged_by_its_origin() {
        let upgrade = |pairs: &[(&'static str, &'static str)]| {
            ask(OWN, &Csrf::default(), None, &headers(pairs), None)
        };
        assert!(upgrade(&[]));
        assert!(upgrade(&[
            ("cookie", "sid=1"),
            ("origin", "https://api.example.com")
        ]));
        assert!(!upgrade(&[
            ("cookie", "sid=1"),
            ("origin", "https://evil.example")
        ]));
        assert!(!upgrade(&[("origin", "https://evil.example")]));
        assert!(!upgrade(&[("cookie", "sid=1")]));
        assert!(!upgrade(&[
            ("cookie", "sid=1"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!upgrade(&[
            ("cookie", "sid=1"),
            ("referer", "https://api.example.com/")
        ]));
    }

    #[test]
    fn off_is_off() {
        assert!(ask(
            OWN,
            &Csrf::off(),
            None,
            &headers(&[("cookie", "s"), ("origin", "null")]),
            Some(&Method::POST)
        ));
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_escapes_what_came() {
        let own = OwnOrigin::of(&OWN.parse().unwrap());
        let hostile = format!("\"}}</script>{}", "x".repeat(1000));
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::try_from(hostile).unwrap());
        let guard = Guard {
            csrf: &Csrf::default(),
            cors: None,
            own: &own,
            headers: &headers,
        };
        let json: serde_json::Value =
            serde_json::from_str(&guard.request(&Method::POST).unwrap_err().to_json()).unwrap();
        assert_eq!(json["error"]["code"], "FORBIDDEN_ORIGIN");
        assert_eq!(json["error"]["expectedOrigin"], "https://api.example.com");
        assert_eq!(json["error"]["receivedOrigin"].as_str().unwrap().len(), 200);
    }

    proptest! {
        #[test]
        fn a_cookie_of_a_foreign_page_never_passes(origin in proptest::collection::vec(any::<u8>(), 0..40), site in "same-site|cross-site") {
            if let Ok(origin) = HeaderValue::from_bytes(&origin) {
                let mut headers = headers(&[("cookie", "sid=1")]);
                headers.insert(SEC_FETCH_SITE, HeaderValue::try_from(site).unwrap());
                headers.insert(ORIGIN, origin.clone());
                prop_assert_eq!(
                    ask(OWN, &Csrf::default(), None, &headers, Some(&Method::POST)),
                    origin == "https://api.example.com"
                );
            }
        }
    }
}

//! Response headers that protect the reader of a response.

use http::{
    HeaderMap, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// Response headers that protect the reader of a response. All are on by default.
///
/// A header is set only if the response lacks it: a header of a route or a shard wins. An upgrade
/// (101) is never touched.
///
/// | header | data | pages (`text/html`) |
/// |---|---|---|
/// | `Strict-Transport-Security`, over https only | `max-age=31536000; includeSubDomains` | the same |
/// | `X-Content-Type-Options` | `nosniff` | the same |
/// | `Content-Security-Policy` | nothing at all | no foreign base, no plug-ins, frames as below |
/// | `X-Frame-Options` | `DENY` | `SAMEORIGIN` |
/// | `Referrer-Policy` | `no-referrer` | `strict-origin-when-cross-origin` |
/// | `Cross-Origin-Opener-Policy` | `same-origin` | the same |
/// | `Cross-Origin-Resource-Policy` | `same-origin` | the same |
/// | `Permissions-Policy` | no camera, microphone, location, … | the same |
/// | `Cache-Control`, below `/_lunora/` only | `no-store` | the same |
///
/// ```
/// use lunora::security::{FrameOptions, SecurityHeader, SecurityHeaders};
///
/// let headers = SecurityHeaders::default()
///     .hsts_preload()
///     .page_frames(FrameOptions::Deny)
///     .without(SecurityHeader::PermissionsPolicy);
/// # let _ = headers;
/// ```
#[derive(Clone, Debug, Default)]
pub struct SecurityHeaders {
    off: bool,
    page_frames: FrameOptions,
    hsts_preload: bool,
    overrides: Vec<(SecurityHeader, Option<HeaderValue>)>,
}

impl SecurityHeaders {
    /// Turns all of them off.
    #[must_use]
    pub fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// Leaves one header out. Without [`SecurityHeader::FrameOptions`], `Content-Security-Policy`
    /// does not restrict frames on pages either.
    #[must_use]
    pub fn without(mut self, header: SecurityHeader) -> Self {
        self.overrides.push((header, None));
        self
    }

    /// Sets one header to another value, on data and pages alike. The last call for a header wins.
    #[must_use]
    pub fn with(mut self, header: SecurityHeader, value: HeaderValue) -> Self {
        self.overrides.push((header, Some(value)));
        self
    }

    /// Sets which sites may show pages in a frame. Default: the same origin.
    ///
    /// `Content-Security-Policy` says the same.
    #[must_use]
    pub fn page_frames(mut self, frames: FrameOptions) -> Self {
        self.page_frames = frames;
        self
    }

    /// Asks browsers to preload the domain as https-only. Default: off.
    ///
    /// It binds every subdomain, and leaving the list takes months.
    #[must_use]
    pub fn hsts_preload(mut self) -> Self {
        self.hsts_preload = true;
        self
    }
}

/// The sites that may show a page in a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FrameOptions {
    /// No site.
    Deny,
    /// Pages of the same origin.
    #[default]
    SameOrigin,
}

/// One of the headers of [`SecurityHeaders`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SecurityHeader {
    /// `Strict-Transport-Security`
    StrictTransportSecurity,
    /// `X-Content-Type-Options`
    ContentTypeOptions,
    /// `Content-Security-Policy`
    ContentSecurityPolicy,
    /// `X-Frame-Options`
    FrameOptions,
    /// `Referrer-Policy`
    ReferrerPolicy,
    /// `Cross-Origin-Opener-Policy`
    CrossOriginOpenerPolicy,
    /// `Cross-Origin-Resource-Policy`
    CrossOriginResourcePolicy,
    /// `Permissions-Policy`
    PermissionsPolicy,
    /// `Cache-Control: no-store` below `/_lunora/`
    CacheControl,
}

/// The headers, ready to be set.
pub(super) struct HeaderTables {
    data: Vec<Entry>,
    pages: Vec<Entry>,
}

struct Entry {
    name: HeaderName,
    value: HeaderValue,
    only: Only,
}

#[derive(Clone, Copy, PartialEq)]
enum Only {
    Always,
    Https,
    Plane,
}

impl HeaderTables {
    /// Returns the tables of `settings`, or `None` if the layer is off.
    pub(super) fn of(settings: &SecurityHeaders) -> Option<Self> {
        (!settings.off).then(|| Self { data: settings.table(false), pages: settings.table(true) })
    }

    /// Sets the headers that a response lacks.
    pub(super) fn set(&self, headers: &mut HeaderMap, https: bool, plane: bool) {
        let table = if is_html(headers) { &self.pages } else { &self.data };
        for entry in table {
            let wanted = match entry.only {
                Only::Always => true,
                Only::Https => https,
                Only::Plane => plane,
            };
            if wanted && !headers.contains_key(&entry.name) {
                headers.insert(entry.name.clone(), entry.value.clone());
            }
        }
    }
}

impl SecurityHeaders {
    fn table(&self, page: bool) -> Vec<Entry> {
        use SecurityHeader as H;
        let hsts = if self.hsts_preload {
            "max-age=31536000; includeSubDomains; preload"
        } else {
            "max-age=31536000; includeSubDomains"
        };
        let same_frames = page && self.page_frames == FrameOptions::SameOrigin;
        let (frames, csp) = match (page, same_frames) {
            (false, _) => ("DENY", DATA_CSP),
            (true, true) => ("SAMEORIGIN", PAGE_CSP_SAME_ORIGIN),
            (true, false) => ("DENY", PAGE_CSP_NO_FRAMES),
        };
        let referrer = if page { "strict-origin-when-cross-origin" } else { "no-referrer" };
        let framed_by_anybody =
            page && matches!(self.override_of(H::FrameOptions), Some((_, None)));
        let csp = if framed_by_anybody { PAGE_CSP_ANY_FRAMES } else { csp };
        let table = [
            (H::StrictTransportSecurity, STRICT_TRANSPORT_SECURITY, hsts, Only::Https),
            (H::ContentTypeOptions, X_CONTENT_TYPE_OPTIONS, "nosniff", Only::Always),
            (H::ContentSecurityPolicy, CONTENT_SECURITY_POLICY, csp, Only::Always),
            (H::FrameOptions, X_FRAME_OPTIONS, frames, Only::Always),
            (H::ReferrerPolicy, REFERRER_POLICY, referrer, Only::Always),
            (H::CrossOriginOpenerPolicy, OPENER_POLICY, "same-origin", Only::Always),
            (H::CrossOriginResourcePolicy, RESOURCE_POLICY, "same-origin", Only::Always),
            (H::CacheControl, CACHE_CONTROL, "no-store", Only::Plane),
            (H::PermissionsPolicy, PERMISSIONS_POLICY, NO_PERMISSIONS, Only::Always),
        ];
        table
            .into_iter()
            .filter_map(|(header, name, value, only)| {
                let value = match self.override_of(header) {
                    Some((_, value)) => value.clone()?,
                    None => HeaderValue::from_static(value),
                };
                Some(Entry { name, value, only })
            })
            .collect()
    }
}

impl SecurityHeaders {
    /// Returns the value of the last call for a header, or `None` without a call.
    fn override_of(
        &self,
        header: SecurityHeader,
    ) -> Option<&(SecurityHeader, Option<HeaderValue>)> {
        self.overrides.iter().rev().find(|(other, _)| *other == header)
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().get(..9))
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/html"))
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const DATA_CSP: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PAGE_CSP_ANY_FRAMES: &str = "base-uri 'none'; object-src 'none'";
const PAGE_CSP_SAME_ORIGIN: &str = "base-uri 'none'; object-src 'none'; frame-ancestors 'self'";
const PAGE_CSP_NO_FRAMES: &str = "base-uri 'none'; object-src 'none'; frame-ancestors 'none'";
const NO_PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()";

#[cfg(test)]
mod tests {
    use super::*;

    fn decorated(
        settings: &SecurityHeaders,
        content_type: &'static str,
        https: bool,
        plane: bool,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(tables) = HeaderTables::of(settings) {
            tables.set(&mut headers, https, plane);
        }
        headers
    }

    #[test]
    fn data_is_closed_and_pages_still_work() {
        let data = decorated(&SecurityHeaders::default(), "application/json", true, true);
        assert_eq!(data[CONTENT_SECURITY_POLICY], DATA_CSP);
        assert_eq!(data[X_FRAME_OPTIONS], "DENY");
        assert_eq!(data[CACHE_CONTROL], "no-store");
        assert!(data.contains_key(PERMISSIONS_POLICY));
        let page = decorated(&SecurityHeaders::default(), "Text/HTML; charset=utf-8", true, false);
        assert_eq!(page[CONTENT_SECURITY_POLICY], PAGE_CSP_SAME_ORIGIN);
        assert_eq!(page[X_FRAME_OPTIONS], "SAMEORIGIN");
        assert!(page.contains_key(PERMISSIONS_POLICY));
        assert!(!page.contains_key(CACHE_CONTROL));
    }

    /// The JavaScript around a dead instance sends this response by itself.
    #[test]
    fn the_answer_to_a_crash_has_the_headers_of_data() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/lunora-build/src/contain.js");
        let shim = std::fs::read_to_string(path).unwrap_or_default();
        let list = |name: &str| -> Vec<(String, String)> {
            let begin = format!("const {name} = {{\n");
            let text = shim.split_once(&begin).map_or("", |(_, rest)| rest);
            let text = text.split_once("};").map_or("", |(list, _)| list);
            let pair = |line: &str| {
                let (name, value) = line.trim().trim_end_matches(',').split_once(": ")?;
                Some((name.trim_matches('"').to_owned(), value.trim_matches('"').to_owned()))
            };
            text.lines().filter_map(pair).collect()
        };
        let mut written = list("SECURITY_HEADERS");
        let mut expected: Vec<(String, String)> =
            decorated(&SecurityHeaders::default(), "text/plain", false, true)
                .iter()
                // Its plain text runs no script that a permission could be kept from.
                .filter(|(name, _)| ![CONTENT_TYPE, PERMISSIONS_POLICY].contains(name))
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
        written.sort();
        expected.sort();
        assert_eq!(written, expected);
    }

    #[test]
    fn promises_https_over_https_only() {
        let promised = |https| {
            decorated(&SecurityHeaders::default(), "text/html", https, false)
                .contains_key(STRICT_TRANSPORT_SECURITY)
        };
        assert!(promised(true));
        assert!(!promised(false));
    }

    #[test]
    fn headers_of_the_response_win() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("ALLOWALL"));
        if let Some(tables) = HeaderTables::of(&SecurityHeaders::default()) {
            tables.set(&mut headers, false, false);
        }
        assert_eq!(headers[X_FRAME_OPTIONS], "ALLOWALL");
    }

    #[test]
    fn each_header_can_be_left_out_or_given_another_value() {
        let settings = SecurityHeaders::default()
            .without(SecurityHeader::ContentSecurityPolicy)
            .with(SecurityHeader::ReferrerPolicy, HeaderValue::from_static("origin"));
        let headers = decorated(&settings, "text/html", true, true);
        assert!(!headers.contains_key(CONTENT_SECURITY_POLICY));
        assert_eq!(headers[REFERRER_POLICY], "origin");
    }

    #[test]
    fn the_frame_rule_speaks_through_both_headers() {
        let headers = decorated(
            &SecurityHeaders::default().page_frames(FrameOptions::Deny),
            "text/html",
            true,
            false,
        );
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[CONTENT_SECURITY_POLICY], PAGE_CSP_NO_FRAMES);
    }

    #[test]
    fn a_page_without_frame_options_does_not_restrict_frames_and_keeps_its_base() {
        let settings = SecurityHeaders::default().without(SecurityHeader::FrameOptions);
        for settings in [settings.clone(), settings.clone().page_frames(FrameOptions::Deny)] {
            let page = decorated(&settings, "text/html", true, false);
            assert_eq!(page[CONTENT_SECURITY_POLICY], "base-uri 'none'; object-src 'none'");
            assert!(!page.contains_key(X_FRAME_OPTIONS));
        }
        let data = decorated(&settings, "application/json", true, false);
        assert_eq!(data[CONTENT_SECURITY_POLICY], DATA_CSP);
        let again =
            settings.with(SecurityHeader::FrameOptions, HeaderValue::from_static("SAMEORIGIN"));
        let page = decorated(&again, "text/html", true, false);
        assert_eq!(page[CONTENT_SECURITY_POLICY], PAGE_CSP_SAME_ORIGIN);
    }

    #[test]
    fn off_is_off() {
        assert_eq!(decorated(&SecurityHeaders::off(), "text/html", true, true).len(), 1);
    }
}

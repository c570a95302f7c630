//! Origins: those that an application trusts, and the one that a request was sent to.

use std::{borrow::Cow, fmt, str::FromStr};

use http::Uri;

use crate::message::origin_of;

/// An origin that an application trusts, exactly as browsers write it: `https://app.example.com`.
///
/// The origins of packaged applications and of extensions are origins too: `capacitor://localhost`,
/// `ionic://localhost`, `tauri://localhost`, `app://…`, `chrome-extension://…`.
///
/// Browsers send origins in one form only, and they are compared as text. An origin that could
/// never match is refused on construction: a path, a trailing slash, capital letters, the default
/// port of the scheme.
///
/// [`origin!`](crate::origin) checks an origin in code at compile time.
///
/// ```
/// use lunora::{origin, security::Origin};
///
/// const APP: Origin = origin!("https://app.example.com");
/// assert_eq!(APP.as_str(), "https://app.example.com");
/// assert!("https://app.example.com/".parse::<Origin>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin(Cow<'static, str>);

/// An [`Origin`](crate::security::Origin) from a literal, checked at compile time.
///
/// ```compile_fail
/// let _ = lunora::origin!("https://app.example.com/login");
/// ```
#[macro_export]
macro_rules! origin {
    ($origin:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::security::Origin = $crate::security::Origin::from_static($origin);
        CHECKED
    }};
}

impl Origin {
    /// Returns an origin that is written in code.
    ///
    /// # Panics
    /// Panics if the text is not a valid origin. Use [`origin!`](crate::origin), where that is a
    /// compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `origin!`, in a const context")]
    pub const fn from_static(origin: &'static str) -> Self {
        match check(origin.as_bytes()) {
            Ok(()) => Self(Cow::Borrowed(origin)),
            Err(problem) => panic!("{}", problem.sentence()),
        }
    }

    /// Returns the origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(origin: &str) -> Result<Self, OriginError> {
        check(origin.as_bytes())?;
        Ok(Self(Cow::Owned(origin.to_owned())))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reason why a text is not an origin that a browser could send.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
#[non_exhaustive]
pub enum OriginError {
    /// It begins neither with `https://` or `http://` nor with the scheme of an application.
    Scheme,
    /// The host after the scheme is missing.
    Host,
    /// Text follows the host and port.
    Path,
    /// A capital letter: browsers send hosts in lower case.
    Uppercase,
    /// A character that no host has, or one beyond ASCII.
    Character,
    /// The port is not a number from 1 to 65535, or begins with a zero.
    Port,
    /// The port is the scheme's default, which browsers omit.
    DefaultPort,
}

impl OriginError {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Scheme => {
                "an origin begins with `https://` or `http://`, or with the scheme of an application: app, capacitor, chrome-extension, ionic, tauri"
            }
            Self::Host => "an origin names a host after its scheme",
            Self::Path => {
                "an origin ends after its host and port: leave out the path and the trailing slash"
            }
            Self::Uppercase => "an origin is written in small letters, as browsers send it",
            Self::Character => {
                "an origin's host has letters, digits, `-` and `.`; write other scripts in punycode (`xn--…`)"
            }
            Self::Port => "an origin's port is a number from 1 to 65535",
            Self::DefaultPort => {
                "an origin leaves out the port that is its scheme's own (80, 443), as browsers do"
            }
        }
    }
}

/// Parses an origin, at compile time and at run time.
const fn check(text: &[u8]) -> Result<(), OriginError> {
    let Some((mut at, own_port)) = scheme(text) else {
        return Err(OriginError::Scheme);
    };
    let host = at;
    let bracketed = at < text.len() && text[at] == b'[';
    while at < text.len() {
        match text[at] {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {}
            b'[' if bracketed && at == host => {}
            b':' if bracketed => {}
            b']' if bracketed => {
                at += 1;
                break;
            }
            b':' => break,
            b'/' | b'?' | b'#' => {
                return Err(if at == host { OriginError::Host } else { OriginError::Path });
            }
            b'A'..=b'Z' => return Err(OriginError::Uppercase),
            _ => return Err(OriginError::Character),
        }
        at += 1;
    }
    if at == host || (bracketed && (text[at - 1] != b']' || at < host + 4)) {
        return Err(OriginError::Host);
    }
    if at == text.len() {
        return Ok(());
    }
    match text[at] {
        b':' => check_port(text, at + 1, own_port),
        b'/' | b'?' | b'#' => Err(OriginError::Path),
        _ => Err(OriginError::Character),
    }
}

/// The schemes of origins, each with its default port; schemes of applications have no port.
const SCHEMES: [(&[u8], u32); 7] = [
    (b"https://", 443),
    (b"http://", 80),
    (b"app://", 0),
    (b"capacitor://", 0),
    (b"chrome-extension://", 0),
    (b"ionic://", 0),
    (b"tauri://", 0),
];

/// Returns where the host begins, and the default port of the scheme.
const fn scheme(text: &[u8]) -> Option<(usize, u32)> {
    let mut at = 0;
    while at < SCHEMES.len() {
        let (scheme, own_port) = SCHEMES[at];
        if starts_with(text, scheme) {
            return Some((scheme.len(), own_port));
        }
        at += 1;
    }
    None
}

const fn check_port(text: &[u8], start: usize, own_port: u32) -> Result<(), OriginError> {
    let (mut at, mut port) = (start, 0);
    while at < text.len() {
        match text[at] {
            digit @ b'0'..=b'9' if port <= 65535 => port = port * 10 + (digit - b'0') as u32,
            b'/' | b'?' | b'#' if at > start => return Err(OriginError::Path),
            _ => return Err(OriginError::Port),
        }
        at += 1;
    }
    if at == start || port == 0 || port > 65535 || text[start] == b'0' {
        return Err(OriginError::Port);
    }
    if port == own_port { Err(OriginError::DefaultPort) } else { Ok(()) }
}

const fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    if text.len() < prefix.len() {
        return false;
    }
    let mut at = 0;
    while at < prefix.len() {
        if text[at] != prefix[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The origin that a request was sent to, in the form in which browsers write origins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OwnOrigin {
    text: String,
    loopback: bool,
}

impl OwnOrigin {
    pub(crate) fn of(uri: &Uri) -> Self {
        let text = origin_of(uri);
        let host = text.split_once("://").map_or("", |(_, host)| host);
        let host = host.get(..uri.host().map_or(0, str::len)).unwrap_or_default();
        let loopback = is_loopback(host);
        Self { text, loopback }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Returns the origin of a URL that a browser sent, such as a `Referer`.
pub(super) fn of_url(url: &str) -> Option<OwnOrigin> {
    let uri: Uri = url.parse().ok()?;
    matches!(uri.scheme_str(), Some("http" | "https")).then(|| OwnOrigin::of(&uri))
}

/// Returns whether an origin is on this machine, as in local development.
pub(super) fn is_loopback_origin(origin: &str) -> bool {
    of_url(origin).is_some_and(|origin| origin.loopback)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;

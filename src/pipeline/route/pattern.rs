//! The patterns of routes.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::wire::paths::is_reserved;

/// The pattern that a route matches: `"METHOD /path"`, or `"/path"` for every method.
///
/// A path matches as a whole and as it was sent, without parameters and wildcards. A pattern in
/// code is checked at compile time: [`route!`](crate::route).
///
/// ```
/// use lunora::{route, routing::RoutePattern};
///
/// const HEALTH: RoutePattern = route!("GET /healthz");
/// assert_eq!((HEALTH.method(), HEALTH.path()), (Some("GET"), "/healthz"));
/// assert_eq!(route!("/webhook").method(), None);
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RoutePattern(Cow<'static, str>);

/// A [`RoutePattern`](crate::routing::RoutePattern) from a literal, checked while it compiles.
///
/// ```compile_fail
/// let _ = lunora::route!("GET healthz");
/// ```
#[macro_export]
macro_rules! route {
    ($pattern:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::routing::RoutePattern =
            $crate::routing::RoutePattern::from_static($pattern);
        CHECKED
    }};
}

impl RoutePattern {
    /// Returns a pattern that is written in code.
    ///
    /// # Panics
    /// Panics if the text is not a valid pattern. Use [`route!`](crate::route), where that is a
    /// compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `route!`, in a const context")]
    pub const fn from_static(pattern: &'static str) -> Self {
        match check(pattern.as_bytes()) {
            Ok(()) => Self(Cow::Borrowed(pattern)),
            Err(error) => panic!("{}", error.sentence()),
        }
    }

    /// Returns the method, if the pattern names one.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.0.split_once(' ').map(|(method, _)| method)
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.split_once(' ').map_or(&self.0, |(_, path)| path)
    }
}

impl FromStr for RoutePattern {
    type Err = RoutePatternError;

    fn from_str(pattern: &str) -> Result<Self, RoutePatternError> {
        check(pattern.as_bytes())?;
        Ok(Self(Cow::Owned(pattern.to_owned())))
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reason why a text is not a valid pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
#[non_exhaustive]
pub enum RoutePatternError {
    /// The method is not a word of capital letters, or more than one space follows it.
    Method,
    /// The path does not begin with a slash.
    LeadingSlash,
    /// A parameter or a wildcard.
    Wildcard,
    /// A query or a fragment.
    Query,
    /// A segment `.` or `..`, which no request has.
    DotSegment,
    /// A character that a path has in percent-encoded form only.
    Character,
    /// A path under `/_lunora/`, in any spelling.
    Reserved,
}

impl RoutePatternError {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Method => {
                "a route is \"METHOD /path\" with the method in capital letters and one space, or \"/path\" for every method"
            }
            Self::LeadingSlash => "a route's path begins with a slash: \"GET /healthz\"",
            Self::Wildcard => {
                "a route matches one whole path, without parameters and wildcards; for patterns there is `.http_router(..)`"
            }
            Self::Query => {
                "a route's path has no query and no fragment: they are never part of the match"
            }
            Self::DotSegment => {
                "a route's path has no segments `.` and `..`: no request that arrives has them"
            }
            Self::Character => {
                "a route's path is written as requests have it: percent-encode spaces, quotes and other scripts"
            }
            Self::Reserved => {
                "a route's path must not be under `/_lunora/`: the prefix is reserved for the framework, in every spelling"
            }
        }
    }
}

/// Parses a pattern, at compile time and at run time.
const fn check(text: &[u8]) -> Result<(), RoutePatternError> {
    let mut path = 0;
    while path < text.len() && text[path].is_ascii_uppercase() {
        path += 1;
    }
    if path > 0 {
        if path == text.len() || text[path] != b' ' {
            return Err(if path < text.len() && text[path] == b'/' {
                RoutePatternError::Method
            } else {
                RoutePatternError::LeadingSlash
            });
        }
        path += 1;
    }
    if path == text.len() || text[path] != b'/' {
        return Err(if has_late_method(text, path) {
            RoutePatternError::Method
        } else {
            RoutePatternError::LeadingSlash
        });
    }
    let (mut at, mut segment) = (path, path + 1);
    while at < text.len() {
        match text[at] {
            b'/' => {
                if is_dots(text, segment, at) {
                    return Err(RoutePatternError::DotSegment);
                }
                segment = at + 1;
            }
            b'*' => return Err(RoutePatternError::Wildcard),
            b':' if at == segment => return Err(RoutePatternError::Wildcard),
            b'{' | b'}' => return Err(RoutePatternError::Wildcard),
            b'?' | b'#' => return Err(RoutePatternError::Query),
            b'"' | b'<' | b'>' | b'`' | b'\\' | 0..=b' ' | 127.. => {
                return Err(RoutePatternError::Character);
            }
            _ => {}
        }
        at += 1;
    }
    if is_dots(text, segment, at) {
        return Err(RoutePatternError::DotSegment);
    }
    if is_reserved(text.split_at(path).1) { Err(RoutePatternError::Reserved) } else { Ok(()) }
}

/// Returns whether a path follows something that is not a method: `"get /x"`, `"GET  /x"`.
const fn has_late_method(text: &[u8], from: usize) -> bool {
    let mut at = from;
    while at + 1 < text.len() {
        if text[at] == b' ' && text[at + 1] == b'/' {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_dots(text: &[u8], start: usize, end: usize) -> bool {
    (end == start + 1 && text[start] == b'.')
        || (end == start + 2 && text[start] == b'.' && text[start + 1] == b'.')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_a_method_and_a_path_or_a_path() {
        for (pattern, method, path) in [
            ("GET /", Some("GET"), "/"),
            ("/", None, "/"),
            ("POST /api/sign-in", Some("POST"), "/api/sign-in"),
            ("/a//b.c/~x;v=1@2:3", None, "/a//b.c/~x;v=1@2:3"),
            ("GET /.well-known/security.txt", Some("GET"), "/.well-known/security.txt"),
            ("GET /caf%C3%A9", Some("GET"), "/caf%C3%A9"),
            ("GET /_lunora.js", Some("GET"), "/_lunora.js"),
            ("/api/_lunora/x", None, "/api/_lunora/x"),
        ] {
            let parsed: RoutePattern = pattern.parse().unwrap();
            assert_eq!((parsed.method(), parsed.path()), (method, path));
        }
    }

    #[test]
    fn refuses_what_could_never_match() {
        for (pattern, error) in [
            ("", RoutePatternError::LeadingSlash),
            ("GET", RoutePatternError::LeadingSlash),
            ("GET ", RoutePatternError::LeadingSlash),
            ("GET healthz", RoutePatternError::LeadingSlash),
            ("healthz", RoutePatternError::LeadingSlash),
            ("get /x", RoutePatternError::Method),
            ("GET  /x", RoutePatternError::Method),
            ("GET/x", RoutePatternError::Method),
            ("/users/:id", RoutePatternError::Wildcard),
            ("/users/{id}", RoutePatternError::Wildcard),
            ("/files/*", RoutePatternError::Wildcard),
            ("/x?y", RoutePatternError::Query),
            ("/x#y", RoutePatternError::Query),
            ("/a/./b", RoutePatternError::DotSegment),
            ("/a/..", RoutePatternError::DotSegment),
            ("/a b", RoutePatternError::Character),
            ("/café", RoutePatternError::Character),
            ("GET /_lunora/admin/functions", RoutePatternError::Reserved),
            ("/_lunora", RoutePatternError::Reserved),
            ("/_lunora/", RoutePatternError::Reserved),
            ("POST /_Lunora/rpc", RoutePatternError::Reserved),
            ("//_lunora/x", RoutePatternError::Reserved),
            ("/%5flunora/x", RoutePatternError::Reserved),
            ("/_lunora%2fx", RoutePatternError::Reserved),
        ] {
            assert_eq!(pattern.parse::<RoutePattern>(), Err(error), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_takes_only_what_a_request_can_have(text in "([A-Z]{1,5} )?/?[ -~]{0,20}") {
            if let Ok(pattern) = text.parse::<RoutePattern>() {
                let uri: http::Uri = format!("https://x.test{}", pattern.path()).parse().unwrap();
                prop_assert_eq!(uri.path(), pattern.path());
            }
        }
    }
}

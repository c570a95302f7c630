//! The routes at which functions answer plain HTTP.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::wire::paths::is_reserved;

/// A route at which a function answers plain HTTP: `"GET /channels/{shardKey}/messages"`.
///
/// A segment in braces is an argument of the function, and `shardKey` is the shard.
///
/// ```
/// use lunora::functions::RestRoute;
///
/// let route: RestRoute = "GET /channels/{shardKey}/messages".parse()?;
/// assert_eq!((route.method(), route.path()), ("GET", "/channels/{shardKey}/messages"));
/// # Ok::<(), lunora::functions::RestRouteError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestRoute {
    text: String,
    policy: Option<Cow<'static, str>>,
}

/// The reason why a text is not a [`RestRoute`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RestRouteError {
    /// The method is another one, or more than one space follows it.
    #[error(
        "a route is \"METHOD /path\", with `GET`, `POST`, `PUT`, `PATCH` or `DELETE` and one space"
    )]
    Method,
    /// The path does not begin with a slash, or has a character that no path of a request has.
    #[error(
        "the path of a route begins with a slash, and is written as requests have it, without a query"
    )]
    Path,
    /// An argument is no whole segment, or no name.
    #[error("an argument of a route is a whole segment in braces, with letters, digits and `_`")]
    Argument,
    /// A path under `/_lunora/`, in any spelling.
    #[error(
        "the path of a route must not be under `/_lunora/`: the prefix is reserved for the framework"
    )]
    Reserved,
}

impl RestRoute {
    /// Reads a route.
    ///
    /// # Errors
    /// The first error of the text.
    pub fn new(route: &str) -> Result<Self, RestRouteError> {
        check(route)?;
        Ok(Self { text: route.to_owned(), policy: None })
    }

    /// Sets the header `cache-control` of answers to `GET`. Default: `no-store`.
    #[must_use]
    pub fn cached(mut self, policy: impl Into<Cow<'static, str>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.text.split_once(' ').map_or("", |(method, _)| method)
    }

    /// Returns the path, with its arguments in braces.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.split_once(' ').map_or("", |(_, path)| path)
    }

    /// Returns the header `cache-control` of answers to `GET`, if one is set.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// Returns the arguments in a path of a request, by their names; `None` if the path is another one. A segment that
    /// is empty, or no text after decoding, is no argument.
    pub(crate) fn arguments(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let (mut own, mut sent) = (self.path().split('/'), path.split('/'));
        let mut arguments = Vec::new();
        loop {
            match (own.next(), sent.next()) {
                (None, None) => return Some(arguments),
                (Some(own), Some(sent)) => match argument(own) {
                    Some(name) if !sent.is_empty() => {
                        let value =
                            percent_encoding::percent_decode_str(sent).decode_utf8().ok()?;
                        arguments.push((name, value.into_owned()));
                    }
                    None if own == sent => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// Returns the names of the arguments in the path.
    #[cfg(feature = "admin")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.path().split('/').filter_map(argument)
    }
}

fn argument(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Checks the text of a route.
pub(crate) const fn check(route: &str) -> Result<(), RestRouteError> {
    let text = route.as_bytes();
    let mut at = 0;
    while at < text.len() && text[at].is_ascii_uppercase() {
        at += 1;
    }
    if !is_method(text.split_at(at).0) || at == text.len() || text[at] != b' ' {
        return Err(RestRouteError::Method);
    }
    let path = text.split_at(at + 1).1;
    if path.is_empty() || path[0] != b'/' {
        return Err(RestRouteError::Path);
    }
    let mut at = 1;
    while at <= path.len() {
        let start = at;
        while at < path.len() && path[at] != b'/' {
            at += 1;
        }
        if let Err(error) = check_segment(path.split_at(at).0.split_at(start).1) {
            return Err(error);
        }
        at += 1;
    }
    if is_reserved(path) { Err(RestRouteError::Reserved) } else { Ok(()) }
}

const fn is_method(text: &[u8]) -> bool {
    matches!(text, b"GET" | b"POST" | b"PUT" | b"PATCH" | b"DELETE")
}

const fn check_segment(segment: &[u8]) -> Result<(), RestRouteError> {
    if segment.len() > 2 && segment[0] == b'{' && segment[segment.len() - 1] == b'}' {
        let mut at = 1;
        while at < segment.len() - 1 {
            if !(segment[at].is_ascii_alphanumeric() || segment[at] == b'_') {
                return Err(RestRouteError::Argument);
            }
            at += 1;
        }
        return Ok(());
    }
    let mut at = 0;
    while at < segment.len() {
        match segment[at] {
            b'{' | b'}' => return Err(RestRouteError::Argument),
            b'*' | b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'\\' | 0..=b' ' | 127.. => {
                return Err(RestRouteError::Path);
            }
            _ => {}
        }
        at += 1;
    }
    match segment {
        b"." | b".." => Err(RestRouteError::Path),
        _ => Ok(()),
    }
}

impl FromStr for RestRoute {
    type Err = RestRouteError;

    fn from_str(route: &str) -> Result<Self, RestRouteError> {
        Self::new(route)
    }
}

impl fmt::Display for RestRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_arguments_of_a_path_decoded() {
        let route = RestRoute::new("GET /channels/{shardKey}/messages/{id}").unwrap();
        assert_eq!(
            route.arguments("/channels/a%2Fb%20%C3%BC/messages/7"),
            Some(vec![("shardKey", "a/b ü".to_owned()), ("id", "7".to_owned())])
        );
        for other in [
            "/",
            "/channels/a/messages",
            "/channels/a/messages/",
            "/channels//messages/7",
            "/channels/a/messages/7/8",
            "/channels/%FF/messages/7",
        ] {
            assert_eq!(route.arguments(other), None, "{other}");
        }
        #[cfg(feature = "admin")]
        assert_eq!(route.names().collect::<Vec<_>>(), ["shardKey", "id"]);
    }

    #[test]
    fn refuses_what_is_no_route() {
        for (route, error) in [
            ("/a", RestRouteError::Method),
            ("get /a", RestRouteError::Method),
            ("GET  /a", RestRouteError::Path),
            ("HEAD /a", RestRouteError::Method),
            ("GET", RestRouteError::Method),
            ("GET a", RestRouteError::Path),
            ("GET /a?b", RestRouteError::Path),
            ("GET /a/../b", RestRouteError::Path),
            ("GET /a/{b", RestRouteError::Argument),
            ("GET /a/{}", RestRouteError::Argument),
            ("GET /a/{b-c}", RestRouteError::Argument),
            ("GET /a{b}", RestRouteError::Argument),
            ("GET /_lunora/a", RestRouteError::Reserved),
        ] {
            assert_eq!(RestRoute::new(route), Err(error), "{route}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(route in ".{0,40}", path in ".{0,40}") {
            if let Ok(route) = RestRoute::new(&route) {
                let _ = route.arguments(&path);
            }
        }
    }
}

//! URLs as browsers write them, as an [`Uri`].

use std::borrow::Cow;

use http::{Uri, uri::InvalidUri};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Reads a URL that the WHATWG parser wrote; its fragment is dropped.
///
/// That parser leaves some characters in a query as they are that RFC 3986 has percent-encoded,
/// and so must [`Uri`].
///
/// # Errors
/// If the URL is malformed, or longer than 64 KiB.
pub(crate) fn to_uri(url: &str) -> Result<Uri, InvalidUri> {
    let url = url.split('#').next().unwrap_or_default();
    match encode(url) {
        Cow::Borrowed(url) => Uri::try_from(url),
        Cow::Owned(url) => Uri::try_from(url),
    }
}

/// Returns the origin of a URL in the form in which browsers write origins: in lower case, and
/// without the default port of the scheme.
pub(crate) fn origin_of(uri: &Uri) -> String {
    let https = uri.scheme_str() == Some("https");
    let scheme = if https { "https" } else { "http" };
    let own_port = if https { "443" } else { "80" };
    let host = uri.host().unwrap_or_default();
    let port = uri.port();
    let port = port.as_ref().map(http::uri::Port::as_str).filter(|port| *port != own_port);
    let (colon, port) = port.map_or(("", ""), |port| (":", port));
    // Every request comes through here: one allocation, of the exact size.
    let mut origin = [scheme, "://", host, colon, port].concat();
    origin.make_ascii_lowercase();
    origin
}

/// Percent-encodes the characters that the path and the query of an [`Uri`] cannot hold.
fn encode(url: &str) -> Cow<'_, str> {
    let path = if url.starts_with('/') {
        0
    } else {
        let authority = url.find("://").map_or(url.len(), |at| at + 3);
        url[authority..].find(['/', '?']).map_or(url.len(), |at| authority + at)
    };
    let (origin, rest) = url.split_at(path);
    if !rest.bytes().any(must_be_encoded) {
        return Cow::Borrowed(url);
    }
    let mut encoded = String::with_capacity(url.len() + 16);
    encoded.push_str(origin);
    for byte in rest.bytes() {
        if must_be_encoded(byte) {
            encoded.push('%');
            encoded
                .extend([byte >> 4, byte & 0xf].map(|digit| char::from(HEX[usize::from(digit)])));
        } else {
            encoded.push(char::from(byte));
        }
    }
    Cow::Owned(encoded)
}

fn must_be_encoded(byte: u8) -> bool {
    !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percent_encodes_what_a_uri_cannot_hold() {
        for (url, path, query) in [
            (r#"https://x.test/?q="a""#, "/", Some("q=%22a%22")),
            (r#"https://x.test/?filter={"a":["b"]}"#, "/", Some("filter=%7B%22a%22:[%22b%22]%7D")),
            ("https://x.test/a<b", "/a%3Cb", None),
            ("https://x.test/a`b?`", "/a%60b", Some("%60")),
            ("https://x.test/S\u{e3}o?a^|\\b#<>", "/S%C3%A3o", Some("a^|\\b")),
            ("https://x.test/a%20b?c=%22", "/a%20b", Some("c=%22")),
            ("/a<b?u=https://x.test/<", "/a%3Cb", Some("u=https://x.test/%3C")),
        ] {
            let uri = to_uri(url).unwrap();
            assert_eq!((uri.path(), uri.query()), (path, query), "{url}");
        }
        assert_eq!(to_uri("https://x.test/?a").unwrap().host(), Some("x.test"));
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, origin) in [
            ("https://App.Example.com/a?b", "https://app.example.com"),
            ("https://x.test:443", "https://x.test"),
            ("http://x.test:443/", "http://x.test:443"),
            ("http://x.test:80/", "http://x.test"),
            ("http://[::1]:8787/", "http://[::1]:8787"),
        ] {
            let origin_of_url = origin_of(&url.parse().unwrap());
            assert_eq!((&*origin_of_url, origin_of_url.capacity()), (origin, origin.len()));
        }
    }

    #[test]
    fn rejects_a_malformed_or_long_url() {
        for url in
            ["", "https://", "https://a b/", &format!("https://x.test/{}", "a".repeat(70_000))]
        {
            assert!(to_uri(url).is_err(), "{}", url.len());
        }
    }

    proptest! {
        #[test]
        fn every_url_that_a_browser_writes_converts(path in ".{0,40}", query in ".{0,40}") {
            let mut written = url::Url::parse("https://x.test/").unwrap();
            written.set_path(&path);
            written.set_query(Some(&query));
            let uri = to_uri(written.as_str()).unwrap();
            let read = url::Url::parse(&uri.to_string()).unwrap();
            let pairs = |url: &url::Url| {
                url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>()
            };
            prop_assert_eq!(pairs(&read), pairs(&written));
        }

        #[test]
        fn never_panics_on_any_text(text in ".*") {
            let _ = to_uri(&text);
        }
    }
}

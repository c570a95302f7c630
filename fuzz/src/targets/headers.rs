//! Heads of requests: header values, cookies, paths.

use http::{HeaderMap, HeaderName, HeaderValue};
use lunora::{Identity, Request, ShardKey, parsers, routing::RoutePattern};

pub(super) const TOKENS: &[&str] = &[
    "x-lunora-userid: ",
    "x-lunora-identity: ",
    "x-lunora-identity-exp: ",
    "x-lunora-expect-subject: ",
    "x-lunora-mutation-id: ",
    "x-lunora-client-seq: ",
    "x-lunora-client-id: ",
    "x-lunora-shard-key: ",
    "x-lunora-system: 1",
    "cf-connecting-ip: ",
    "authorization: Bearer ",
    "\n",
    "=",
    "=YWRh",
    "e30",
    "eyJhIjoxfQ",
    "{\"exp\":1}",
    "eyJzdWJqZWN0IjpudWxsfQ",
    "1e400",
    "::relay::",
    "\u{e3}",
    "%",
];
pub(super) const COOKIE_TOKENS: &[&str] = &["sid=", ";", "; ", "=", "\"", "\n", "a=b", "\u{e3}"];
pub(super) const PATH_TOKENS: &[&str] = &[
    "/",
    "//",
    "\\",
    ".",
    "..",
    "/../",
    "_lunora",
    "%5f",
    "%255f",
    "%2f",
    "%5c",
    "%2e",
    "%25",
    "%",
    "2f",
    "5F",
    "LUNORA",
    "%4c",
    "/_lunora/rpc",
    "GET ",
    "POST ",
    "*",
    "?",
    "#",
];

fn header_map(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers
}

/// An identity that is read and minted again is the same; no client's `x-lunora-*` passes but those
/// that the wire lets through.
pub(super) fn headers(input: &[u8]) -> bool {
    let headers = header_map(input);
    let identity = Identity::from_headers(&headers);
    if let Some(identity) = &identity {
        let mut minted = HeaderMap::new();
        parsers::mint(identity, &mut minted);
        let again = Identity::from_headers(&minted).unwrap_or_default();
        assert_eq!(&again, identity);
        let expiry = identity.expiry_ms().map(|at| u64::try_from(at).unwrap_or(0));
        assert_eq!(parsers::minted_expiry_ms(&minted), expiry);
        assert!(identity.expiry_ms().is_none() || identity.is_expired(u64::MAX));
    }
    let _ = (
        parsers::minted_expiry_ms(&headers),
        parsers::check_expected_subject(&headers, identity.as_ref()),
    );
    let (mutation, client, seq) = parsers::write_ids(&headers);
    assert!(![mutation, client].contains(&Some(String::new())));
    assert!(seq.is_none_or(|seq| (1..1 << 53).contains(&seq)));
    let [call, upgrade] = parsers::forwarded(&headers);
    let own = |headers: &HeaderMap, known: &[&str]| {
        headers
            .keys()
            .all(|name| !name.as_str().starts_with("x-lunora-") || known.contains(&name.as_str()))
    };
    let ids = [
        "x-lunora-mutation-id",
        "x-lunora-client-id",
        "x-lunora-client-seq",
        "x-lunora-base-seq",
        "x-lunora-client-ip",
        "x-lunora-origin",
    ];
    assert!(own(&call, &ids) && own(&upgrade, &ids[4..]));
    assert_eq!(call["x-lunora-origin"], "https://worker.test");
    if let Some(key) = headers.get("x-lunora-shard-key").and_then(|key| key.to_str().ok())
        && let Ok(key) = ShardKey::new(key)
    {
        assert_eq!(ShardKey::new(key.as_str()), Ok(key));
    }
    !headers.is_empty()
}

/// The first pair of a name is the cookie, and no other text.
pub(super) fn cookies(input: &[u8]) -> bool {
    let mut request = Request::get("https://x.test/");
    let mut expected = None;
    for line in input.split(|byte| *byte == b'\n') {
        request = request.with_header("cookie", line);
        if HeaderValue::from_bytes(line).is_err() {
            continue;
        }
        let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let mut values = pairs.filter_map(|pair| str::from_utf8(pair).ok()?.strip_prefix("sid="));
        expected = expected.or(values.next());
    }
    assert_eq!(request.cookie("sid"), expected);
    let _ = (request.cookie(""), request.bearer(), request.is_upgrade());
    expected.is_some()
}

/// A path that any router could take for one under the reserved prefix is reserved, and no route.
pub(super) fn paths(input: &[u8]) -> bool {
    let reserved = parsers::is_reserved(input);
    let mut decoded = input.to_vec();
    for passes in 0..4 {
        let found = under_prefix(&decoded);
        assert!(
            !found || reserved,
            "reserved after {passes} passes of decoding: {}",
            decoded.escape_ascii()
        );
        decoded = percent_decode(&decoded);
    }
    if let Ok(pattern) = str::from_utf8(input).unwrap_or_default().parse::<RoutePattern>() {
        assert!(!parsers::is_reserved(pattern.path().as_bytes()));
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
        return true;
    }
    reserved
}

fn under_prefix(path: &[u8]) -> bool {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.first().is_some_and(|first| first.eq_ignore_ascii_case(b"_lunora"))
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    decoded
}

//! One test per rule of `csrf.rs`.

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
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
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
    let guard = Guard { csrf, cors, own: &own, headers };
    match method {
        Some(method) => guard.request(method),
        None => guard.upgrade(None),
    }
    .is_ok()
}

fn post(pairs: &[(&'static str, &'static str)]) -> bool {
    ask(OWN, &Csrf::default(), None, &headers(pairs), Some(&Method::POST))
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
        (&[cookie, ("origin", "https://api.example.com.evil.example")], false),
        (&[cookie, ("sec-fetch-site", "same-origin")], true),
        (&[cookie, ("sec-fetch-site", "none")], true),
        (&[cookie, ("sec-fetch-site", "same-site")], false),
        (&[cookie, ("sec-fetch-site", "cross-site")], false),
        (&[cookie, ("sec-fetch-site", "anything")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[cookie, own, ("sec-fetch-site", "cross-site")], true),
        (&[cookie, evil, ("sec-fetch-site", "same-site")], false),
        (&[cookie, ("referer", "https://api.example.com/page?x")], true),
        (&[cookie, ("referer", "https://evil.example/")], false),
        (&[cookie, ("referer", "https://api.example.com.evil.example/")], false),
        (&[cookie, ("referer", "not a url")], false),
    ] {
        assert_eq!(post(pairs), passes, "{pairs:?}");
    }
}

#[test]
fn a_bearer_token_alone_passes_from_any_origin() {
    let bearer = ("authorization", "bearer t");
    let evil = ("origin", "https://evil.example");
    let cross = ("sec-fetch-site", "cross-site");
    for (pairs, passes) in [
        (&[bearer, evil][..], true),
        (&[bearer, evil, cross], true),
        (&[bearer, cross], true),
        (&[bearer, ("origin", "null")], true),
        (&[bearer, evil, ("cookie", "sid=1")], false),
        (&[bearer, evil, ("cookie", "")], false),
        (&[bearer, ("cookie", "sid=1")], false),
        (&[bearer, ("authorization", "Basic dTpw"), evil], false),
        (&[("authorization", "Basic dTpw"), evil], false),
        (&[("authorization", "Bearer "), evil], false),
        (&[("authorization", "Bearer"), evil], false),
        (&[("authorization", "Bearertoken"), evil], false),
        (&[evil], false),
        (&[cross], false),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let request = ask(OWN, &Csrf::default(), None, &headers, Some(&Method::POST));
        assert_eq!(request, passes, "{pairs:?}");
    }
}

#[test]
fn a_token_in_the_url_of_a_socket_is_a_credential_that_no_browser_adds() {
    let own = OwnOrigin::of(&OWN.parse().unwrap());
    let upgrade = |token: Option<&str>, pairs: &[(&'static str, &'static str)]| {
        let headers = headers(pairs);
        let guard = Guard { csrf: &Csrf::default(), cors: None, own: &own, headers: &headers };
        guard.upgrade(token).is_ok()
    };
    let evil = ("origin", "https://evil.example");
    assert!(upgrade(Some("t"), &[evil]));
    assert!(upgrade(None, &[evil, ("authorization", "Bearer t")]));
    for (token, pairs) in [
        (None, &[evil][..]),
        (Some(""), &[evil]),
        (Some("t"), &[evil, ("cookie", "sid=1")]),
        (Some("t"), &[("cookie", "sid=1")]),
        (Some("t"), &[evil, ("authorization", "Basic dTpw")]),
    ] {
        assert!(!upgrade(token, pairs), "{token:?} {pairs:?}");
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
fn a_repeated_signal_is_ignored() {
    let mut doubled = headers(&[("cookie", "sid=1"), ("origin", "https://api.example.com")]);
    doubled.append(ORIGIN, HeaderValue::from_static("https://api.example.com"));
    assert!(!ask(OWN, &Csrf::default(), None, &doubled, Some(&Method::POST)));
    let mut doubled = headers(&[("cookie", "sid=1"), ("sec-fetch-site", "same-origin")]);
    doubled.append(SEC_FETCH_SITE, HeaderValue::from_static("same-origin"));
    assert!(!ask(OWN, &Csrf::default(), None, &doubled, Some(&Method::POST)));
}

#[test]
fn reading_passes_and_every_other_method_is_looked_at() {
    let evil = headers(&[("cookie", "sid=1"), ("origin", "https://evil.example")]);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(ask(OWN, &Csrf::default(), None, &evil, Some(&method)));
    }
    for method in
        [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE, Method::CONNECT]
    {
        assert!(!ask(OWN, &Csrf::default(), None, &evil, Some(&method)));
    }
}

#[test]
fn cors_origins_are_trusted_and_a_wildcard_trusts_no_cookie() {
    let listed =
        CorsTables::of(&Cors::origins([crate::origin!("https://app.example.com")]).rules).unwrap();
    let anybody = CorsTables::of(&Cors::any_origin().rules).unwrap();
    let with = |cors: &CorsTables, pairs: &[(&'static str, &'static str)]| {
        ask(OWN, &Csrf::default(), Some(cors), &headers(pairs), Some(&Method::POST))
    };
    let app = [
        ("cookie", "sid=1"),
        ("origin", "https://app.example.com"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert!(with(&listed, &app));
    assert!(!with(&anybody, &app));
    assert!(with(&anybody, &app[1..]));
    let (bearer, basic) = (("authorization", "Bearer t"), ("authorization", "Basic dTpw"));
    assert!(with(&anybody, &[bearer, app[1]]));
    assert!(!with(&anybody, &[basic, app[1]]));
    assert!(!with(&listed, &[("origin", "https://evil.example")]));
    assert!(!with(&anybody, &[("cookie", "sid=1"), ("sec-fetch-site", "cross-site")]));
}

#[test]
fn an_application_is_trusted_where_it_is_listed_and_nowhere_else() {
    let app = headers(&[("cookie", "sid=1"), ("origin", "capacitor://localhost")]);
    let post = |url, csrf: &Csrf, cors: Option<&CorsTables>| {
        ask(url, csrf, cors, &app, Some(&Method::POST)) && ask(url, csrf, cors, &app, None)
    };
    let origin = crate::origin!("capacitor://localhost");
    let cors = CorsTables::of(&Cors::origins([origin.clone()]).rules).unwrap();
    assert!(post(OWN, &Csrf::default(), Some(&cors)));
    assert!(post(OWN, &Csrf::default().trust(origin), None));
    for url in [OWN, "http://localhost:8787/"] {
        assert!(!post(url, &Csrf::default(), None), "{url}");
    }
}

#[test]
fn a_local_page_is_trusted_by_a_local_worker_only() {
    let vite = headers(&[("cookie", "sid=1"), ("origin", "http://localhost:5173")]);
    let local = "http://127.0.0.1:8787/";
    assert!(ask(local, &Csrf::default(), None, &vite, Some(&Method::POST)));
    assert!(!ask(local, &Csrf::default().allow_loopback(false), None, &vite, Some(&Method::POST)));
    assert!(!ask(OWN, &Csrf::default(), None, &vite, Some(&Method::POST)));
}

#[test]
fn an_upgrade_is_judged_by_its_origin() {
    let upgrade = |pairs: &[(&'static str, &'static str)]| {
        ask(OWN, &Csrf::default(), None, &headers(pairs), None)
    };
    assert!(upgrade(&[]));
    assert!(upgrade(&[("cookie", "sid=1"), ("origin", "https://api.example.com")]));
    assert!(!upgrade(&[("cookie", "sid=1"), ("origin", "https://evil.example")]));
    assert!(!upgrade(&[("origin", "https://evil.example")]));
    assert!(!upgrade(&[("cookie", "sid=1")]));
    assert!(!upgrade(&[("cookie", "sid=1"), ("sec-fetch-site", "same-origin")]));
    assert!(!upgrade(&[("cookie", "sid=1"), ("referer", "https://api.example.com/")]));
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
fn a_refusal_names_the_expected_origin_and_escapes_the_received_one() {
    let own = OwnOrigin::of(&OWN.parse().unwrap());
    let hostile = format!("\"}}</script>{}", "x".repeat(1000));
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::try_from(hostile).unwrap());
    let guard = Guard { csrf: &Csrf::default(), cors: None, own: &own, headers: &headers };
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

//! One test per rule of `cors.rs`.

use proptest::prelude::*;

use super::*;

fn listed() -> CorsTables {
    let cors = Cors::origins([crate::origin!("https://app.example.com")]).allow_credentials();
    CorsTables::of(&cors.rules).unwrap()
}

fn ask(origin: &'static str, headers: &'static str) -> HeaderMap {
    let mut request = HeaderMap::new();
    request.insert(ORIGIN, HeaderValue::from_static(origin));
    request.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
    request.insert(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(headers));
    request
}

#[test]
fn a_preflight_answers_the_headers_that_are_asked_for_and_allowed() {
    let headers =
        listed().preflight(&ask("https://app.example.com", "Authorization, x-evil,X-D1-Bookmark"));
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "Authorization, X-D1-Bookmark");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(headers[ACCESS_CONTROL_MAX_AGE], "600");
}

#[test]
fn a_foreign_preflight_learns_nothing() {
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
    ] {
        let headers = listed().preflight(&ask(origin, "authorization"));
        assert_eq!(headers.keys().collect::<Vec<_>>(), [&VARY], "{origin}");
    }
}

#[test]
fn two_origins_are_invalid() {
    let mut request = ask("https://app.example.com", "");
    request.append(ORIGIN, HeaderValue::from_static("https://evil.example"));
    assert!(!listed().preflight(&request).contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[test]
fn vary_origin_even_when_the_origin_is_not_allowed() {
    let decorate = |origin: Option<&'static str>, vary: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(vary) = vary {
            headers.insert(VARY, HeaderValue::from_static(vary));
        }
        listed().decorate(origin.map(HeaderValue::from_static).as_ref(), &mut headers);
        headers
            .get_all(VARY)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(decorate(None, None), ["Origin"]);
    assert_eq!(decorate(Some("https://evil.example"), None), ["Origin"]);
    assert_eq!(decorate(None, Some("Accept")), ["Accept", "Origin"]);
    assert_eq!(decorate(None, Some("accept, origin")), ["accept, origin"]);
    assert_eq!(decorate(None, Some("*")), ["*"]);
}

#[test]
fn never_sends_allow_credentials_to_a_foreign_origin() {
    let mut headers = HeaderMap::new();
    listed().decorate(Some(&HeaderValue::from_static("https://evil.example")), &mut headers);
    assert_eq!(headers.keys().collect::<Vec<_>>(), [&VARY]);
}

#[test]
fn any_origin_is_a_star_without_credentials() {
    let tables = CorsTables::of(&Cors::any_origin().rules).unwrap();
    let mut headers = HeaderMap::new();
    tables.decorate(Some(&HeaderValue::from_static("https://evil.example")), &mut headers);
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    assert!(!tables.lists("https://evil.example"));
}

#[test]
fn options_alone_is_not_a_preflight() {
    let request = ask("https://app.example.com", "");
    assert!(is_preflight(&Method::OPTIONS, &request));
    assert!(!is_preflight(&Method::GET, &request));
    assert!(!is_preflight(&Method::OPTIONS, &HeaderMap::new()));
}

proptest! {
    #[test]
    fn no_other_origin_is_ever_allowed(origin in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(origin) = HeaderValue::from_bytes(&origin) {
            let mut headers = HeaderMap::new();
            listed().decorate(Some(&origin), &mut headers);
            prop_assert_eq!(headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), origin == "https://app.example.com");
        }
    }
}

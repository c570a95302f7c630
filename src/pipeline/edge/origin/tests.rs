//! One test per rule of `origin.rs`.

use proptest::prelude::*;

use super::*;

#[test]
fn takes_what_browsers_send() {
    for origin in [
        "https://app.example.com",
        "http://localhost:3000",
        "https://xn--mnchen-3ya.example",
        "http://[::1]:8787",
        "https://[2001:db8::1]",
        "https://a.b:8443",
        "http://a.b:443",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://obsidian.md",
        "app://-",
        "capacitor://localhost:8080",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ] {
        assert_eq!(
            origin.parse::<Origin>().map(|origin| origin.to_string()),
            Ok(origin.to_owned())
        );
    }
}

#[test]
fn refuses_what_could_never_match() {
    for (origin, problem) in [
        ("", OriginError::Scheme),
        ("null", OriginError::Scheme),
        ("*", OriginError::Scheme),
        ("app.example.com", OriginError::Scheme),
        ("ftp://a.b", OriginError::Scheme),
        ("file://", OriginError::Scheme),
        ("xcapacitor://localhost", OriginError::Scheme),
        ("capacitor:localhost", OriginError::Scheme),
        ("Tauri://localhost", OriginError::Scheme),
        ("tauri://", OriginError::Host),
        ("tauri://localhost/", OriginError::Path),
        ("ionic://localhost:0", OriginError::Port),
        ("chrome-extension://Abc", OriginError::Uppercase),
        ("app://*", OriginError::Character),
        ("HTTPS://a.b", OriginError::Scheme),
        ("https://", OriginError::Host),
        ("https:///x", OriginError::Host),
        ("https://:8443", OriginError::Host),
        ("https://[]", OriginError::Host),
        ("https://[::1", OriginError::Host),
        ("https://a.b/", OriginError::Path),
        ("https://a.b/path", OriginError::Path),
        ("https://a.b?x", OriginError::Path),
        ("https://a.b:8443/", OriginError::Path),
        ("https://[::1]/", OriginError::Path),
        ("https://A.b", OriginError::Uppercase),
        ("https://u@a.b", OriginError::Character),
        ("https://*.a.b", OriginError::Character),
        ("https://münchen.example", OriginError::Character),
        ("https://a.b ", OriginError::Character),
        ("https://a.b:", OriginError::Port),
        ("https://a.b:0", OriginError::Port),
        ("https://a.b:65536", OriginError::Port),
        ("https://a.b:99999999999999999999", OriginError::Port),
        ("https://a.b:0443", OriginError::Port),
        ("https://a.b:x", OriginError::Port),
        ("https://a.b:443", OriginError::DefaultPort),
        ("http://a.b:80", OriginError::DefaultPort),
    ] {
        assert_eq!(origin.parse::<Origin>(), Err(problem), "{origin}");
    }
}

#[test]
fn knows_its_own_origin_and_whether_it_is_local() {
    for (url, text, loopback) in [
        ("https://App.Example.com:443/x?y", "https://app.example.com", false),
        ("http://127.0.0.1:8787/", "http://127.0.0.1:8787", true),
        ("http://127.9.9.9/", "http://127.9.9.9", true),
        ("http://app.localhost/", "http://app.localhost", true),
        ("http://localhost.evil.example/", "http://localhost.evil.example", false),
        ("http://127.0.0.1.evil.example/", "http://127.0.0.1.evil.example", false),
        ("http://[::1]:1/", "http://[::1]:1", true),
    ] {
        let own = OwnOrigin::of(&url.parse().unwrap_or_default());
        assert_eq!((own.as_str(), own.is_loopback()), (text, loopback), "{url}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_takes_only_itself(text in "(https?://)?[a-zA-Z0-9.:/\\[\\]*?-]{0,20}") {
        if text.parse::<Origin>().is_ok() {
            let uri: Result<Uri, _> = format!("{text}/").parse();
            // An accepted origin is one that a request can have.
            if let Ok(uri) = uri {
                prop_assert_eq!(OwnOrigin::of(&uri).text, text);
            }
        }
    }
}

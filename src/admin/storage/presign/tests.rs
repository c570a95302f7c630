use super::*;
use crate::testing::MemoryEnvironment;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
/// 2013-05-24T00:00:00Z.
const NOW_MS: u64 = 1_369_353_600_000;

fn env(changed: &[(&str, &str)]) -> MemoryEnvironment {
    let set = [
        (ACCESS_KEY_ID, "AKIAIOSFODNN7EXAMPLE"),
        (SECRET_ACCESS_KEY, SECRET),
        (ACCOUNT_ID, ACCOUNT),
    ];
    set.iter()
        .chain(changed)
        .fold(MemoryEnvironment::new(), |env, (name, value)| env.with_var(*name, *value))
}

fn presigner() -> Presigner {
    Presigner::from_env(&env(&[])).unwrap().bucket("FILES", "my-files")
}

fn request(key: &str) -> UrlRequest {
    UrlRequest {
        bucket: "FILES".into(),
        key: key.into(),
        method: Method::GET,
        expires_in: None,
        content_type: None,
        origin: "https://app.test".into(),
        now_ms: NOW_MS,
    }
}

fn upload(content_type: Option<&str>) -> UrlRequest {
    UrlRequest {
        method: Method::PUT,
        content_type: content_type.map(str::to_owned),
        ..request("a.txt")
    }
}

fn path(url: &str) -> &str {
    url.strip_prefix(&format!("https://{ACCOUNT}.r2.cloudflarestorage.com"))
        .and_then(|rest| rest.split('?').next())
        .unwrap()
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

/// The example of "Authenticating Requests: Using Query Parameters" of Amazon S3.
#[test]
fn signs_the_published_example_of_aws() {
    let endpoint = "https://s3.amazonaws.com".parse().unwrap();
    let bucket =
        Bucket::new(endpoint, UrlStyle::VirtualHost, "examplebucket", "us-east-1").unwrap();
    let Presigner { credentials, .. } = presigner();
    let now = Timestamp::from_millisecond(NOW_MS.try_into().unwrap()).unwrap();
    let url = bucket
        .get_object(Some(&credentials), "test.txt")
        .sign_with_time(Duration::from_secs(86_400), &now);
    assert_eq!(
        parameter(url.as_str(), "X-Amz-Signature"),
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

/// An independent computation of the signature, step by step as the specification describes it.
fn expected_signature(url: &str, method: &str, headers: &str, signed: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};

    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let (query, _) = url.split_once('?').unwrap().1.split_once("&X-Amz-Signature=").unwrap();
    let canonical =
        format!("{method}\n{}\n{query}\n{headers}\n\n{signed}\nUNSIGNED-PAYLOAD", path(url));
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let text =
        format!("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/auto/s3/aws4_request\n{digest}");
    let key = ["20130524", "auto", "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    hex(&mac(&key, &text))
}

#[test]
fn signs_urls_of_r2_by_the_specification() {
    let host = format!("host:{ACCOUNT}.r2.cloudflarestorage.com");
    let read = presigner().presign(&request("a b/ü+%.txt")).unwrap();
    assert_eq!(
        parameter(&read, "X-Amz-Signature"),
        expected_signature(&read, "GET", &host, "host")
    );
    let write = presigner().presign(&upload(Some("text/plain"))).unwrap();
    assert_eq!(parameter(&write, "X-Amz-SignedHeaders"), "content-type%3Bhost");
    assert_eq!(
        parameter(&write, "X-Amz-Signature"),
        expected_signature(
            &write,
            "PUT",
            &format!("content-type:text/plain\n{host}"),
            "content-type;host"
        )
    );
}

#[test]
fn encodes_keys_once() {
    for (key, encoded) in [
        ("a/b.txt", "a/b.txt"),
        ("a b", "a%20b"),
        ("a%20b", "a%2520b"),
        ("ü/日", "%C3%BC/%E6%97%A5"),
        ("a+b&c=d?e#f", "a%2Bb%26c%3Dd%3Fe%23f"),
        ("a\\b", "a%5Cb"),
        ("/a//b/", "/a//b/"),
        ("%2e%2e/a", "%252e%252e/a"),
        ("...", "..."),
    ] {
        let url = presigner().presign(&request(key)).unwrap();
        assert_eq!(path(&url), format!("/my-files/{encoded}"), "{key}");
    }
}

#[test]
fn refuses_keys_whose_url_is_that_of_another_object() {
    for key in ["", ".", "..", "../other/a", "a/../b", "a/./b", "a/.."] {
        let error = presigner().presign(&request(key)).unwrap_err();
        assert_eq!(error.code(), "BAD_REQUEST", "{key}");
    }
}

#[test]
fn bounds_the_validity_to_a_week() {
    let validity = |expires_in| {
        let url = presigner().presign(&UrlRequest { expires_in, ..request("a") }).unwrap();
        parameter(&url, "X-Amz-Expires").to_owned()
    };
    assert_eq!(validity(None), "900");
    assert_eq!(validity(Some(Duration::from_secs(60))), "60");
    assert_eq!(validity(Some(Duration::from_secs(604_801))), "604800");
    assert_eq!(validity(Some(Duration::MAX)), "604800");
    assert_eq!(validity(Some(Duration::from_millis(1))), "1");
}

#[test]
fn binds_the_method_and_the_type_of_an_upload() {
    let signature = |request: &UrlRequest| {
        parameter(&presigner().presign(request).unwrap(), "X-Amz-Signature").to_owned()
    };
    let plain = signature(&upload(Some("text/plain")));
    assert_ne!(signature(&request("a.txt")), signature(&upload(None)));
    assert_ne!(plain, signature(&upload(None)));
    assert_ne!(plain, signature(&upload(Some("text/html"))));
    assert_eq!(plain, signature(&upload(Some(" text/plain "))));
    for refused in ["", "text/plain\r\nx-evil: 1", "text/\tplain", "text/plain;  a=b", "ü"] {
        assert!(presigner().presign(&upload(Some(refused))).is_err(), "{refused:?}");
    }
    let delete = UrlRequest { method: Method::DELETE, ..request("a.txt") };
    assert!(presigner().presign(&delete).is_err());
}

#[test]
fn names_the_variable_that_is_missing_or_malformed_and_never_its_value() {
    for (name, value, expected) in [
        (ACCESS_KEY_ID, "", "R2_ACCESS_KEY_ID is not set"),
        (SECRET_ACCESS_KEY, "", "R2_SECRET_ACCESS_KEY is not set"),
        (ACCOUNT_ID, "", "R2_ACCOUNT_ID is not set"),
        (ACCESS_KEY_ID, "hush id", "invalid R2_ACCESS_KEY_ID"),
        (SECRET_ACCESS_KEY, "hush\n", "invalid R2_SECRET_ACCESS_KEY"),
        (ACCOUNT_ID, "hush", "invalid R2_ACCOUNT_ID"),
        (ENDPOINT, "hush", "invalid R2_ENDPOINT"),
        (ENDPOINT, "http://hush.example.com", "invalid R2_ENDPOINT"),
        (ENDPOINT, "https://hush:hush@example.com", "invalid R2_ENDPOINT"),
        (ENDPOINT, "https://example.com/hush", "invalid R2_ENDPOINT"),
        (ENDPOINT, "https://example.com?hush", "invalid R2_ENDPOINT"),
        (ENDPOINT, "https://example.com#hush", "invalid R2_ENDPOINT"),
        (ENDPOINT, "ftp://hush", "invalid R2_ENDPOINT"),
    ] {
        let error = Presigner::from_env(&env(&[(name, value)])).unwrap_err();
        assert_eq!(error.code(), "MISCONFIGURED", "{name}={value:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn reads_the_endpoint_before_the_account() {
    for endpoint in ["https://eu.example.com", "https://eu.example.com/", "http://localhost:9000"] {
        let presigner = Presigner::from_env(&env(&[(ENDPOINT, endpoint)])).unwrap();
        let url = presigner.bucket("FILES", "my-files").presign(&request("a")).unwrap();
        let origin = endpoint.trim_end_matches('/');
        assert!(url.starts_with(&format!("{origin}/my-files/a?")), "{url}");
    }
}

#[test]
fn asks_for_the_name_of_a_bucket_that_r2_cannot_have() {
    let error = Presigner::from_env(&env(&[])).unwrap().presign(&request("a")).unwrap_err();
    assert_eq!(error.code(), "MISCONFIGURED");
    assert!(error.to_string().contains(".bucket(\"FILES\""), "{error}");
    let same = UrlRequest { bucket: "files".into(), ..request("a") };
    assert!(presigner().presign(&same).unwrap().contains("/files/a?"));
}

#[test]
fn keeps_the_secret_out_of_debug_and_of_urls() {
    let presigner = presigner();
    let url = presigner.presign(&request("a")).unwrap();
    assert!(!format!("{presigner:?} {presigner:#?} {url}").contains("wJalr"));
}

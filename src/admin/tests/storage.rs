//! The application's buckets.

use serde_json::json;

use super::*;
use crate::{
    operate::Storage,
    platform::StoreOperation,
    testing::{MemoryObjectStore, capture_logs},
};

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

struct Stores {
    app: Lunora<MemoryEnvironment>,
    files: MemoryObjectStore,
    archive: MemoryObjectStore,
}

fn stores() -> Stores {
    let (files, archive) = (MemoryObjectStore::new(), MemoryObjectStore::new());
    let storage = Storage::new("FILES", files.clone()).bucket("ARCHIVE", archive.clone()).signer(
        async |request| match request.key.as_str() {
            "unsignable" => Err("secret words of the signer"),
            _ => Ok(format!("{request:?}")),
        },
    );
    Stores { app: with_token().storage(storage).build(), files, archive }
}

fn put(app: &Lunora<MemoryEnvironment>, query: &str, body: impl Into<crate::Body>) -> Answer {
    ask(app, "PUT", &format!("/_lunora/admin/storage?{query}"), body)
}

#[test]
fn an_object_is_written_listed_read_and_deleted() {
    let Stores { app, files, .. } = stores();
    let upload = request("POST", "/_lunora/admin/storage?key=a%2Fb.txt", "hello")
        .with_header("authorization", BEARER)
        .with_header("content-type", "text/plain");
    let answer = send(&app, &MemoryEnvironment::new(), upload);
    assert_eq!(answer.status, 200);
    let written = answer.json();
    assert_eq!(written["key"], "a/b.txt");
    assert!(written.get("sha256").is_none(), "the request did not ask for it");

    let listed = get(&app, "/_lunora/admin/storage?prefix=a/").json();
    assert_eq!(
        listed,
        json!({ "objects": [{
            "key": "a/b.txt", "size": 5, "etag": written["etag"], "uploaded": "1970-01-01T00:00:00.000Z",
            "sha256": HELLO_SHA256, "contentType": "text/plain",
        }] })
    );

    let read = get(&app, "/_lunora/admin/storage/object?key=a/b.txt");
    assert_eq!((read.status, &*read.body), (200, "hello"));
    assert_eq!(read.header("content-type"), Some("text/plain"));
    assert_eq!(read.header("content-length"), Some("5"));
    assert_eq!(read.header("content-disposition"), Some("attachment"));
    assert_eq!(read.header("x-content-type-options"), Some("nosniff"));

    let deleted = ask(&app, "DELETE", "/_lunora/admin/storage?key=a/b.txt", "");
    assert_eq!(deleted.json(), json!({ "deleted": true, "key": "a/b.txt" }));
    assert!(files.keys().is_empty());
    let gone = get(&app, "/_lunora/admin/storage/object?key=a/b.txt");
    assert_eq!(gone.error(), (404, "STORAGE_OBJECT_NOT_FOUND".into()));
}

#[test]
fn an_upload_that_differs_from_its_declaration_writes_nothing() {
    let Stores { app, files, .. } = stores();
    let verified =
        put(&app, &format!("key=k&expectedSize=5&expectedSha256={HELLO_SHA256}"), "hello");
    assert_eq!((verified.status, &verified.json()["sha256"]), (200, &json!(HELLO_SHA256)));
    let upper = HELLO_SHA256.to_uppercase();
    assert_eq!(put(&app, &format!("key=k&expectedSha256={upper}"), "hello").status, 200);
    assert_eq!(put(&app, "key=k&expectedSize=5", "hello").json()["sha256"], HELLO_SHA256);

    for query in [
        "key=bad&expectedSize=4".to_owned(),
        format!("key=bad&expectedSha256={}", HELLO_SHA256.replace('2', "3")),
        format!("key=bad&expectedSha256={}", HELLO_SHA256.replace('2', "g")),
        "key=bad&expectedSha256=2cf2".to_owned(),
        format!("key=bad&expectedSize=4&expectedSha256={HELLO_SHA256}"),
    ] {
        let answer = put(&app, &query, "hello");
        assert_eq!(answer.error(), (400, "STORAGE_CHECKSUM_MISMATCH".into()), "{query}");
    }
    for query in ["key=bad&expectedSize=five", ""] {
        assert_eq!(put(&app, query, "hello").error(), (400, "BAD_REQUEST".into()), "{query}");
    }
    assert_eq!(files.keys(), ["k"]);
}

#[test]
fn an_upload_may_be_large_and_not_larger() {
    let Stores { app, files, .. } = stores();
    const BUDGET: usize = 32 * 1024 * 1024;
    let largest = vec![7; BUDGET];
    let declared = request("PUT", "/_lunora/admin/storage?key=largest", largest)
        .with_header("authorization", BEARER)
        .with_header("content-length", BUDGET.to_string());
    assert_eq!(send(&app, &MemoryEnvironment::new(), declared).status, 200);
    assert_eq!(put(&app, "key=larger", vec![7; BUDGET + 1]).error().0, 413);
    assert_eq!(files.keys(), ["largest"]);
}

#[test]
fn an_unknown_bucket_never_selects_the_default_one() {
    let Stores { app, files, archive } = stores();
    assert_eq!(put(&app, "key=k&bucket=ARCHIVE", "hello").status, 200);
    assert_eq!((files.keys().len(), archive.keys().len()), (0, 1));
    for (method, path) in [
        ("GET", "/_lunora/admin/storage?bucket=archive"),
        ("PUT", "/_lunora/admin/storage?bucket=archive&key=k"),
        ("DELETE", "/_lunora/admin/storage?bucket=archive&key=k"),
        ("GET", "/_lunora/admin/storage/object?bucket=archive&key=k"),
        ("GET", "/_lunora/admin/storage/url?bucket=archive&key=k"),
    ] {
        assert_eq!(ask(&app, method, path, "x").error(), (404, "NOT_FOUND".into()), "{path}");
    }
    let buckets = get(&app, "/_lunora/admin/storage/buckets").json();
    assert_eq!(buckets, json!({ "buckets": ["FILES", "ARCHIVE"] }));
}

#[test]
fn a_list_has_pages() {
    let Stores { app, .. } = stores();
    for key in ["a", "b", "c"] {
        put(&app, &format!("key={key}"), "x");
    }
    let mut keys = Vec::new();
    let mut path = "/_lunora/admin/storage?limit=2".to_owned();
    loop {
        let page = get(&app, &path).json();
        let objects = page["objects"].as_array().unwrap();
        keys.extend(objects.iter().map(|object| object["key"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/_lunora/admin/storage?limit=2&cursor={cursor}");
    }
    assert_eq!(keys, ["a", "b", "c"]);
    assert_eq!(get(&app, "/_lunora/admin/storage?limit=9999").status, 200);
    for limit in ["0", "-1", "many"] {
        let path = format!("/_lunora/admin/storage?limit={limit}");
        assert_eq!(get(&app, &path).error().0, 400, "{limit}");
    }
}

#[test]
fn a_url_is_signed_for_at_most_a_week_and_only_for_reading_or_writing() {
    let Stores { app, .. } = stores();
    let sign = |query: &str| get(&app, &format!("/_lunora/admin/storage/url?{query}"));
    let url = |query: &str| sign(query).json()["url"].as_str().unwrap_or_default().to_owned();
    let week = url("key=k&expiresIn=99999999&method=PUT&contentType=text/plain");
    for part in ["604800s", "PUT", "text/plain", "FILES", "https://app.test"] {
        assert!(week.contains(part), "{week}");
    }
    assert!(url("key=k").contains("expires_in: None"));
    for query in ["key=k&method=DELETE", "key=k&method=get", "key=k&expiresIn=soon", ""] {
        assert_eq!(sign(query).error().0, 400, "{query}");
    }
    let logs = capture_logs();
    let failed = sign("key=unsignable");
    assert_eq!(failed.error(), (500, "INTERNAL".into()));
    assert!(!failed.body.contains("secret") && logs.lines()[0].contains("secret words"));

    let unsigned = with_token().storage(Storage::new("FILES", MemoryObjectStore::new())).build();
    let answer = get(&unsigned, "/_lunora/admin/storage/url?key=k");
    assert_eq!(answer.error(), (400, "STORAGE_URL_NOT_CONFIGURED".into()));
}

#[test]
fn a_store_that_fails_is_a_server_error_without_details() {
    let Stores { app, files, .. } = stores();
    let logs = capture_logs();
    files.fails_once(StoreOperation::List, "secret words of R2");
    let answer = get(&app, "/_lunora/admin/storage");
    assert_eq!(answer.error(), (500, "INTERNAL".into()));
    assert!(!answer.body.contains("secret") && logs.lines()[0].contains("secret words of R2"));
    let long = "k".repeat(1025);
    assert_eq!(put(&app, &format!("key={long}"), "x").error().0, 400);
}

#[test]
fn without_storage_each_route_has_its_own_code_and_the_picker_is_empty() {
    let app = with_token().build();
    for (method, path, code) in [
        ("GET", "/_lunora/admin/storage", "STORAGE_NOT_CONFIGURED"),
        ("PUT", "/_lunora/admin/storage", "STORAGE_UPLOAD_NOT_CONFIGURED"),
        ("POST", "/_lunora/admin/storage", "STORAGE_UPLOAD_NOT_CONFIGURED"),
        ("DELETE", "/_lunora/admin/storage", "STORAGE_DELETE_NOT_CONFIGURED"),
        ("GET", "/_lunora/admin/storage/object", "STORAGE_DOWNLOAD_NOT_CONFIGURED"),
        ("GET", "/_lunora/admin/storage/url", "STORAGE_URL_NOT_CONFIGURED"),
    ] {
        assert_eq!(ask(&app, method, path, "").error(), (400, code.into()), "{method} {path}");
    }
    assert_eq!(get(&app, "/_lunora/admin/storage/buckets").json(), json!({ "buckets": [] }));
}

//! The namespaces of Workers KV.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    operate::KvNamespaces,
    testing::{ManualClock, MemoryKv},
};

fn app(clock: &ManualClock) -> Lunora<MemoryEnvironment> {
    let kv = MemoryKv::new().with_clock(clock.clone());
    with_token()
        .kv(KvNamespaces::new().namespace("SETTINGS", kv).namespace("CACHE", MemoryKv::new()))
        .clock(clock.clone())
        .build()
}

fn put(app: &Lunora<MemoryEnvironment>, body: &Value) -> Answer {
    ask(app, "PUT", "/_lunora/admin/kv/value", body.to_string())
}

#[test]
fn a_value_is_written_read_listed_and_deleted() {
    let app = app(&ManualClock::new(0));
    assert_eq!(
        get(&app, "/_lunora/admin/kv/namespaces").json(),
        json!({ "namespaces": [{ "binding": "SETTINGS" }, { "binding": "CACHE" }] })
    );
    let body = json!({ "namespace": "SETTINGS", "key": "a/b", "value": "größe", "metadata": { "by": ["ada"] } });
    assert_eq!(put(&app, &body).json(), json!({ "ok": true }));
    let path = "/_lunora/admin/kv/value?namespace=SETTINGS&key=a/b";
    assert_eq!(get(&app, path).json(), json!({ "value": "größe", "metadata": { "by": ["ada"] } }));
    assert_eq!(
        get(&app, "/_lunora/admin/kv/keys?namespace=SETTINGS&prefix=a/").json(),
        json!({ "keys": [{ "name": "a/b", "metadata": { "by": ["ada"] } }], "listComplete": true })
    );
    let elsewhere = get(&app, "/_lunora/admin/kv/keys?namespace=CACHE").json();
    assert_eq!(elsewhere, json!({ "keys": [], "listComplete": true }));

    assert_eq!(ask(&app, "DELETE", path, "").json(), json!({ "deleted": true }));
    assert_eq!(get(&app, path).json(), json!({ "value": null, "metadata": null }));
}

#[test]
fn a_value_expires_at_its_time_and_not_within_a_minute() {
    let clock = ManualClock::new(1_000_000);
    let app = app(&clock);
    let entry = |more: Value| {
        let mut body = json!({ "namespace": "SETTINGS", "key": "k", "value": "v" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&app, &body)
    };
    for bad in [
        json!({ "expirationTtl": 59 }),
        json!({ "expirationTtl": 60.5 }),
        json!({ "expirationTtl": -60 }),
        json!({ "expiration": 1_059 }),
        json!({ "expiration": "tomorrow" }),
    ] {
        assert_eq!(entry(bad.clone()).error(), (400, "BAD_REQUEST".into()), "{bad}");
    }
    assert_eq!(entry(json!({ "expiration": 1_060 })).status, 200);
    assert_eq!(entry(json!({ "expirationTtl": 60 })).status, 200);
    let keys = || get(&app, "/_lunora/admin/kv/keys?namespace=SETTINGS").json()["keys"].clone();
    assert_eq!(keys(), json!([{ "name": "k", "expiration": 1_060 }]));
    clock.advance(Duration::from_secs(60));
    assert_eq!(keys(), json!([]));
}

#[test]
fn keys_have_pages() {
    let app = app(&ManualClock::new(0));
    for key in ["a", "b", "c"] {
        put(&app, &json!({ "namespace": "CACHE", "key": key, "value": "" }));
    }
    let first = get(&app, "/_lunora/admin/kv/keys?namespace=CACHE&limit=2").json();
    assert_eq!(
        (&first["listComplete"], first["keys"].as_array().unwrap().len()),
        (&json!(false), 2)
    );
    let cursor = first["cursor"].as_str().unwrap();
    let rest =
        get(&app, &format!("/_lunora/admin/kv/keys?namespace=CACHE&limit=5000&cursor={cursor}"));
    assert_eq!(rest.json(), json!({ "keys": [{ "name": "c" }], "listComplete": true }));
}

#[test]
fn reports_what_is_missing_or_unknown() {
    let app = app(&ManualClock::new(0));
    for path in [
        "/_lunora/admin/kv/keys",
        "/_lunora/admin/kv/keys?namespace=SETTINGS&limit=0",
        "/_lunora/admin/kv/value?namespace=SETTINGS",
        "/_lunora/admin/kv/value?key=k",
    ] {
        assert_eq!(get(&app, path).error(), (400, "BAD_REQUEST".into()), "{path}");
    }
    assert_eq!(
        get(&app, "/_lunora/admin/kv/keys?namespace=settings").error(),
        (404, "NOT_FOUND".into())
    );
    let unknown = json!({ "namespace": "OTHER", "key": "k", "value": "v" });
    assert_eq!(put(&app, &unknown).error(), (404, "NOT_FOUND".into()));
    for bad in [
        json!({ "namespace": "SETTINGS", "value": "v" }),
        json!({ "namespace": "SETTINGS", "key": "", "value": "v" }),
        json!({ "namespace": "SETTINGS", "key": "k", "value": 7 }),
    ] {
        assert_eq!(put(&app, &bad).error(), (400, "BAD_REQUEST".into()), "{bad}");
    }
    let large = json!({ "namespace": "SETTINGS", "key": "k", "value": "x".repeat(2 << 20) });
    assert_eq!(put(&app, &large).status, 200, "more than the budget of other bodies");

    let none = with_token().build();
    let answer = get(&none, "/_lunora/admin/kv/namespaces");
    assert_eq!(answer.error(), (400, "KV_NOT_CONFIGURED".into()));
}

//! Rebuilding the registry.

use super::*;

/// Shard `c` has a message too, but is not in any registry.
fn contents(key: &str, operation: &str, args: &Value) -> Value {
    match operation {
        "listTables" => json!([{"name": "messages", "rowCount": u8::from(key == "c")}]),
        "exportShard" => json!({"rows": [], "cursor": null, "isDone": true}),
        "forgetAnnouncement" => json!({"ok": true}),
        other => unreachable!("{other} {args}"),
    }
}

#[test]
fn a_rebuild_of_the_registry_asks_the_shards_that_are_named_and_those_of_snapshots() {
    let _logs = testing::capture_logs();
    let path = "/_lunora/admin/registry/rebuild";
    let (app, shards) = app(contents);
    let report = post(&app, path, r#"{"keys":["c"," d "]}"#).json();
    assert_eq!(report["listed"], json!(["a", "b"]));
    assert_eq!(report["empty"], json!([" d ", "__root__"]));
    // This registry has fixed contents and cannot register a shard.
    assert_eq!(report["failed"][0]["shardKey"], "c");
    assert!(report["unseen"].as_str().unwrap().contains("in no snapshot"), "{report}");
    let asked = |key: &str| shards.calls().iter().any(|call| call.address.key.as_str() == key);
    assert!(asked(" d ") && !asked("d"));
    let report = post(&app, path, r#"{"snapshots":false}"#).json();
    assert!(report["unseen"].as_str().unwrap().contains("no snapshot was read"), "{report}");
}

#[test]
fn a_rebuild_of_the_registry_rejects_invalid_and_too_many_keys_before_a_shard_is_asked() {
    let (app, shards) = app(contents);
    let many = json!({ "keys": vec!["k"; 10_001] });
    for body in [
        json!({ "keys": ["a", "x::relay::1"] }),
        json!({ "keys": ["k".repeat(1025)] }),
        json!({ "keys": [7] }),
        json!({ "keys": "a" }),
        many,
    ] {
        let answer = post(&app, "/_lunora/admin/registry/rebuild", &body.to_string());
        assert_eq!(answer.error(), (400, "BAD_REQUEST".to_owned()), "{}", answer.body);
    }
    assert!(shards.calls().is_empty());
}

//! One test per rule of `envelope.rs`.

use proptest::prelude::*;

use super::*;

fn refused(json: &str) -> String {
    let error = RpcEnvelope::from_slice(json.as_bytes()).unwrap_err();
    format!("{} {}", error.code(), error.message())
}

#[test]
fn refuses_each_malformed_field_by_name() {
    for (json, expected) in [
        ("", "BAD_REQUEST RPC body must be valid JSON"),
        ("{", "BAD_REQUEST RPC body must be valid JSON"),
        (r#"{"functionPath":"a:b"} x"#, "BAD_REQUEST RPC body must be valid JSON"),
        ("[]", "BAD_REQUEST Request body must be an object"),
        ("null", "BAD_REQUEST Request body must be an object"),
        (r#""a""#, "BAD_REQUEST Request body must be an object"),
        ("{}", "BAD_REQUEST functionPath must be a string"),
        (r#"{"functionPath":7}"#, "BAD_REQUEST functionPath must be a string"),
        (r#"{"functionPath":"a:b","args":[]}"#, "BAD_REQUEST args must be an object"),
        (r#"{"functionPath":"a:b","args":null}"#, "BAD_REQUEST args must be an object"),
        (r#"{"functionPath":"a:b","args":"{}"}"#, "BAD_REQUEST args must be an object"),
        (r#"{"functionPath":"a:b","shardKey":null}"#, "BAD_REQUEST shardKey must be a string"),
        (r#"{"functionPath":"a:b","shardKey":1}"#, "BAD_REQUEST shardKey must be a string"),
        (
            r#"{"functionPath":"a:b","shardKey":""}"#,
            "BAD_REQUEST shardKey must not be empty; leave it out for the default shard",
        ),
        (
            r#"{"functionPath":"a\ud800:b"}"#,
            "BAD_REQUEST functionPath: expected Unicode text, received half of a surrogate pair",
        ),
        (
            r#"{"functionPath":"a:b","shardKey":"\udc00"}"#,
            "BAD_REQUEST shardKey: expected Unicode text, received half of a surrogate pair",
        ),
        (
            r#"{"functionPath":"a:b","shardKey":"a","fanOut":{"table":"t","merge":{"kind":"sum"}}}"#,
            "BAD_REQUEST shardKey and fanOut exclude each other",
        ),
        (
            r#"{"functionPath":"a:b","shardKey":"a::relay::0"}"#,
            "FORBIDDEN_SHARD a shard key may not contain `::relay::`",
        ),
    ] {
        assert_eq!(refused(json), expected, "{json}");
    }
}

#[test]
fn refuses_bytes_that_are_not_utf_8() {
    let error = RpcEnvelope::from_slice(b"{\"functionPath\":\"\xff\"}").unwrap_err();
    assert_eq!(error.status(), 400);
}

#[test]
fn absent_args_are_an_empty_object() {
    let envelope = RpcEnvelope::from_slice(br#"{"functionPath":"a:b"}"#).unwrap();
    assert_eq!(envelope.to_shard_body(), br#"{"args":{},"functionPath":"a:b"}"#);
}

#[test]
fn of_a_repeated_field_the_last_counts() {
    let envelope = RpcEnvelope::from_slice(
        br#"{"functionPath":1,"functionPath":"a:b","x":[{}],"args":1,"args":{}}"#,
    )
    .unwrap();
    assert_eq!(envelope.function_path(), "a:b");
}

#[test]
fn args_reach_the_shard_byte_for_byte() {
    for args in [
        r#"{"n":9007199254740993,"m":-0,"e":1E400}"#,
        r#"{"a":1,"a":2,"__proto__":{"x":1}}"#,
        r#"{ "spaced" : "\u00e9\ud83d\ude00é😀\ud800" }"#,
        r#"{"$lunora.wire$":["$lunora.wire$","bigint","1"]}"#,
    ] {
        let json = format!(r#"{{"functionPath":"a:b","args":{args},"shardKey":"k"}}"#);
        let envelope = RpcEnvelope::from_slice(json.as_bytes()).unwrap();
        let body = String::from_utf8(envelope.to_shard_body()).unwrap();
        assert_eq!(body, format!(r#"{{"args":{args},"functionPath":"a:b"}}"#));
    }
}

#[test]
fn args_may_nest_as_deep_as_the_budget_allows() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let json = format!(r#"{{"functionPath":"a:b","args":{{"a":{deep}}}}}"#);
    assert!(RpcEnvelope::from_slice(json.as_bytes()).is_ok());
}

#[test]
fn an_empty_key_is_never_written() {
    let empty = ShardKey::new("").unwrap();
    let envelope = define_rpc_envelope("a:b", &()).unwrap().with_shard_key(empty);
    assert_eq!(envelope.to_json(), r#"{"functionPath":"a:b","args":{}}"#);
    assert_eq!(envelope.shard_key(), None);
}

#[test]
fn takes_a_unit_for_no_arguments() {
    let args = |args: &serde_json::Value| {
        define_rpc_envelope("a:b", args).ok().map(|envelope| envelope.args().to_owned())
    };
    assert_eq!(define_rpc_envelope("a:b", &()).unwrap().args(), "{}");
    assert_eq!(args(&serde_json::json!({})).as_deref(), Some("{}"));
    for refused in [serde_json::json!([]), serde_json::json!("{}"), serde_json::json!(1)] {
        assert_eq!(args(&refused), None, "{refused}");
    }
}

proptest! {
    #[test]
    fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = RpcEnvelope::from_slice(&bytes);
    }

    #[test]
    fn a_written_envelope_reads_back(path in ".*", key in "[a-z:]{1,20}", text in ".*") {
        prop_assume!(ShardKey::new(&*key).is_ok());
        let envelope = define_rpc_envelope(&*path, &serde_json::json!({ "text": text })).unwrap()
            .with_shard_key(ShardKey::new(&*key).unwrap());
        let read = RpcEnvelope::from_slice(envelope.to_json().as_bytes()).unwrap();
        prop_assert_eq!(read.function_path(), &*path);
        prop_assert_eq!(read.args(), envelope.args());
        prop_assert_eq!(read.shard_key().unwrap().as_str(), &*key);
    }
}

//! What a client posts: a call, or several.

use std::collections::BTreeMap;

use lunora::{parsers, wire::RpcEnvelope};
use serde_json::value::RawValue;

pub(super) const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "\"",
    "\\u0000",
    "\\ud800",
    "1e400",
    "\"functionPath\":\"m:list\"",
    "\"args\":{}",
    "\"shardKey\":\"k\"",
    "\"fanOut\":{\"table\":\"t\",\"merge\":{\"kind\":\"sum\"}}",
    "\"kind\":\"topK\",\"k\":1,\"by\":\"a\"",
    "\"by\":\"a\"",
    "\"op\":\"max\"",
    "\"direction\":\"asc\"",
    "\"calls\":[",
    "\"id\":1",
    "\"mutationId\":\"m\"",
    "\"clientId\":\"c\"",
    "\"clientSeq\":7",
    "::relay::",
    "__lunora_admin__:",
    "__lunora_relation__:",
    "\"m:add\"",
    "\"m:list\"",
];

/// What is accepted is written and read back the same, and its shard reads the same call.
pub(super) fn envelope(input: &[u8]) -> bool {
    let Ok(envelope) = RpcEnvelope::from_slice(input) else { return false };
    let json = envelope.to_json();
    let again = RpcEnvelope::from_slice(json.as_bytes());
    assert_eq!(again.map(|again| again.to_json()).as_deref().ok(), Some(&*json));
    let on_shard = parsers::shard_call(&parsers::shard_body(&envelope)).ok();
    let expected = (envelope.function_path().to_owned(), envelope.args().to_owned());
    assert_eq!(on_shard, Some(expected), "the shard reads another call");
    true
}

/// Each entry is an object of known fields, and nothing that only the server may call.
pub(super) fn batch(input: &[u8]) -> bool {
    let Ok(calls) = parsers::batch(input) else { return false };
    for call in calls {
        // JSON allows numbers that no double holds, so the fields stay text.
        let entry: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(&call.entry);
        let Ok(entry) = entry else { unreachable!("not an object: {}", call.entry) };
        let text = |name| entry.get(name).map(|raw| raw.get()).unwrap_or_default();
        let path: String = serde_json::from_str(text("functionPath")).unwrap_or_default();
        let server_only = ["__lunora_admin__:", "__lunora_relation__:"];
        assert!(!server_only.iter().any(|prefix| path.starts_with(prefix)), "{path}");
        assert!(text("args").starts_with('{'), "{}", call.entry);
        assert_eq!(text("id"), call.id);
        assert!(!call.id.starts_with(['{', '[', 'n', 't', 'f']), "{}", call.id);
        let fields = ["id", "functionPath", "args", "mutationId", "clientId", "clientSeq"];
        assert!(entry.keys().all(|key| fields.contains(&&**key)), "{}", call.entry);
        assert!(call.shard_key.is_none_or(|key| key.as_str().len() <= 1024));
    }
    true
}

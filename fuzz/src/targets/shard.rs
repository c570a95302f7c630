//! What reaches a shard: frames of sockets, bodies of calls, cursors.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lunora::{
    LunoraError, Request, parsers,
    shard::{
        Document, Mutation, Page, Query, ShardDefinition, Table, prelude::NoArgs, table,
        testing::TestShard,
    },
    testing::capture_logs,
};
use serde_json::{Value, json, value::RawValue};

pub(super) const FRAME_TOKENS: &[&str] = &[
    "{\"type\":\"connect\"",
    "\"type\":\"subscribe\"",
    "\"type\":\"unsubscribe\"",
    "\"type\":\"stream\"",
    "\"type\":\"shape_subscribe\"",
    "\"id\":\"s\"",
    "\"clientId\":\"c\"",
    "\"query\":{",
    "}",
    "{",
    "[",
    "]",
    "\"functionPath\":\"m:list\"",
    "\"args\":{}",
    "\"sinceSeq\":7",
    "\"sinceEpoch\":\"e\"",
    ",",
    ":",
    "null",
];

const MESSAGES: Table<Value> = table!("messages");

thread_local! {
    static SHARD: TestShard = shard();
}

fn shard() -> TestShard {
    fn add(ctx: &Mutation<'_>, args: Value) -> Result<Document<Value>, LunoraError> {
        ctx.db().insert(MESSAGES, args)
    }
    fn list(ctx: &Query<'_>, _: NoArgs) -> Result<usize, LunoraError> {
        Ok(ctx.db().table(MESSAGES).take(3)?.len())
    }
    #[allow(clippy::needless_pass_by_value, reason = "a function owns its arguments")]
    fn page(ctx: &Query<'_>, args: Value) -> Result<Page<Document<Value>>, LunoraError> {
        ctx.db().table(MESSAGES).paginate(args.get("cursor").and_then(Value::as_str), 3)
    }
    let definition = ShardDefinition::new()
        .table(MESSAGES)
        .mutation("m:add", add)
        .query("m:list", list)
        .query("m:page", page);
    let shard = TestShard::new(definition).admin_token("a-token-for-this-run-alone-0123456789");
    for text in ["a", "b", "c", "d", "e"] {
        let _ = shard.answer("m:add", &json!({ "text": text }));
    }
    shard
}

pub(super) fn frame(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let known = parsers::is_client_frame(text);
    assert!(!known || serde_json::from_str::<&RawValue>(text).is_ok());
    known
}

/// A body is answered, and never 500.
pub(super) fn post(input: &[u8]) -> bool {
    let _logs = capture_logs();
    SHARD.with(|shard| {
        ["/rpc", "/rpc-batch"]
            .map(|path| {
                let request =
                    Request::post(format!("https://shard.internal{path}"), input.to_vec());
                let status = shard.fetch(request).status().as_u16();
                assert_ne!(status, 500, "{path}");
                status < 300
            })
            .contains(&true)
    })
}

/// The input is the JSON inside a cursor, or after a zero byte the cursor itself.
pub(super) fn cursor(input: &[u8]) -> bool {
    let _logs = capture_logs();
    let (json, text) = super::split(input);
    let cursor = match str::from_utf8(text) {
        Ok(text) if !text.is_empty() => text.to_owned(),
        _ => BASE64_URL_SAFE_NO_PAD.encode(json),
    };
    let known = parsers::read_cursor(&cursor);
    if let Some(position) = &known {
        let again = parsers::write_cursor(position.clone()).ok();
        let again = again.and_then(|again| parsers::read_cursor(&again));
        assert_eq!(again.as_ref(), Some(position), "a cursor comes back as another");
    }
    SHARD.with(|shard| {
        let answers = [
            shard.answer("m:page", &json!({ "cursor": cursor })),
            shard.admin("exportShard", &json!({ "cursor": cursor, "limit": 10 })),
            shard.admin("exportClients", &json!({ "cursor": cursor })),
        ];
        for (status, answer) in &answers {
            assert!(*status < 500, "{answer}");
        }
        known.is_some() || answers.iter().any(|(status, _)| *status == 200)
    })
}

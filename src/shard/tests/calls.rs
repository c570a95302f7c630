//! Access to functions by caller, and the answers of calls.

use super::*;
use crate::{errors::Code, message::Request, wire::Identity};

fn whoami(ctx: &Query<'_>, _: NoArgs) -> Result<Value, LunoraError> {
    let auth = ctx.auth();
    Ok(json!({
        "user": auth.user_id(),
        "role": auth.claim("role"),
        "system": auth.is_system(),
        "ip": ctx.ip(),
        "shard": ctx.shard_key(),
        "now": ctx.now(),
    }))
}

fn secret(_: &Query<'_>, _: NoArgs) -> Result<u8, LunoraError> {
    Ok(42)
}

async fn digest(ctx: Action, _: NoArgs) -> Result<(usize, u8), LunoraError> {
    let sent: Document<Message> = ctx.run_mutation("messages:send", &message("bot", "digest"))?;
    let all: Vec<Document<Message>> = ctx.run_query("messages:list", &NoArgs {})?;
    assert_eq!(all.last(), Some(&sent));
    let secret = ctx.run_query("admin:secret", &NoArgs {})?;
    Ok((all.len(), secret))
}

async fn outer(ctx: Action, _: NoArgs) -> Result<(usize, u8), LunoraError> {
    ctx.run_action("messages:digest", &NoArgs {}).await
}

async fn endless(ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
    let _: () = Box::pin(ctx.run_action("messages:endless", &NoArgs {})).await?;
    Ok(())
}

fn downwards(ctx: &Query<'_>, args: Depth) -> Result<u32, LunoraError> {
    if args.left == 0 {
        return Ok(0);
    }
    let below: u32 = ctx.run_query("depth:downwards", &Depth { left: args.left - 1 })?;
    Ok(below + 1)
}

#[derive(Deserialize, Serialize)]
struct Depth {
    left: u32,
}

fn breaks(_: &Query<'_>, _: NoArgs) -> Result<(), LunoraError> {
    Err(LunoraError::internal("secret words of a query"))
}

fn refuses(_: &Query<'_>, _: NoArgs) -> Result<(), LunoraError> {
    LunoraError::custom("SEAT_TAKEN", 409, "seat 12 is taken")
        .with_data(&json!({ "seat": 12 }))
        .map_or_else(|error| Err(LunoraError::internal(error)), Err)
}

fn shard() -> TestShard {
    TestShard::named(
        "general",
        definition()
            .query("users:whoami", whoami)
            .internal_query("admin:secret", secret)
            .action("messages:digest", digest)
            .action("messages:outer", outer)
            .action("messages:endless", endless)
            .query("depth:downwards", downwards)
            .query("errors:breaks", breaks)
            .query("errors:refuses", refuses)
            .relation("messages", list),
    )
}

#[test]
fn a_function_knows_its_caller_and_its_shard() {
    let ada = Identity::user("ada").with_claim("role", "admin");
    let shard = shard().identity(ada).with_header("x-lunora-client-ip", "192.0.2.1");
    let answer: Value = shard.call("users:whoami", &NoArgs {}).unwrap();
    assert_eq!(
        answer,
        json!({
            "user": "ada", "role": "admin", "system": false, "ip": "192.0.2.1",
            "shard": "general", "now": 1_700_000_000_000_u64,
        })
    );
}

#[test]
fn internal_and_missing_functions_answer_alike() {
    let shard = shard();
    for path in ["admin:secret", "admin:nothing", "nonsense", "", "relation:messages"] {
        let answer = shard.answer(path, &json!({}));
        assert_eq!(
            answer,
            (
                404,
                json!({ "error": {
                    "code": "FUNCTION_NOT_FOUND",
                    "message": format!("function not registered: {path}"),
                } })
            )
        );
    }
    assert_eq!(shard.system().call::<u8>("admin:secret", &NoArgs {}).unwrap(), 42);
    for value in ["0", "true", "", "11"] {
        let pretends = shard.with_header("x-lunora-system", value);
        assert_eq!(code_of(&pretends.answer("admin:secret", &json!({}))).0, 404, "{value}");
    }
}

#[test]
fn an_action_calls_the_others_each_in_its_own_transaction() {
    let shard = shard();
    say(&shard, "first");
    assert_eq!(shard.call::<(usize, u8)>("messages:outer", &NoArgs {}).unwrap(), (2, 42));
    assert_eq!(texts(&shard), ["first", "digest"]);
}

#[test]
fn functions_call_each_other_32_deep_and_no_deeper() {
    let shard = shard();
    assert_eq!(shard.call::<u32>("depth:downwards", &Depth { left: 32 }).unwrap(), 32);
    let answer = shard.answer("depth:downwards", &json!({ "left": 33 }));
    assert_eq!(code_of(&answer), (500, "RUN_DEPTH_EXCEEDED"));
    assert_eq!(code_of(&shard.answer("messages:endless", &json!({}))), (500, "RUN_DEPTH_EXCEEDED"));
}

#[test]
fn a_relation_read_is_answered_bare() {
    let shard = shard();
    let sent = say(&shard, "hello");
    let answer = shard.answer("__lunora_relation__:messages", &json!({ "table": "messages" }));
    assert_eq!(answer, (200, json!([sent])));
    let unknown = shard.answer("__lunora_relation__:secrets", &json!({}));
    assert_eq!(code_of(&unknown), (404, "FUNCTION_NOT_FOUND"));
}

#[test]
fn a_failure_is_logged_once_and_never_sent() {
    let shard = shard();
    let logs = crate::testing::capture_logs();
    let answer = shard.answer("errors:breaks", &json!({}));
    assert_eq!(answer.1, json!({ "error": { "code": "INTERNAL", "message": "Internal error" } }));
    assert_eq!(logs.lines().iter().filter(|line| line.contains("secret words")).count(), 1);
    let refused = shard.answer("errors:refuses", &json!({}));
    assert_eq!(refused.1["error"]["data"], json!({ "seat": 12 }));
    assert_eq!((refused.0, logs.lines().len()), (409, 1));
}

#[test]
fn an_invalid_call_is_400() {
    let shard = shard();
    for (body, message) in [
        ("", "invalid JSON body"),
        ("{", "invalid JSON body"),
        ("[]", "invalid JSON body"),
        ("null", "invalid JSON body"),
        (r#"["a:b",{}]"#, "invalid JSON body"),
        (r#"{"functionPath":7}"#, "invalid JSON body"),
        ("{}", "functionPath must be a string"),
        (r#"{"functionPath":"messages:list","args":[]}"#, "args must be an object"),
        (r#"{"functionPath":"messages:list","args":"{}"}"#, "args must be an object"),
    ] {
        let answer = shard.post("/rpc", body);
        let expected = json!({ "error": { "code": "BAD_REQUEST", "message": message } });
        assert_eq!(answer, (400, expected), "{body}");
    }
    assert_eq!(
        shard.post("/rpc", r#"{"functionPath":"messages:list"}"#),
        (200, json!({"result":[]}))
    );
}

#[test]
fn bad_arguments_are_named() {
    let answer = shard().answer("messages:send", &json!({ "author": "ada", "text": 7 }));
    let message = "args.text: Expected a string at text, received number 7";
    assert_eq!(answer.1["error"], json!({ "code": "VALIDATION_ERROR", "message": message }));
}

#[test]
fn there_are_no_relays_and_no_other_paths() {
    let shard = shard();
    let get = |path: &str| {
        let url = format!("https://shard.internal{path}");
        let response = shard.fetch(Request::get(url));
        let body = response.body().as_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
        (response.status().as_u16(), String::from_utf8(body).unwrap())
    };
    assert_eq!(get("/_lunora/route"), (200, r#"{"relayCount":0}"#.to_owned()));
    for path in ["/", "/rpc", "/rpc-batch", "/_lunora/relay", "/_lunora/replica"] {
        assert_eq!(get(path), (404, "Not found".to_owned()), "{path}");
    }
    assert_eq!(shard.post("/_lunora/route", ""), (404, json!("Not found")));
}

#[test]
fn an_invalid_definition_answers_500_and_logs_the_reason() {
    let shard = TestShard::new(definition().query("nonsense", list));
    let logs = crate::testing::capture_logs();
    let answer = shard.answer("messages:list", &json!({}));
    assert_eq!(code_of(&answer), (500, Code::Misconfigured.as_str()));
    assert!(logs.lines().iter().any(|line| line.contains("namespace:name")), "{:?}", logs.lines());
}

#[test]
fn dates_big_integers_and_bytes_come_and_go_as_wire_values() {
    use crate::wire::value::Value as Wire;

    fn echo(
        _: &Query<'_>,
        args: std::collections::BTreeMap<String, Wire>,
    ) -> Result<Wire, LunoraError> {
        Ok(Wire::Array(args.into_values().collect()))
    }

    let shard = TestShard::new(ShardDefinition::new().query("wire:echo", echo));
    let tag = |name: &str, payload: Value| json!(["$lunora.wire$", name, payload]);
    let (date, big, bytes) =
        (tag("date", json!(5)), tag("bigint", json!("9")), tag("bytes", json!("AQI=")));
    let answer = shard.answer("wire:echo", &json!({ "a": date, "b": big, "c": bytes, "d": 1 }));
    assert_eq!(answer, (200, json!({ "result": [date, big, bytes, 1] })));
    let bad = shard.answer("wire:echo", &json!({ "a": tag("date", json!("today")) }));
    assert_eq!(code_of(&bad), (400, "VALIDATION_ERROR"));
}

#[test]
fn numbers_that_javascript_would_round_leave_and_return_by_their_tags() {
    #[derive(Deserialize)]
    struct Of {
        n: u64,
    }

    fn next(_: &Query<'_>, args: Of) -> Result<(u64, i64, f64), LunoraError> {
        Ok((args.n + 1, -7, f64::NEG_INFINITY))
    }

    fn length(_: &Query<'_>, _: NoArgs) -> Result<f64, LunoraError> {
        Ok(f64::NAN)
    }

    async fn counted(ctx: Action, args: Of) -> Result<u64, LunoraError> {
        let (next, _, _): (u64, i64, Value) =
            ctx.run_query("numbers:next", &json!({ "n": args.n }))?;
        Ok(next + 1)
    }

    let shard = TestShard::new(
        ShardDefinition::new()
            .query("numbers:next", next)
            .query("numbers:length", length)
            .action("numbers:counted", counted),
    );
    let big = |digits: &str| json!(["$lunora.wire$", "bigint", digits]);
    let infinity = json!(["$lunora.wire$", "-inf"]);
    for (n, after) in [
        (json!(7), json!(8)),
        (json!(9_007_199_254_740_990_u64), json!(9_007_199_254_740_991_u64)),
        (json!(9_007_199_254_740_991_u64), big("9007199254740992")),
        (big("9007199254740992"), big("9007199254740993")),
    ] {
        let answer = shard.answer("numbers:next", &json!({ "n": n }));
        assert_eq!(answer, (200, json!({ "result": [after, -7, infinity] })), "{n}");
    }
    let answer = shard.answer("numbers:counted", &json!({ "n": big("9007199254740992") }));
    assert_eq!(answer, (200, json!({ "result": big("9007199254740994") })));
    let counted: u64 = shard.call("numbers:counted", &json!({ "n": u64::MAX - 2 })).unwrap();
    assert_eq!(counted, u64::MAX);
    let nan = json!({ "result": ["$lunora.wire$", "nan"] });
    assert_eq!(shard.answer("numbers:length", &json!({})), (200, nan));
}

#[test]
fn refuses_an_answer_over_sixteen_mebibytes_and_rolls_its_mutation_back() {
    // The quotes of the text count.
    let (fits, large) = (json!({ "kib": 16 * 1024 - 1 }), json!({ "kib": 16 * 1024 }));
    for path in ["sized:read", "__lunora_relation__:sized", "sized:write"] {
        let shard = batch::sized_shard().user("ada").with_header("x-lunora-mutation-id", "m-1");
        for _ in 0..2 {
            let answer = shard.answer(path, &large);
            assert_eq!(code_of(&answer), (413, "PAYLOAD_TOO_LARGE"), "{path}");
            assert!(answer.1["error"]["message"].as_str().unwrap().contains("pages"), "{path}");
            assert_eq!((texts(&shard).len(), shard.shard().cursor().unwrap()), (0, 0), "{path}");
        }
        let batch = json!({ "calls": [{ "functionPath": path, "args": large }] }).to_string();
        assert!(shard.post("/rpc-batch", batch).1["results"][0]["status"] != 200, "{path}");
        assert_eq!(texts(&shard).len(), 0, "{path}");
        // The answer of a write with an id has to fit into a row as well.
        let expected = if path == "sized:write" { 413 } else { 200 };
        assert_eq!(shard.answer(path, &fits).0, expected, "{path}");
    }
}

#[test]
fn refuses_a_live_value_over_sixteen_mebibytes() {
    let shard = batch::sized_shard();
    let error = shard.run_query("sized:read", &json!({ "kib": 16 * 1024 })).unwrap_err();
    assert_eq!(error.code(), "PAYLOAD_TOO_LARGE");
}

#[test]
fn an_action_keeps_an_answer_of_any_size_since_its_effects_stay() {
    let shard = batch::sized_shard();
    assert_eq!(shard.answer("sized:act", &json!({ "kib": 17 * 1024 })).0, 200);
    assert_eq!(texts(&shard), ["acted"]);
}

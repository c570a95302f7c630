//! Several calls in one request.

use super::*;

fn post(shard: &TestShard, calls: &Value) -> (u16, Value) {
    shard.post("/rpc-batch", json!({ "calls": calls }).to_string())
}

fn call(id: impl Into<Value>, text: &str) -> Value {
    json!({ "id": id.into(), "functionPath": "messages:send", "args": { "author": "ada", "text": text } })
}

#[test]
fn entries_run_in_their_order_and_fail_alone() {
    let shard = shard();
    let (status, body) = post(
        &shard,
        &json!([
            call(0, "one"),
            { "id": "b", "functionPath": "messages:send", "args": { "author": 1 } },
            { "id": 2, "functionPath": "unknown:path" },
            "nonsense",
            { "id": 4 },
            { "functionPath": "messages:list" },
            { "id": 6, "functionPath": "messages:list", "args": [] },
        ]),
    );
    assert_eq!(status, 200);
    let slots: Vec<_> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| {
            let code = slot["body"]["error"]["code"].as_str().unwrap_or("ok").to_owned();
            (slot["id"].clone(), slot["status"].as_u64().unwrap(), code)
        })
        .collect();
    let expected = [
        (json!(0), 200, "ok"),
        (json!("b"), 400, "VALIDATION_ERROR"),
        (json!(2), 404, "FUNCTION_NOT_FOUND"),
        (json!(3), 500, "BATCH_ENTRY_FAILED"),
        (json!(4), 500, "BATCH_ENTRY_FAILED"),
        (json!(5), 200, "ok"),
        (json!(6), 400, "BAD_REQUEST"),
    ];
    let expected = expected.map(|(id, status, code)| (id, status, code.to_owned()));
    assert_eq!(slots, expected);
    assert_eq!(body["results"][5]["body"]["result"][0]["text"], "one");
}

#[test]
fn each_entry_has_ids_of_its_own_and_the_request_has_none() {
    let shard = shard();
    let entry = |id: &str, text: &str| {
        let mut entry = call(0, text);
        entry["mutationId"] = json!(id);
        entry
    };
    // An id in the header is not an entry's.
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "outer");
    let (_, body) = post(
        &ada,
        &json!([entry("m-1", "one"), entry("m-1", "again"), call(2, "two"), call(3, "three")]),
    );
    assert_eq!(body["results"][1]["body"], body["results"][0]["body"]);
    assert_eq!(texts(&shard), ["one", "two", "three"]);
    let numbered = json!([{
        "id": 0, "functionPath": "messages:send", "clientId": "c", "clientSeq": 1,
        "args": { "author": "ada", "text": "four" },
    }]);
    assert_eq!(post(&shard, &numbered).1["results"][0]["body"]["lastMutationId"], 1);
}

#[test]
fn an_invalid_batch_is_400() {
    let shard = shard();
    for body in ["", "[]", "{}", r#"{"calls":{}}"#, r#"{"calls":null}"#, r#"[[]]"#] {
        assert_eq!(code_of(&shard.post("/rpc-batch", body)), (400, "BAD_REQUEST"), "{body}");
    }
    let many = |n: usize| json!(vec![json!({ "functionPath": "messages:list" }); n]);
    assert_eq!(post(&shard, &many(500)).0, 200);
    assert_eq!(post(&shard, &many(501)).0, 400);
    assert_eq!(post(&shard, &json!([])), (200, json!({ "results": [] })));
}

#[test]
fn operators_questions_are_not_answered_in_a_batch() {
    let shard = shard().admin_token("correct-horse-battery-staple");
    let entry = |path: &str| json!([{ "id": 0, "functionPath": path }]);
    for path in ["__lunora_admin__:exportShard", "__lunora_relation__:messages"] {
        let (_, body) = post(&shard, &entry(path));
        assert_eq!(body["results"][0]["body"]["error"]["code"], "FORBIDDEN", "{path}");
    }
}

#[derive(Deserialize)]
struct Sized {
    kib: usize,
}

pub(super) fn sized_shard() -> TestShard {
    fn read(_: &Query<'_>, args: Sized) -> Result<String, LunoraError> {
        Ok("x".repeat(args.kib * 1024))
    }
    fn write(ctx: &Mutation<'_>, args: Sized) -> Result<String, LunoraError> {
        ctx.db().insert(MESSAGES, message("ada", "sized"))?;
        Ok("x".repeat(args.kib * 1024))
    }
    async fn act(ctx: Action, args: Sized) -> Result<String, LunoraError> {
        ctx.run_mutation::<Value>("messages:send", &message("ada", "acted"))?;
        Ok("x".repeat(args.kib * 1024))
    }
    TestShard::new(
        definition()
            .query("sized:read", read)
            .mutation("sized:write", write)
            .action("sized:act", act)
            .relation("sized", read),
    )
}

/// Runs a batch of functions whose answers have so many KiB each.
fn sized(shard: &TestShard, calls: &[(&str, usize)]) -> (Vec<(u64, String)>, usize) {
    let calls: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(id, (path, kib))| json!({ "id": id, "functionPath": path, "args": { "kib": kib } }))
        .collect();
    let (status, body) = post(shard, &json!(calls));
    assert_eq!(status, 200);
    let slots = body["results"].as_array().unwrap();
    let outcome = |slot: &Value| {
        let code = slot["body"]["error"]["code"].as_str().unwrap_or("ok");
        (slot["status"].as_u64().unwrap(), code.to_owned())
    };
    (slots.iter().map(outcome).collect(), texts(shard).len())
}

#[test]
fn bounds_the_answers_of_a_batch_before_running_more_calls() {
    const READ: &str = "sized:read";
    const WRITE: &str = "sized:write";
    let (ok, unrun, large) = (
        (200, "ok".to_owned()),
        (429, "TOO_MANY_REQUESTS".to_owned()),
        (413, "PAYLOAD_TOO_LARGE".to_owned()),
    );
    let table = [
        ("all fit", vec![(READ, 1000); 4], vec![&ok; 4], 0),
        (
            "a call after the budget is not run",
            vec![(READ, 1500), (READ, 1500), (READ, 1500), (WRITE, 1)],
            vec![&ok, &ok, &ok, &unrun],
            0,
        ),
        (
            "a query over the budget alone is refused, and those after it run",
            vec![(READ, 4097), (WRITE, 1), (READ, 4000)],
            vec![&large, &ok, &ok],
            1,
        ),
        (
            "a mutation keeps the answer to what it wrote",
            vec![(WRITE, 5000), (WRITE, 1), (READ, 1)],
            vec![&ok, &unrun, &unrun],
            1,
        ),
        (
            "many calls stop at the budget",
            vec![(READ, 400); 500],
            [vec![&ok; 11], vec![&unrun; 489]].concat(),
            0,
        ),
    ];
    for (name, calls, expected, written) in table {
        let (slots, rows) = sized(&sized_shard(), &calls);
        assert_eq!(slots.iter().collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(rows, written, "{name}");
    }
}

#[test]
fn gives_the_error_detail_to_the_admin_token_only() {
    let definition = definition().query(
        "errors:breaks",
        |_: &Query<'_>, _: NoArgs| -> Result<(), LunoraError> {
            Err(LunoraError::internal("secret words"))
        },
    );
    let shard = TestShard::new(definition);
    let silent = shard.admin_token("correct-horse-battery-staple");
    let calls = json!([{ "functionPath": "errors:breaks" }, { "functionPath": "messages:list" }]);
    let asked = shard.with_header("x-lunora-want-error-detail", "1");
    let stranger = asked.with_header("authorization", "Bearer correct-horse");
    let operator = silent.with_header("x-lunora-want-error-detail", "1");
    for shard in [&shard, &asked, &stranger, &silent] {
        let (status, body) = post(shard, &calls);
        assert_eq!((status, &body["results"][0]["status"]), (200, &json!(500)));
        assert!(!body.to_string().contains("errorDetail"), "{body}");
        assert!(!body.to_string().contains("secret words"), "{body}");
    }
    let (_, body) = post(&operator, &calls);
    let detail = json!({ "code": "INTERNAL", "message": "Internal error: secret words", "name": "LunoraError" });
    assert_eq!(body["results"][0]["errorDetail"], detail);
    assert_eq!(body["results"][0]["body"]["error"]["message"], "Internal error");
    assert_eq!(body["results"][1].get("errorDetail"), None);
}

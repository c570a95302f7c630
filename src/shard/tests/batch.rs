//! Several calls in one request (contract, section 3.2).

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
            { "id": 2, "functionPath": "nobody:knows" },
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
fn a_batch_that_is_none_is_400() {
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

//! Operations of operators: the gate, the counters, the tables.

use super::*;

pub(super) const TOKEN: &str = "correct-horse-battery-staple";

pub(super) fn ok(answer: (u16, Value)) -> Value {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["result"].clone()
}

#[test]
fn operators_without_the_token_are_refused() {
    let shard = shard();
    let refused = json!({ "error": {
        "code": "ADMIN_FORBIDDEN",
        "message": "admin introspection is disabled or the bearer token is invalid",
    } });
    let mut unconfigured = refused.clone();
    unconfigured["error"]["hint"] = json!("no admin token is configured: set LUNORA_ADMIN_TOKEN");
    // No token is configured yet: an empty bearer is not a token.
    for bearer in ["Bearer ", "Bearer undefined", "Basic x"] {
        let asks = shard.with_header("authorization", bearer);
        assert_eq!(asks.admin("exportShard", &json!({})), (403, unconfigured.clone()), "{bearer}");
    }
    let operator = shard.admin_token(TOKEN);
    for bearer in ["", "Bearer", "Bearer wrong", "Basic correct-horse-battery-staple"] {
        let asks = shard.user("ada").with_header("authorization", bearer);
        assert_eq!(asks.admin("exportShard", &json!({})), (403, refused.clone()), "{bearer}");
        assert_eq!(asks.admin("noSuchOperation", &json!({})).0, 403, "{bearer}");
        for op in [
            "readTablePage",
            "writeRow",
            "deleteRows",
            "clearTable",
            "patchRows",
            "describeTable",
            "describeTables",
            "listTableIndexes",
            "listTablesIndexes",
            "runSql",
            "getLogs",
            "getFunctionStats",
            "listSubscriptions",
        ] {
            assert_eq!(asks.admin(op, &json!({ "table": "messages" })), (403, refused.clone()));
        }
    }
    assert_eq!(shard.host().statements(), 0);
    assert_eq!(shard.system().admin("exportShard", &json!({})).0, 403);
    assert_eq!(operator.admin("exportShard", &json!({})).0, 200);
    let any_case = shard.with_header("authorization", &format!("bEARER  {TOKEN} "));
    assert_eq!(any_case.admin("listTables", &json!({})).0, 200);
}

#[test]
fn runs_a_function_as_a_user_for_the_operator_alone() {
    fn whoami(ctx: &Query<'_>, _: NoArgs) -> Result<Value, LunoraError> {
        Ok(json!({ "user": ctx.auth().user_id(), "role": ctx.auth().claim("role") }))
    }
    let definition =
        definition().query("users:whoami", whoami).internal_query("users:secret", whoami);
    let shard = TestShard::new(definition);
    let args = json!({
        "functionPath": "users:whoami", "args": {}, "userId": "ada", "identity": { "role": "editor" },
    });
    assert_eq!(shard.user("ada").admin("runAs", &args).0, 403);
    let operator = shard.admin_token(TOKEN);
    assert_eq!(ok(operator.admin("runAs", &args)), json!({ "user": "ada", "role": "editor" }));
    let anonymous = json!({ "functionPath": "users:whoami" });
    assert_eq!(ok(operator.admin("runAs", &anonymous)), json!({ "user": null, "role": null }));
    // As the user: no internal function, no operation.
    for path in ["users:secret", "__lunora_admin__:runAs", "__lunora_admin__:listTables", "a:b"] {
        let refused = operator.admin("runAs", &json!({ "functionPath": path, "userId": "ada" }));
        assert_eq!(code_of(&refused), (404, "FUNCTION_NOT_FOUND"), "{path}");
    }
    let malformed = operator.admin("runAs", &json!({ "functionPath": 1 }));
    assert_eq!(code_of(&malformed), (400, "BAD_REQUEST"));
}

#[test]
fn unknown_operations_and_invalid_arguments_are_errors() {
    let operator = shard().admin_token(TOKEN);
    assert_eq!(code_of(&operator.admin("dropEverything", &json!({}))), (404, "UNKNOWN_ADMIN_OP"));
    assert_eq!(code_of(&operator.admin("", &json!({}))), (404, "UNKNOWN_ADMIN_OP"));
    let bad = operator.admin("importShard", &json!({ "rows": 5 }));
    assert_eq!(code_of(&bad), (400, "BAD_REQUEST"));
    assert!(
        bad.1["error"]["message"].as_str().unwrap().starts_with("malformed admin RPC arguments")
    );
}

#[test]
fn calls_are_counted_by_the_names_of_functions_that_exist() {
    let shard = shard();
    say(&shard, "one");
    say(&shard, "two");
    let _ = shard.answer("messages:send", &json!({ "author": 1 }));
    let _ = shard.answer("a name of the caller's choosing", &json!({}));
    shard.clock().advance(std::time::Duration::from_secs(7));
    let metrics = ok(shard.admin_token(TOKEN).admin("getMetrics", &json!({})));
    assert_eq!(metrics["requests"], 4);
    assert_eq!(metrics["errors"], 2);
    assert_eq!(metrics["functions"], json!({ "messages:send": { "calls": 3, "errors": 1 } }));
    assert_eq!((&metrics["shard"], &metrics["uptimeMs"]), (&json!("test"), &json!(7000)));
    assert!(metrics["databaseSize"].as_u64().unwrap() > 0);
    for field in [
        "cache",
        "history",
        "historyTruncated",
        "indexHits",
        "queryStats",
        "sinceMs",
        "subscriptionRefreshErrors",
    ] {
        assert!(metrics.get(field).is_some(), "{field}");
    }
}

#[test]
fn tables_are_listed_read_edited_and_cleared() {
    let shard = shard();
    let operator = shard.admin_token(TOKEN);
    let write = |args: Value| operator.admin("writeRow", &args);
    let made = ok(write(
        json!({ "op": "insert", "table": "messages", "doc": { "author": "ada", "text": "x" } }),
    ));
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["op"], "insert");
    ok(write(
        json!({ "op": "patch", "table": "messages", "id": id, "doc": { "_id": id, "text": "y" } }),
    ));
    assert_eq!(texts(&shard), ["y"]);
    ok(write(
        json!({ "op": "replace", "table": "messages", "id": id, "doc": { "author": "bob", "text": "z" } }),
    ));
    let page =
        ok(operator
            .admin("readTablePage", &json!({ "table": "messages", "limit": 10, "offset": 0 })));
    assert_eq!((&page["total"], &page["rows"][0]["author"]), (&json!(1), &json!("bob")));
    assert_eq!(
        ok(operator.admin("listTables", &json!({}))),
        json!([
            { "name": "messages", "rowCount": 1 }, { "name": "notes", "rowCount": 0 },
        ])
    );
    ok(write(json!({ "op": "delete", "table": "messages", "id": id })));
    assert_eq!(
        code_of(&write(json!({ "op": "delete", "table": "messages", "id": id }))),
        (404, "NOT_FOUND")
    );
    assert_eq!(
        code_of(&write(json!({ "op": "delete", "table": "nope", "id": "a" }))),
        (404, "UNKNOWN_TABLE")
    );
    assert_eq!(
        code_of(&write(json!({ "op": "insert", "table": "messages", "doc": { "_x": 1 } }))),
        (400, "VALIDATION_ERROR")
    );
    let filtered = json!({ "table": "messages", "filters": [{ "field": "a" }] });
    assert_eq!(operator.admin("readTablePage", &filtered).0, 400);
}

#[test]
fn a_table_is_cleared_some_at_a_time_and_marked_documents_go_too() {
    let shard = shard();
    let operator = shard.admin_token(TOKEN);
    for id in ["a", "b", "c"] {
        shard.call::<()>("notes:put", &json!({ "id": id, "note": {} })).unwrap();
    }
    shard.call::<bool>("notes:delete", &json!({ "id": "b" })).unwrap();
    let clear = || ok(operator.admin("clearTable", &json!({ "table": "notes", "limit": 2 })));
    let first = clear();
    assert_eq!((&first["count"], &first["hasMore"]), (&json!(2), &json!(true)));
    assert_eq!(clear(), json!({ "count": 1, "hasMore": false }));
    assert_eq!(clear(), json!({ "count": 0, "hasMore": false }));
    let exported = ok(operator.admin("exportShard", &json!({})));
    assert_eq!(exported["rows"], json!([]));
}

#[test]
fn rows_are_deleted_by_name_and_never_all_by_mistake() {
    let shard = shard();
    let operator = shard.admin_token(TOKEN);
    let (one, two) = (say(&shard, "one"), say(&shard, "two"));
    assert_eq!(operator.admin("deleteRows", &json!({ "table": "messages" })).0, 400);
    let gone =
        ok(operator
            .admin("deleteRows", &json!({ "table": "messages", "ids": [one.id, "absent"] })));
    assert_eq!(gone, json!({ "count": 1, "hasMore": false }));
    assert_eq!(texts(&shard), [two.value.text]);
}

//! Documents that an operator changes several at a time.

use super::{
    admin::{TOKEN, ok},
    operator::{ITEMS, page, some_items},
    *,
};

#[test]
fn selected_rows_are_deleted_some_at_a_time() {
    let operator = some_items();
    let delete = |args: Value| ok(operator.admin("deleteRows", &args));
    let filters = json!([{ "column": "n", "op": "lt", "value": 3 }]);
    let first = delete(json!({ "table": "items", "filters": filters, "limit": 2 }));
    assert_eq!(first, json!({ "count": 2, "cursor": "0001", "hasMore": true }));
    let rest = json!({ "table": "items", "filters": filters, "after": first["cursor"] });
    assert_eq!(delete(rest), json!({ "count": 1, "hasMore": false }));
    assert_eq!(delete(json!({ "table": "items", "search": "ADA", "filters": [] }))["count"], 2);
    assert_eq!(page(&operator, json!({}))["total"], 0);
}

#[test]
fn changes_of_no_selection_are_refused_except_to_clear_a_table() {
    let operator = some_items();
    let none = json!({ "table": "items", "filters": [], "search": "", "doc": { "n": 1 } });
    let mut both = none.clone();
    both["ids"] = json!(["0001"]);
    both["search"] = json!("a");
    for op in ["deleteRows", "patchRows"] {
        for args in [&none, &both] {
            assert_eq!(code_of(&operator.admin(op, args)), (400, "BAD_REQUEST"), "{op} {args}");
        }
    }
    assert_eq!(page(&operator, json!({}))["total"], 5);
    let some = json!({ "table": "items", "filters": [{ "column": "n", "op": "gte", "value": 2 }] });
    assert_eq!(ok(operator.admin("clearTable", &some))["count"], 3);
    assert_eq!(ok(operator.admin("clearTable", &none))["count"], 2);
}

#[test]
fn rows_marked_as_deleted_are_cleared_and_never_deleted_again_or_patched() {
    let operator = shard().admin_token(TOKEN);
    for id in ["a", "b"] {
        operator.call::<()>("notes:put", &json!({ "id": id, "note": { "n": 1 } })).unwrap();
    }
    let args = json!({
        "table": "notes", "filters": [{ "column": "n", "value": 1 }], "limit": 1, "doc": { "n": 1 },
    });
    let run = |op: &str| ok(operator.admin(op, &args));
    assert_eq!(run("deleteRows"), json!({ "count": 1, "cursor": "a", "hasMore": true }));
    assert_eq!(run("patchRows"), json!({ "count": 1, "hasMore": false }));
    assert_eq!(run("clearTable"), json!({ "count": 1, "cursor": "a", "hasMore": true }));
}

#[test]
fn a_patch_of_rows_is_a_write_like_any_other() {
    let operator = some_items();
    let commits = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = commits.clone();
    operator.shard().on_commit(move |commit| seen.set(seen.get() + commit.changes.len()));
    let before = operator.shard().cursor().unwrap();
    let patched = ok(operator.admin(
        "patchRows",
        &json!({ "table": "items", "search": "ada", "doc": { "_id": "x", "n": 9 } }),
    ));
    assert_eq!(patched, json!({ "count": 2, "hasMore": false }));
    assert_eq!((commits.get(), operator.shard().cursor().unwrap()), (2, before + 2));
    let found = query(&operator, |ctx| ctx.db().table(ITEMS).index("by_n").eq("n", 9).collect());
    let texts: Vec<_> = found.unwrap().0.into_iter().map(|item| item.value.text.unwrap()).collect();
    assert_eq!(texts, ["ADA", "ada"]);
    let named = json!({ "table": "items", "ids": ["0000", "nope"], "doc": { "n": null } });
    assert_eq!(ok(operator.admin("patchRows", &named))["count"], 1);
}

#[test]
fn a_patch_that_makes_one_row_invalid_changes_none() {
    let operator = some_items();
    let all = json!([{ "column": "_id", "op": "isNotNull" }]);
    let before = page(&operator, json!({}));
    for (doc, code) in [
        (json!({ "n": "x" }), "VALIDATION_ERROR"),
        (json!({ "_x": 1 }), "VALIDATION_ERROR"),
        (json!([]), "BAD_REQUEST"),
        (json!(null), "BAD_REQUEST"),
    ] {
        let args = json!({ "table": "items", "filters": all, "doc": doc });
        assert_eq!(code_of(&operator.admin("patchRows", &args)), (400, code), "{doc}");
    }
    // Only one of them becomes too large.
    let longer = json!({ "text": "x".repeat(1_000_000) });
    ok(operator.admin("patchRows", &json!({ "table": "items", "ids": ["0003"], "doc": longer })));
    let args =
        json!({ "table": "items", "filters": all, "doc": { "more": "x".repeat(1_000_000) } });
    let refused = operator.admin("patchRows", &args);
    assert_eq!(code_of(&refused), (413, "PAYLOAD_TOO_LARGE"));
    let message = refused.1["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("\"0003\" of \"items\": "), "{message}");
    let after = page(&operator, json!({}));
    assert_eq!(after["rows"][4], before["rows"][4]);
    assert_eq!(after["rows"][0], before["rows"][0]);
}

//! Operations of operators: documents that are selected, described, and read by SQL.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::{
    admin::{TOKEN, ok},
    *,
};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Item {
    n: Option<i64>,
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Place {
    x: f64,
}

const ITEMS: Table<Item> = table!("items").index("by_n", &["n"]);

fn items(items: impl IntoIterator<Item = (Option<i64>, Option<String>)>) -> TestShard {
    let shard = TestShard::new(ShardDefinition::new().table(ITEMS).table(NOTES));
    mutate(&shard, |ctx| {
        for (at, (n, text)) in items.into_iter().enumerate() {
            let item = Item { n, text, place: Some(Place { x: 0.5 }) };
            ctx.db().insert_with_id(ITEMS, format!("{at:04}"), item)?;
        }
        Ok(())
    })
    .unwrap();
    shard.admin_token(TOKEN)
}

fn some_items() -> TestShard {
    let texts = ["100% Rust", "a_b", "back\\slash", "ADA", "ada"];
    items((0..).zip(texts).map(|(n, text)| (Some(n), Some(text.to_owned()))))
}

/// Returns the ids of a page, joined.
fn ids(page: &Value) -> String {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["_id"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn page(operator: &TestShard, args: Value) -> Value {
    let mut all = json!({ "table": "items" });
    all.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
    ok(operator.admin("readTablePage", &all))
}

#[test]
fn a_search_is_for_the_text_itself_in_any_case() {
    let operator = some_items();
    for (search, found) in [
        ("%", "0000"),
        ("_", "0001"),
        ("\\", "0002"),
        ("aDa", "0003 0004"),
        ("0003", "0003"),
        ("' OR 1 --", ""),
        ("", "0000 0001 0002 0003 0004"),
    ] {
        assert_eq!(ids(&page(&operator, json!({ "search": search }))), found, "{search}");
    }
    let long = "x".repeat(200);
    assert_eq!(page(&operator, json!({ "search": long }))["total"], 0);
}

#[test]
fn filters_hold_all_and_compare_as_an_index_does() {
    let operator = some_items();
    for (filters, found) in [
        (json!([{ "column": "n", "value": 3 }]), "0003"),
        (json!([{ "field": "n", "op": "gte", "value": 3 }]), "0003 0004"),
        (
            json!([{ "column": "n", "op": "gt", "value": 1 }, { "column": "n", "op": "lt", "value": 3 }]),
            "0002",
        ),
        (json!([{ "column": "text", "op": "contains", "value": "B" }]), "0001 0002"),
        (json!([{ "column": "n", "op": "contains", "value": "1" }]), ""),
        (json!([{ "column": "_id", "value": "0001" }]), "0001"),
        (json!([{ "column": "_id", "value": 1 }]), ""),
        (
            json!([{ "column": "_creationTime", "op": "lte", "value": 1_700_000_000_000_u64 }]),
            "0000 0001 0002 0003 0004",
        ),
        (json!([{ "column": "_creationTime", "op": "gt", "value": "" }]), ""),
        (json!([{ "column": "place.x", "op": "isNull" }]), ""),
        (
            json!([{ "column": "place.x", "value": 0.5 }, { "column": "n", "op": "lt", "value": 1 }]),
            "0000",
        ),
        (json!([{ "column": "text", "value": "x' OR '1'='1" }]), ""),
        (json!([]), "0000 0001 0002 0003 0004"),
        (json!(null), "0000 0001 0002 0003 0004"),
    ] {
        let page = page(&operator, json!({ "filters": filters }));
        assert_eq!(ids(&page), found, "{filters}");
        assert_eq!(page["total"], found.split_whitespace().count(), "{filters}");
    }
}

#[test]
fn an_unknown_field_is_named_with_those_that_exist() {
    let operator = some_items();
    for args in [
        json!({ "table": "items", "filters": [{ "column": "naem", "value": 1 }] }),
        json!({ "table": "items", "orderBy": { "column": "naem" } }),
    ] {
        let refused = operator.admin("readTablePage", &args);
        assert_eq!(code_of(&refused), (400, "BAD_REQUEST"));
        assert_eq!(
            refused.1["error"]["message"],
            "the table \"items\" has no field \"naem\": expected one of `_id`, `_creationTime`, `n`, `text`, `place`"
        );
    }
}

#[test]
fn malformed_selections_are_refused() {
    let operator = some_items();
    for args in [
        json!({ "filters": {} }),
        json!({ "filters": [{ "value": 1 }] }),
        json!({ "filters": [{ "column": "n", "op": "like", "value": 1 }] }),
        json!({ "filters": [{ "column": "n", "op": "gt" }] }),
        json!({ "filters": [{ "column": "n", "op": "contains", "value": 1 }] }),
        json!({ "filters": vec![json!({ "column": "n", "value": 1 }); 11] }),
        json!({ "orderBy": "n" }),
        json!({ "orderBy": { "column": "n", "direction": "up" } }),
    ] {
        let mut all = args.clone();
        all["table"] = json!("items");
        let refused = operator.admin("readTablePage", &all);
        assert_eq!(code_of(&refused), (400, "BAD_REQUEST"), "{args}");
    }
    // Documents of any shape have no list of fields; a name is still never SQL.
    for column in ["a\"", "a'", "a b", "$.a", "", "_deletedAt", "a..b"] {
        let filters = json!({ "table": "notes", "filters": [{ "column": column, "value": 1 }] });
        let refused = operator.admin("readTablePage", &filters);
        assert_eq!(code_of(&refused), (400, "BAD_REQUEST"), "{column}");
    }
    let any = json!({ "table": "notes", "filters": [{ "column": "any.thing", "value": 1 }] });
    assert_eq!(ok(operator.admin("readTablePage", &any))["total"], 0);
}

#[test]
fn the_largest_selection_fits_into_a_statement() {
    let operator = some_items();
    let column = format!("{}.{}", "a".repeat(63), "b".repeat(64));
    let filters = vec![json!({ "column": column, "op": "contains", "value": "x".repeat(500) }); 10];
    let args = json!({
        "table": "notes", "filters": filters, "search": "y", "orderBy": { "column": column },
    });
    assert_eq!(ok(operator.admin("readTablePage", &args))["total"], 0);
}

/// One condition of the property below.
#[derive(Clone, Debug)]
struct Condition {
    column: &'static str,
    op: &'static str,
    value: Value,
}

fn class(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Number(_) => 1,
        _ => 2,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    let number = one.as_i64().cmp(&other.as_i64());
    class(one).cmp(&class(other)).then(number).then(one.as_str().cmp(&other.as_str()))
}

fn has(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|it| it.to_lowercase().contains(&text.to_lowercase()))
}

impl Condition {
    fn holds(&self, document: &Value) -> bool {
        let value = &document[self.column];
        let order = compare(value, &self.value);
        let there = !value.is_null();
        match self.op {
            "eq" => order.is_eq(),
            "neq" => order.is_ne(),
            "gt" => there && order.is_gt(),
            "gte" => there && order.is_ge(),
            "lt" => there && order.is_lt(),
            "lte" => there && order.is_le(),
            "contains" => has(value, self.value.as_str().unwrap()),
            "isNull" => !there,
            _ => there,
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "[abAB%_\\\\'\"]{0,2}"
}

fn condition() -> impl Strategy<Value = Condition> {
    let ops = ["eq", "neq", "gt", "gte", "lt", "lte", "contains", "isNull", "isNotNull"];
    let value = prop_oneof![(0..4_i64).prop_map(Value::from), text().prop_map(Value::from)];
    let column = prop::sample::select(vec!["n", "text"]);
    (column, prop::sample::select(ops.to_vec()), value, text()).prop_map(
        |(column, op, value, text)| {
            let value = if op == "contains" { Value::from(text) } else { value };
            Condition { column, op, value }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn selected_pages_are_a_filter_and_a_sort_of_the_documents(
        documents in prop::collection::vec(
            (prop::option::of(0..4_i64), prop::option::of(text())), 0..12,
        ),
        conditions in prop::collection::vec(condition(), 0..3),
        search in prop::option::of(text()),
        order in prop::option::of((prop::sample::select(vec!["n", "text", "_creationTime", "_id"]), any::<bool>())),
        limit in 1..4_usize,
    ) {
        let operator = items(documents);
        let all = page(&operator, json!({}))["rows"].as_array().unwrap().clone();
        let mut expected: Vec<Value> = all
            .into_iter()
            .filter(|document| conditions.iter().all(|condition| condition.holds(document)))
            .filter(|document| search.as_ref().is_none_or(|search| {
                ["_id", "text"].iter().any(|name| has(&document[name], search))
            }))
            .collect();
        let mut args = json!({ "limit": limit, "search": search, "filters": [] });
        for Condition { column, op, value } in &conditions {
            let filter = json!({ "column": column, "op": op, "value": value });
            args["filters"].as_array_mut().unwrap().push(filter);
        }
        if let Some((column, ascends)) = order {
            let direction = if ascends { "asc" } else { "desc" };
            args["orderBy"] = json!({ "column": column, "direction": direction });
            expected.sort_by(|a, b| compare(&a[column], &b[column]).then(compare(&a["_id"], &b["_id"])));
            if !ascends {
                expected.reverse();
            }
        }
        let mut found = Vec::new();
        loop {
            args["offset"] = json!(found.len());
            let page = page(&operator, args.clone());
            prop_assert_eq!(&page["total"], expected.len());
            let rows = page["rows"].as_array().unwrap();
            prop_assert!(rows.len() <= limit);
            found.extend(rows.iter().cloned());
            if rows.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }
}

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

#[test]
fn a_table_is_described_as_it_is_declared() {
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Everything {
        text: String,
        whole_number: u32,
        real: Option<f64>,
        flag: bool,
        list: Vec<String>,
        place: Place,
        kind: Kind,
        when: crate::wire::value::Date,
        anything: crate::wire::value::Value,
        #[serde(default)]
        with_default: i64,
    }
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Big,
        Small,
    }
    const ALL: Table<Everything> = table!("everything").shard_by("text");
    #[derive(Deserialize, Serialize)]
    struct Wrapped(Item);
    const WRAPPED: Table<Wrapped> = table!("wrapped");

    let tables = ShardDefinition::new().table(ALL).table(MESSAGES).table(NOTES).table(WRAPPED);
    let operator = TestShard::new(tables).admin_token(TOKEN);
    let describe = |table: &str| ok(operator.admin("describeTable", &json!({ "table": table })));
    let fields = |table: &str| {
        let fields = describe(table)["fields"].as_array().unwrap().clone();
        let field = |field: Value| {
            let optional = if field["optional"] == true { "?" } else { "" };
            let text = |name: &str| field[name].as_str().unwrap().to_owned();
            format!("{}{optional}: {}", text("name"), text("type"))
        };
        fields.into_iter().map(field).collect::<Vec<_>>()
    };
    assert_eq!(
        fields("everything"),
        [
            "text: string",
            "wholeNumber: u32",
            "real?: f64",
            "flag: boolean",
            "list: array",
            "place: object",
            "kind: `big` or `small`",
            "when: date",
            "anything?: any",
            "withDefault: i64",
        ]
    );
    assert_eq!(fields("wrapped"), ["n?: i64", "text?: string", "place?: object"]);
    assert_eq!(describe("everything")["shardBy"], "text");
    let notes = describe("notes");
    assert_eq!((&notes["fields"], &notes["softDelete"]), (&json!(null), &json!(true)));
    let indexes = json!([
        { "name": "by_creation", "columns": ["_creationTime"], "directions": ["asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_author", "columns": ["author"], "directions": ["asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_author_rank", "columns": ["author", "rank"], "directions": ["asc", "asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_rank", "columns": ["rank"], "directions": ["desc"], "partition": ["author"], "rank": true, "unique": false },
        { "name": "everybody", "columns": ["rank", "text"], "directions": ["asc", "desc"], "partition": [], "rank": true, "unique": false },
    ]);
    assert_eq!(describe("messages")["indexes"], indexes);
    let messages = json!({ "table": "messages" });
    assert_eq!(ok(operator.admin("listTableIndexes", &messages)), indexes);
    let all = ok(operator.admin("listTablesIndexes", &json!({})));
    assert_eq!((&all[1]["table"], &all[1]["indexes"]), (&json!("messages"), &indexes));
    let all = ok(operator.admin("describeTables", &json!({})));
    assert_eq!((all.as_array().unwrap().len(), &all[1]), (4, &describe("messages")));
    assert_eq!(describe("messages")["rowCount"], 0);
    let unknown = operator.admin("describeTable", &json!({ "table": "nope" }));
    assert_eq!(code_of(&unknown), (404, "UNKNOWN_TABLE"));
}

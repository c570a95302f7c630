//! Documents that an operator selects.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::{
    admin::{TOKEN, ok},
    *,
};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Item {
    pub(super) n: Option<i64>,
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<Place>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Place {
    pub(super) x: f64,
}

pub(super) const ITEMS: Table<Item> = table!("items").index("by_n", &["n"]);

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

pub(super) fn some_items() -> TestShard {
    let texts = ["100% Rust", "a_b", "back\\slash", "ADA", "ada"];
    items((0..).zip(texts).map(|(n, text)| (Some(n), Some(text.to_owned()))))
}

/// Returns the ids of a page, joined.
fn ids(page: &Value) -> String {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["_id"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

pub(super) fn page(operator: &TestShard, args: Value) -> Value {
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
fn a_page_that_would_fill_the_memory_is_refused_before_it_is_read() {
    let text = || Some("\u{e9}".repeat(950_000));
    let operator = items((0..9).map(|n| (Some(n), text())));
    let args = json!({ "table": "items", "limit": 9 });
    let refused = operator.admin("readTablePage", &args);
    assert_eq!(code_of(&refused), (413, "PAYLOAD_TOO_LARGE"));
    assert_eq!(page(&operator, json!({ "limit": 8 }))["rows"].as_array().unwrap().len(), 8);
}

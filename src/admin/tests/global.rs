//! The tables that belong to no shard.

use serde_json::json;

use super::*;
use crate::testing::MemoryGlobalTables;

fn app() -> Lunora<MemoryEnvironment> {
    let mut tables = MemoryGlobalTables::new()
        .with_row("users", json!({ "name": "ada", "age": 36, "plan": "pro" }))
        .with_row("users", json!({ "name": "bob", "age": 41, "plan": "free" }))
        .with_row("users", json!({ "name": "cyd", "age": 41, "plan": null }));
    for n in 0..150 {
        tables = tables.with_row("numbers", json!({ "n": n }));
    }
    with_token().global_tables(tables).build()
}

fn page(app: &Lunora<MemoryEnvironment>, query: &str) -> Answer {
    get(app, &format!("/_lunora/admin/global/table?{query}"))
}

/// A query parameter of JSON.
fn filters(json: &Value) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("filters", &json.to_string())
        .finish()
}

#[test]
fn tables_are_listed_with_their_sizes() {
    assert_eq!(
        get(&app(), "/_lunora/admin/global/tables").json(),
        json!([{ "name": "numbers", "rowCount": 150 }, { "name": "users", "rowCount": 3 }])
    );
}

#[test]
fn a_page_has_its_rows_and_says_how_many_there_are() {
    let app = app();
    let first = page(&app, "table=numbers").json();
    assert_eq!((first["rows"].as_array().unwrap().len(), &first["total"]), (100, &json!(150)));
    let last = page(&app, "table=numbers&limit=7&offset=148").json();
    assert_eq!(last["rows"], json!([{ "n": 148 }, { "n": 149 }]));
    assert_eq!(last["columns"], json!(["n"]));
}

#[test]
fn filters_are_in_wire_form_and_must_all_hold() {
    let app = app();
    let names = |wanted: Value| {
        let answer = page(&app, &format!("table=users&{}", filters(&wanted)));
        let names: Vec<_> = answer.json()["rows"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer:?}"))
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        names.join(" ")
    };
    assert_eq!(names(json!([])), "ada bob cyd");
    assert_eq!(names(json!([{ "column": "age", "value": 41 }])), "bob cyd");
    let bigint = json!(["$lunora.wire$", "bigint", "41"]);
    assert_eq!(names(json!([{ "column": "age", "value": bigint }])), "bob cyd");
    let both = json!([{ "column": "age", "value": 41 }, { "column": "plan", "value": "free" }]);
    assert_eq!(names(both), "bob");
    assert_eq!(names(json!([{ "column": "plan", "value": null }])), "cyd");
    assert_eq!(names(json!([{ "column": "age", "value": 41.5 }])), "");
}

#[test]
fn a_facet_counts_values_and_says_whether_there_are_more() {
    let app = app();
    let facet = |query: &str| get(&app, &format!("/_lunora/admin/global/facet?{query}")).json();
    assert_eq!(
        facet("table=users&column=age"),
        json!({ "truncated": false, "values": [{ "count": 2, "value": 41 }, { "count": 1, "value": 36 }] })
    );
    let one = facet("table=users&column=age&limit=1");
    assert_eq!(one, json!({ "truncated": true, "values": [{ "count": 2, "value": 41 }] }));
    let pro = json!([{ "column": "plan", "value": "pro" }]);
    let filtered = facet(&format!("table=users&column=age&{}", filters(&pro)));
    assert_eq!(filtered["values"], json!([{ "count": 1, "value": 36 }]));
}

#[test]
fn reports_what_is_unreadable_or_absent() {
    let app = app();
    for query in [
        "".to_owned(),
        "table=users&limit=0".into(),
        "table=users&offset=-1".into(),
        "table=users&filters=nonsense".into(),
        "table=users&filters={}".into(),
        format!("table=users&{}", filters(&json!([{ "value": 1 }]))),
        format!("table=users&{}", filters(&json!([{ "column": "age", "value": { "a": 1 } }]))),
        format!("table=users&{}", filters(&json!([{ "column": "nothing", "value": 1 }]))),
    ] {
        assert_eq!(page(&app, &query).error(), (400, "BAD_REQUEST".into()), "{query}");
    }
    assert_eq!(page(&app, "table=nothing").error(), (404, "UNKNOWN_TABLE".into()));
    let facet = |query: &str| get(&app, &format!("/_lunora/admin/global/facet?{query}")).error();
    assert_eq!(facet("table=users").0, 400);
    assert_eq!(facet("table=users&column=nothing").0, 400);
    assert_eq!(facet("table=nothing&column=age"), (404, "UNKNOWN_TABLE".into()));

    let none = with_token().build();
    for path in ["tables", "table?table=t", "facet"] {
        let answer = get(&none, &format!("/_lunora/admin/global/{path}"));
        assert_eq!(answer.error(), (400, "GLOBALS_NOT_CONFIGURED".into()));
    }
}

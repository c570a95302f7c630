//! The schemas of API documents.

use serde_json::json;

use super::*;
use crate::functions::FunctionKind;

/// Returns the OpenRPC document of queries with these schemas of results.
fn documented(results: &[(&str, Value)]) -> Value {
    let functions: Vec<FunctionInfo> = results
        .iter()
        .map(|(path, schema)| {
            let info = FunctionInfo::new(*path, FunctionKind::Query);
            info.result_schema(&schema.to_string()).unwrap()
        })
        .collect();
    get(&with_token().functions(functions).build(), "/_lunora/admin/openrpc").json()
}

fn schemas(results: &[(&str, Value)]) -> Value {
    documented(results)["components"]["schemas"].take()
}

#[test]
fn equal_definitions_share_a_component_and_others_of_their_name_do_not() {
    let with = |inner: &str| {
        json!({
            "$ref": "#/$defs/Outer",
            "$defs": {
                "Outer": { "items": { "$ref": "#/$defs/Inner" } },
                "Inner": { "type": inner },
            },
        })
    };
    let schemas =
        schemas(&[("a:a", with("string")), ("a:b", with("string")), ("a:c", with("number"))]);
    let target = |name: &str| schemas[name]["$ref"].as_str().unwrap().to_owned();
    assert_eq!(target("AAResult"), "#/components/schemas/Outer");
    assert_eq!(target("ABResult"), "#/components/schemas/Outer");
    // Its text is the same, but not what it refers to.
    assert_eq!(target("ACResult"), "#/components/schemas/Outer2");
    assert_eq!(schemas["Outer2"]["items"]["$ref"], "#/components/schemas/Inner2");
    assert_eq!(schemas["Inner2"], json!({ "type": "number" }));
}

#[test]
fn references_that_lead_back_and_names_that_need_escapes_are_followed() {
    let schemas = schemas(&[(
        "a:a",
        json!({
            "properties": {
                "self": { "$ref": "#" },
                "part": { "$ref": "#/properties/self" },
                "tree": { "$ref": "#/definitions/Tree%3Ca~1b%3E/properties/next" },
            },
            "definitions": {
                "Tree<a/b>": { "properties": { "next": { "$ref": "#/definitions/Tree%3Ca~1b%3E" } } },
            },
        }),
    )]);
    let properties = &schemas["AAResult"]["properties"];
    assert_eq!(properties["self"]["$ref"], "#/components/schemas/AAResult");
    assert_eq!(properties["part"]["$ref"], "#/components/schemas/AAResult/properties/self");
    assert_eq!(properties["tree"]["$ref"], "#/components/schemas/Tree_a_b_/properties/next");
    assert_eq!(
        schemas["Tree_a_b_"]["properties"]["next"]["$ref"],
        "#/components/schemas/Tree_a_b_"
    );
}

#[test]
fn data_that_looks_like_a_reference_stays_as_it_is() {
    let data = json!({ "$ref": "#/$defs/A" });
    let schemas = schemas(&[(
        "a:a",
        json!({
            "properties": { "$ref": { "type": "string" }, "x": { "const": data, "default": data } },
        }),
    )]);
    let properties = &schemas["AAResult"]["properties"];
    assert_eq!(properties["$ref"], json!({ "type": "string" }));
    assert_eq!(properties["x"], json!({ "const": data, "default": data }));
}

#[test]
fn names_of_functions_come_before_those_of_types_and_are_their_own() {
    let schema = json!({
        "$ref": "#/$defs/MessagesSendResult",
        "$defs": { "MessagesSendResult": {}, "LunoraError": {} },
        "items": { "$ref": "#/$defs/LunoraError" },
    });
    let schemas = schemas(&[("messages:send", schema.clone()), ("messages:_send", schema)]);
    // The paths are sorted, and their names differ by what no identifier may hold.
    for name in ["MessagesSendResult", "MessagesSend2Result"] {
        assert_eq!(schemas[name]["$ref"], "#/components/schemas/MessagesSendResult2");
        assert_eq!(schemas[name]["items"]["$ref"], "#/components/schemas/LunoraError2");
    }
    assert!(schemas["LunoraError"]["properties"]["error"].is_object());
}

#[test]
fn short_forms_are_written_out() {
    let any = json!({ "properties": { "x": true, "y": false }, "additionalProperties": false });
    let schemas = schemas(&[("a:a", any), ("a:b", json!(true))]);
    assert_eq!(
        schemas["AAResult"],
        json!({ "properties": { "x": {}, "y": { "not": {} } }, "additionalProperties": false })
    );
    assert_eq!(schemas["ABResult"], json!({}));
}

#[test]
fn an_argument_is_required_if_each_alternative_requires_it() {
    let args = r##"{
        "allOf": [{ "properties": { "room": {} }, "required": ["room"] }],
        "oneOf": [
            { "properties": { "id": { "type": "string" }, "by": {} }, "required": ["id", "by"] },
            { "$ref": "#/$defs/Text" }
        ],
        "$defs": { "Text": {
            "properties": { "id": { "type": "integer" }, "by": {}, "text": {} },
            "required": ["text", "id"]
        } }
    }"##;
    let function = FunctionInfo::new("a:a", FunctionKind::Query).args_schema(args).unwrap();
    let app = with_token().functions(vec![function]).build();
    let document = get(&app, "/_lunora/admin/openrpc").json();
    let params: Vec<_> = document["methods"][0]["params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|param| (param["name"].as_str().unwrap(), param["required"].as_bool().unwrap()))
        .collect();
    assert_eq!(params, [("room", true), ("id", true), ("by", false), ("text", false)]);
    let functions = get(&app, "/_lunora/admin/functions").json();
    assert_eq!(
        functions["functions"][0]["args"],
        json!([
            { "kind": "any", "name": "by", "optional": true },
            { "kind": "union", "name": "id", "optional": false },
            { "kind": "any", "name": "room", "optional": false },
            { "kind": "any", "name": "text", "optional": true },
        ])
    );
}

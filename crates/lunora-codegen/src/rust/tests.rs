use serde_json::{Value, json};

use super::api;
use crate::typescript::Function;

fn with(args: Value, result: Value) -> String {
    let function = Function {
        path: "m:f".to_owned(),
        kind: "query".to_owned(),
        args: Some(args),
        result: Some(result),
    };
    api(&[function])
}

/// Returns the type of a result.
fn result(schema: Value) -> String {
    let text = with(json!({ "type": "string" }), schema);
    let (_, after) = text.split_once("pub const F: ").unwrap_or_default();
    let ty = after.split_once(" = ").unwrap_or_default().0;
    let ty: String = ty.split_whitespace().collect::<Vec<_>>().join(" ");
    let inner = ty.trim_start_matches("FunctionRef<").trim().trim_start_matches("Query, String,");
    inner.trim().trim_end_matches('>').trim_end_matches(',').to_owned()
}

#[test]
fn writes_a_reference_to_each_function_by_module() {
    let function = |path: &str, kind: &str| Function {
        path: path.to_owned(),
        kind: kind.to_owned(),
        args: None,
        result: None,
    };
    let functions = [function("b-c:sendAll", "mutation"), function("a:list", "query")];
    let text = api(&functions);
    let expected = "\
// Written by `lunora codegen client`. Do not edit.
//! The functions of the deployment, and their types.
#![allow(dead_code, missing_docs, unreachable_pub)]

/// The functions of `a`.
pub mod a {
    use lunora_client::{FunctionRef, Query};

    /// The query `a:list`.
    pub const LIST: FunctionRef<
        Query,
        lunora_client::value::Value,
        lunora_client::value::Value,
    > = FunctionRef::from_static(\"a:list\");
}

/// The functions of `b-c`.
pub mod b_c {
    use lunora_client::{FunctionRef, Mutation};

    /// The mutation `b-c:sendAll`.
    pub const SEND_ALL: FunctionRef<
        Mutation,
        lunora_client::value::Value,
        lunora_client::value::Value,
    > = FunctionRef::from_static(\"b-c:sendAll\");
}
";
    assert_eq!(text, expected);
    let [first, second] = functions;
    assert_eq!(api(&[second, first]), text);
}

#[test]
fn converts_every_kind_of_type() {
    let string = || json!({ "type": "string" });
    for (schema, expected) in [
        (json!(true), "lunora_client::value::Value"),
        (json!({ "type": "null" }), "()"),
        (json!({ "type": ["integer", "null"], "format": "uint32" }), "Option<u32"),
        (json!({ "type": "integer", "format": "uint64" }), "u64"),
        (json!({ "type": "number", "format": "double" }), "f64"),
        (json!({ "type": "array", "items": string() }), "Vec<String"),
        (
            json!({ "type": "array", "items": string(), "minItems": 2, "maxItems": 2 }),
            "[String; 2]",
        ),
        (
            json!({ "type": "array", "prefixItems": [string(), { "type": "number" }], "minItems": 2, "maxItems": 2 }),
            "(String, f64)",
        ),
        (json!({ "type": "object", "additionalProperties": string() }), "BTreeMap<String, String"),
        (
            json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }], "$defs": { "A": string() } }),
            "Option<super::A",
        ),
        (json!({ "type": "array", "x-lunora": "date" }), "lunora_client::value::Date"),
        (
            json!({ "type": "array", "items": { "type": "array", "x-lunora": "bytes" } }),
            "Vec<lunora_client::value::TypedBytes",
        ),
    ] {
        assert_eq!(result(schema.clone()), expected, "{schema}");
    }
}

#[test]
fn declares_structs_with_optional_fields_and_their_documentation() {
    let text = with(
        json!({
            "title": "Send", "type": "object", "required": ["text", "type"],
            "properties": {
                "text": { "type": "string", "description": "What it says.\n\nMore." },
                "type": { "type": "number" }, "lastAt": { "type": ["number", "null"] },
            },
        }),
        json!(true),
    );
    let expected = "\
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = \"lunora_client::serde\")]
pub struct Send {
    #[serde(rename = \"lastAt\", default, skip_serializing_if = \"Option::is_none\")]
    pub last_at: Option<f64>,
    /// What it says.
    pub text: String,
    pub r#type: f64,
}
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn declares_an_enum_in_each_form_of_serde() {
    let variant = |kind: &str| json!({ "type": "object", "properties": { "kind": { "const": kind }, "n": { "type": "integer" } }, "required": ["kind", "n"] });
    let single = |name: &str| json!({ "type": "object", "properties": { name: { "type": "integer" } }, "required": [name], "additionalProperties": false });
    for (schema, expected) in [
        (
            json!({ "title": "E", "oneOf": [variant("a"), variant("b")] }),
            "tag = \"kind\")]\npub enum E {\n    #[serde(rename = \"a\")]\n    A { n: i64 },\n",
        ),
        (
            json!({ "title": "E", "type": "string", "enum": ["red", "Blue"] }),
            "pub enum E {\n    #[serde(rename = \"red\")]\n    Red,\n    Blue,\n}",
        ),
        (
            json!({ "title": "E", "oneOf": [{ "type": "string", "const": "None" }, single("Of")] }),
            "pub enum E {\n    None,\n    Of(i64),\n}",
        ),
        (
            json!({ "title": "E", "anyOf": [{ "type": "integer" }, { "type": "string" }] }),
            "untagged)]\npub enum E {\n    Integer(i64),\n    Text(String),\n}",
        ),
    ] {
        let text = with(json!(true), schema);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_struct_keeps_its_fields_beside_alternatives() {
    let text = with(
        json!(true),
        json!({
            "title": "Event", "type": "object", "properties": { "at": { "type": "number" } }, "required": ["at"],
            "oneOf": [{ "type": "object", "properties": { "kind": { "const": "a" } }, "required": ["kind"] }],
        }),
    );
    assert!(
        text.contains("pub at: f64,\n    #[serde(flatten)]\n    pub variant: EventVariant,\n"),
        "{text}"
    );
    assert!(text.contains("pub enum EventVariant {"), "{text}");
}

#[test]
fn a_type_that_contains_itself_is_finite() {
    let fields = json!({ "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } });
    let node = json!({ "type": "object", "properties": fields });
    let text = with(json!(true), json!({ "$ref": "#/$defs/Node", "$defs": { "Node": node } }));
    assert!(text.contains("pub next: Option<Box<Node>>"), "{text}");
    let tree = json!({ "type": "array", "items": { "$ref": "#/$defs/Tree" } });
    let text = with(json!(true), json!({ "$ref": "#/$defs/Tree", "$defs": { "Tree": tree } }));
    assert!(text.contains("transparent)]\npub struct Tree(pub Vec<Tree>);"), "{text}");
}

#[test]
fn gives_two_types_of_one_name_two_names() {
    let item = |of: &str| json!({ "type": "object", "properties": { "x": { "type": of } }, "required": ["x"] });
    let list = |of: &str| json!({ "type": "array", "items": { "$ref": "#/$defs/Option" }, "$defs": { "Option": item(of) } });
    let text = with(list("string"), list("number"));
    assert!(text.contains("Vec<super::Option2>"), "{text}");
    assert!(text.contains("Vec<super::Option3>"), "{text}");
}

#[test]
fn no_arguments_are_those_of_the_crate() {
    let text = with(json!({ "title": "NoArgs", "type": "object" }), json!({ "type": "null" }));
    assert!(text.contains("FunctionRef<Query, lunora_client::NoArgs, ()>"), "{text}");
}

#[test]
fn gives_a_type_that_contains_itself_one_name_as_a_document_and_inside_of_one() {
    let (tree, forest) = crate::typescript::tree_and_forest();
    for text in [with(tree.clone(), forest.clone()), with(forest, tree)] {
        assert!(text.contains("pub struct Tree {") && text.contains("Box<Tree>"), "{text}");
        assert!(!text.contains("Tree2") && !text.contains("Branch2"), "{text}");
    }
}

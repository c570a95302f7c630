use serde_json::{Value, json};

use super::{Function, api, shards, untyped};

fn with(args: Value, result: Value) -> String {
    let function = Function {
        path: "m:f".to_owned(),
        kind: "query".to_owned(),
        args: Some(args),
        result: Some(result),
    };
    api(&[function], "lunora-client").dts
}

/// Returns the TypeScript of a result.
fn result(schema: Value) -> String {
    let text = with(json!({ "type": "string" }), schema);
    let (_, after) = text.split_once("\"query\", string, ").unwrap_or_default();
    after.split_once(">;\n").unwrap_or_default().0.to_owned()
}

#[test]
fn writes_references_to_functions_by_module() {
    let function = |path: &str, kind: &str| Function {
        path: path.to_owned(),
        kind: kind.to_owned(),
        args: None,
        result: None,
    };
    let functions = [function("b-c:send", "mutation"), function("a:list", "query")];
    let text = api(&functions, "./client.js");
    assert_eq!(
        text.js,
        "// Written by `lunora codegen client`. Do not edit.\nexport const api = {\n  a: {\n    list: \"a:list\",\n  },\n  \"b-c\": {\n    send: \"b-c:send\",\n  },\n};\n"
    );
    assert_eq!(
        text.dts,
        "// Written by `lunora codegen client`. Do not edit.\nimport type { FunctionReference } from \"./client.js\";\n\nexport declare const api: {\n  readonly a: {\n    readonly list: FunctionReference<\"query\", Record<string, unknown>, unknown>;\n  };\n  readonly \"b-c\": {\n    readonly send: FunctionReference<\"mutation\", Record<string, unknown>, unknown>;\n  };\n};\n"
    );
    let [first, second] = functions;
    assert_eq!(api(&[second, first], "./client.js"), text);
}

#[test]
fn converts_every_kind_of_type() {
    let string = || json!({ "type": "string" });
    for (schema, expected) in [
        (json!(true), "unknown"),
        (json!({ "type": ["integer", "null"] }), "number | null"),
        (json!({ "type": "array", "items": string() }), "string[]"),
        (json!({ "type": "array", "items": { "type": ["string", "null"] } }), "(string | null)[]"),
        (
            json!({ "type": "array", "prefixItems": [string(), { "type": "number" }], "minItems": 2, "maxItems": 2 }),
            "[string, number]",
        ),
        (json!({ "type": "object", "additionalProperties": string() }), "Record<string, string>"),
        (json!({ "type": "object" }), "Record<string, never>"),
        (json!({ "const": "a" }), "\"a\""),
        (
            json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }], "$defs": { "A": string() } }),
            "A | null",
        ),
        (json!({ "type": "array", "x-lunora": "date" }), "Date"),
        (json!({ "type": "array", "x-lunora": "bigint" }), "bigint"),
        (
            json!({ "type": "array", "items": { "type": "array", "x-lunora": "bytes" } }),
            "(ArrayBuffer | ArrayBufferView)[]",
        ),
    ] {
        assert_eq!(result(schema.clone()), expected, "{schema}");
    }
}

#[test]
fn declares_structs_with_optional_fields_and_their_documentation() {
    let text = with(
        json!({
            "title": "Send", "type": "object", "required": ["text"],
            "properties": { "text": { "type": "string", "description": "What it says.\n\nMore." }, "a-b": { "type": "number" } },
        }),
        json!(true),
    );
    let expected = "export interface Send {\n  \"a-b\"?: number;\n  /** What it says. */\n  text: string;\n}\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("FunctionReference<\"query\", Send, unknown>"), "{text}");
}

#[test]
fn declares_tagged_enums_as_unions() {
    let variant = |kind: &str| json!({ "type": "object", "properties": { "kind": { "const": kind } }, "required": ["kind"] });
    let text =
        with(json!(true), json!({ "title": "Event", "oneOf": [variant("a"), variant("b")] }));
    let expected = "export type Event = {\n  kind: \"a\";\n} | {\n  kind: \"b\";\n};\n";
    assert!(text.contains(expected), "{text}");
    let units =
        with(json!(true), json!({ "title": "Color", "type": "string", "enum": ["red", "blue"] }));
    assert!(units.contains("export type Color = \"red\" | \"blue\";\n"), "{units}");
}

#[test]
fn gives_two_types_of_one_name_two_names_and_one_type_one() {
    let item = |of: &str| json!({ "type": "object", "properties": { "x": { "type": of } } });
    let list = |of: &str| json!({ "type": "array", "items": { "$ref": "#/$defs/Item" }, "$defs": { "Item": item(of) } });
    let text = with(list("string"), list("number"));
    assert!(text.contains("\"query\", Item[], Item2[]"), "{text}");
    let text = with(list("string"), list("string"));
    assert!(text.contains("\"query\", Item[], Item[]"), "{text}");
}

#[test]
fn declares_a_type_that_contains_itself() {
    let node = json!({
        "title": "Node", "type": "object",
        "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } },
        "$defs": { "Node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } } } },
    });
    let text = with(json!(true), node);
    assert!(text.contains("  next?: Node"), "{text}");
}

/// The schemas of a type that contains itself, and another type on the way: as a document, and inside of one.
pub(crate) fn tree_and_forest() -> (Value, Value) {
    let tree = |itself: &str| {
        json!({ "type": "object", "required": ["branch"],
            "properties": { "branch": { "$ref": "#/$defs/Branch" }, "next": { "anyOf": [{ "$ref": itself }, { "type": "null" }] } } })
    };
    let branch = |tree: &str| json!({ "type": "object", "properties": { "trees": { "type": "array", "items": { "$ref": tree } } } });
    let mut root = tree("#");
    root["title"] = "Tree".into();
    root["$defs"] = json!({ "Branch": branch("#") });
    let nested = "#/$defs/Tree";
    let forest = json!({
        "title": "Forest", "type": "object", "properties": { "first": { "$ref": nested } },
        "$defs": { "Tree": tree(nested), "Branch": branch(nested) },
    });
    (root, forest)
}

#[test]
fn gives_a_type_that_contains_itself_one_name_as_a_document_and_inside_of_one() {
    let (tree, forest) = tree_and_forest();
    for text in [with(tree.clone(), forest.clone()), with(forest, tree)] {
        assert!(text.contains("interface Tree {") && text.contains("interface Branch {"), "{text}");
        assert!(!text.contains("Tree2") && !text.contains("Branch2"), "{text}");
    }
}

#[test]
fn gives_two_types_that_contain_themselves_two_names() {
    let (tree, mut forest) = tree_and_forest();
    forest["$defs"]["Branch"]["properties"]["age"] = json!({ "type": "number" });
    let text = with(tree, forest);
    assert!(text.contains("Tree2") && text.contains("Branch2"), "{text}");
}

#[test]
fn does_not_shadow_the_types_that_it_uses() {
    let date =
        json!({ "title": "Date", "type": "object", "properties": { "x": { "type": "string" } } });
    assert!(with(json!(true), date).contains("export interface Date2 {"));
}

#[test]
fn reads_what_the_test_of_a_shard_writes() {
    let list =
        Function::list(r#"[{"path":"m:f","kind":"query","args":null,"result":{"type":"null"}}]"#);
    let expected = Function {
        path: "m:f".to_owned(),
        kind: "query".to_owned(),
        args: None,
        result: Some(json!({ "type": "null" })),
    };
    assert_eq!(list, Some(vec![expected]));
    assert_eq!(Function::list("{}"), None);
}

/// Makes a crate of one file.
fn krate(name: &str, source: &str) -> std::io::Result<std::path::PathBuf> {
    let dir = std::env::temp_dir().join(format!("lunora-{name}-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("src"))?;
    std::fs::write(dir.join("src/lib.rs"), source)?;
    Ok(dir)
}

const SOURCE: &str = r#"
#[derive(Deserialize, schemars::JsonSchema)]
struct Send { text: String }
#[derive(Serialize)]
struct Message { text: String }
lunora::shard! {
    pub struct Room;
    functions: {
        query "m:list" => list,
        mutation "m:send" => inner::send,
    },
}
fn list(ctx: &Query<'_>, args: Foreign<u8>) -> Result<Vec<Message>, LunoraError> { todo() }
mod inner { async fn send(ctx: &Mutation<'_>, args: Send) -> Result<Message, LunoraError> { todo() } }
"#;

#[test]
fn names_the_types_without_a_schema() -> std::io::Result<()> {
    let dir = krate("untyped", SOURCE)?;
    let function = |path: &str, args: Option<Value>| Function {
        path: path.to_owned(),
        kind: "query".to_owned(),
        args,
        result: None,
    };
    let functions = [function("m:list", None), function("m:send", Some(json!(true)))];
    let problems: Vec<_> = untyped(&dir, &functions).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "src/lib.rs:5: `Message`, a type of `m:list`, `m:send`, has no JSON Schema; add `#[derive(schemars::JsonSchema)]` to `Message`",
            "src/lib.rs:13: the type `Foreign<u8>` of the arguments of `m:list` has no JSON Schema; implement `schemars::JsonSchema` for it, or wrap it in a type that derives it",
        ]
    );
    std::fs::remove_dir_all(dir)
}

#[test]
fn names_the_types_of_the_function_in_the_module_that_a_shard_names() -> std::io::Result<()> {
    let source = "mod a; mod b; lunora::shard! { pub struct Room; functions: { query \"m:list\" => b::list, query \"m:all\" => c::list } }";
    let dir = krate("modules", source)?;
    for module in ["a", "b"] {
        let text =
            format!("struct {module}Args; fn list(ctx: &Query<'_>, args: {module}Args) -> u8 {{}}");
        std::fs::write(dir.join(format!("src/{module}.rs")), text)?;
    }
    let function = |path: &str| Function {
        path: path.to_owned(),
        kind: "query".to_owned(),
        args: None,
        result: Some(json!(true)),
    };
    let problems = untyped(&dir, &[function("m:list"), function("m:all")]);
    let problems: Vec<_> = problems.iter().map(|it| &*it.message).collect();
    assert_eq!(
        problems,
        [
            "`bArgs`, a type of `m:list`, has no JSON Schema",
            "the type of the arguments of `m:all` has no JSON Schema",
        ]
    );
    std::fs::remove_dir_all(dir)
}

#[test]
fn finds_the_shards_of_a_crate_and_reports_one_without() -> std::io::Result<()> {
    let dir = krate("shards", SOURCE)?;
    assert_eq!(shards(&dir), Ok(vec!["Room".to_owned()]));
    std::fs::write(dir.join("src/lib.rs"), "")?;
    let problems = shards(&dir).err().unwrap_or_default();
    assert!(problems.iter().any(|it| it.message.contains("no `shard!`")), "{problems:?}");
    std::fs::remove_dir_all(dir)
}

//! The file of `lunora codegen client --rust` for types of every kind. Set `UPDATE_GENERATED` to write it.
#![allow(dead_code, clippy::unwrap_used, reason = "a test may panic, and types are described only")]

use std::{collections::BTreeMap, env, fs, path::Path};

use lunora_codegen::typescript::Function;
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

/// Everything that the wire tags, and each form of an enum.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Everything {
    big_number: u64,
    signed: i64,
    date: lunora::wire::value::Date,
    bytes: Option<lunora::wire::value::TypedBytes>,
    big: lunora::wire::value::BigInt,
    pair: (u8, f64),
    by_name: BTreeMap<String, Option<u32>>,
    #[serde(default)]
    count: u32,
    color: Color,
    shape: Shape,
    event: Event,
    either: Either,
    tree: Tree,
    any: lunora::wire::value::Value,
}

/// A color.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    /// Like a rose.
    Red,
    Blue,
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Rectangle { width: f64, height: f64 },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Event {
    Joined { user: String },
    AllLeft,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Tree {
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

/// Compares a text with a file of this folder, or writes it if `UPDATE_GENERATED` is set.
fn compare(file: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{}", file.display());
}

#[test]
fn the_text_is_the_same_for_the_same_types() {
    let function = |path: &str, kind: &str, args, result| Function {
        path: path.to_owned(),
        kind: kind.to_owned(),
        args: Some(args),
        result: Some(result),
    };
    let everything = schema_for!(Everything).to_value();
    let functions = [
        function("values:get", "query", schema_for!(Tree).to_value(), everything.clone()),
        function("values:put", "mutation", everything, schema_for!(()).to_value()),
    ];
    compare("kinds/api.rs", &lunora_codegen::rust::api(&functions));
}

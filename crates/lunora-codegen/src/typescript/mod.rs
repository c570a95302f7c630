//! A typed `api` object for clients, from the functions that the tests of `shard!` write.

mod identity;
mod names;
mod schema;
mod sources;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

pub use self::sources::{shards, untyped};
#[cfg(test)]
pub(crate) use self::tests::tree_and_forest;
pub(crate) use self::{
    identity::{identity, target},
    names::Names,
};
use self::{names::quoted, schema::Converter};

/// A function that clients may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The path, such as `messages:send`.
    pub path: String,
    /// `query`, `mutation` or `action`.
    pub kind: String,
    /// The JSON Schema of the arguments; `None` if their type has none.
    pub args: Option<Value>,
    /// The JSON Schema of the result; `None` if its type has none.
    pub result: Option<Value>,
}

impl Function {
    /// Reads the functions of one shard, as its test writes them. Returns `None` if the text is another one.
    #[must_use]
    pub fn list(json: &str) -> Option<Vec<Self>> {
        let Value::Array(entries) = serde_json::from_str(json).ok()? else { return None };
        let read = |mut entry: Value| {
            let mut take = |key: &str| Some(entry.get_mut(key)?.take()).filter(|it| !it.is_null());
            let text = |value: Option<Value>| Some(value?.as_str()?.to_owned());
            Some(Self {
                path: text(take("path"))?,
                kind: text(take("kind"))?,
                args: take("args"),
                result: take("result"),
            })
        };
        entries.into_iter().map(read).collect()
    }
}

/// The files of a typed client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Api {
    /// The text of `api.js`.
    pub js: String,
    /// The text of `api.d.ts`.
    pub dts: String,
}

pub(crate) const HEAD: &str = "// Written by `lunora codegen client`. Do not edit.\n";

/// Names that the generated text uses itself.
const TAKEN: [&str; 10] = [
    "Array",
    "ArrayBuffer",
    "ArrayBufferView",
    "Date",
    "FunctionReference",
    "Map",
    "Record",
    "Set",
    "URL",
    "api",
];

/// Generates the files of a typed client, the same ones for the same functions in any order. `client` is the
/// module of `lunora-client` for types, such as `lunora-client`.
#[must_use]
pub fn api(functions: &[Function], client: &str) -> Api {
    let by_path: BTreeMap<_, _> = functions.iter().map(|it| (&*it.path, it)).collect();
    let mut names = Names::new(&TAKEN);
    let mut modules: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (path, function) in &by_path {
        let args = function.args.as_ref().map_or_else(
            || "Record<string, unknown>".to_owned(),
            |schema| Converter::of(schema, &mut names).root(),
        );
        let result = function.result.as_ref().map_or_else(
            || "unknown".to_owned(),
            |schema| Converter::of(schema, &mut names).root(),
        );
        let reference = format!("FunctionReference<{}, {args}, {result}>", quoted(&function.kind));
        let (module, name) = path.split_once(':').unwrap_or(("", path));
        modules.entry(module).or_default().push((name, reference));
    }
    let mut js = format!("{HEAD}export const api = {{\n");
    let mut dts = format!("{HEAD}import type {{ FunctionReference }} from {};\n\n", quoted(client));
    dts += &names.declarations();
    dts += "export declare const api: {\n";
    for (module, entries) in modules {
        let key = names::key(module);
        let _ = writeln!(js, "  {key}: {{");
        let _ = writeln!(dts, "  readonly {key}: {{");
        for (name, reference) in entries {
            let path = quoted(&format!("{module}:{name}"));
            let name = names::key(name);
            let _ = writeln!(js, "    {name}: {path},");
            let _ = writeln!(dts, "    readonly {name}: {reference};");
        }
        js += "  },\n";
        dts += "  };\n";
    }
    js += "};\n";
    dts += "};\n";
    Api { js, dts }
}

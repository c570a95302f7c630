//! A typed client in Rust, from the functions that the tests of `shard!` write.

mod enums;
mod fields;
mod idents;
mod schema;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use self::{
    idents::{Taken, constant, snake},
    schema::Converter,
};
use crate::typescript::{Function, HEAD, Names};

/// Names that the generated text uses itself, and those of the prelude that a type must not hide.
const TAKEN: [&str; 14] = [
    "BTreeMap",
    "Box",
    "Deserialize",
    "Err",
    "FunctionRef",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Vec",
];

/// Generates the text of `api.rs` for the crate `lunora-client`, the same one for the same functions in any order.
///
/// ```
/// use lunora_codegen::typescript::Function;
///
/// let list = Function { path: "channels:list".into(), kind: "query".into(), args: None, result: None };
/// let text = lunora_codegen::rust::api(&[list]);
/// assert!(text.contains("pub const LIST: FunctionRef"));
/// ```
#[must_use]
pub fn api(functions: &[Function]) -> String {
    let by_path: BTreeMap<_, _> = functions.iter().map(|it| (&*it.path, it)).collect();
    let mut names = Names::new(&TAKEN);
    let mut modules: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    for (path, function) in &by_path {
        modules
            .entry(path.split_once(':').map_or("", |(module, _)| module))
            .or_default()
            .push(function);
    }
    let mut taken = Taken::default();
    let mut text = String::new();
    for (module, functions) in modules {
        let _ = write!(
            text,
            "/// The functions of `{module}`.\npub mod {} {{",
            taken.free(snake(module))
        );
        text += &self::module(&functions, &mut names);
        text += "}\n";
    }
    let types = names.declarations();
    let mut head = "//! The functions of the deployment, and their types.\n\n\
        #![allow(dead_code, missing_docs, unreachable_pub)]\n"
        .to_owned();
    if types.contains("BTreeMap<") {
        head += "use std::collections::BTreeMap;\n";
    }
    if types.contains("Serialize") {
        head += "use lunora_client::serde::{Deserialize, Serialize};\n";
    }
    formatted(&format!("{head}{types}{text}"))
}

/// Returns the references of one module.
fn module(functions: &[&Function], names: &mut Names) -> String {
    let mut taken = Taken::default();
    let mut constants = String::new();
    let mut used = BTreeSet::from(["FunctionRef"]);
    for function in functions {
        let path = &function.path;
        let name = path.split_once(':').map_or(&**path, |(_, name)| name);
        let kind = match &*function.kind {
            "query" => "Query",
            "mutation" => "Mutation",
            _ => "Action",
        };
        used.insert(kind);
        let args = function.args.as_ref();
        let args =
            args.map(|schema| Converter::of(schema, names).root(&format!("{name}_args"), true));
        let result = function.result.as_ref();
        let result = result
            .map(|schema| Converter::of(schema, names).root(&format!("{name}_result"), false));
        let of = |ty: Option<String>| ty.unwrap_or_else(|| schema::ANY.to_owned());
        let _ = write!(
            constants,
            "/// The {} `{path}`.\npub const {}: FunctionRef<{kind}, {}, {}> = FunctionRef::from_static({path:?});\n",
            function.kind,
            taken.free(constant(name)),
            of(args),
            of(result),
        );
    }
    let list: Vec<_> = used.into_iter().collect();
    // A type is used with its path, which `super` begins.
    let is_map = constants.contains("BTreeMap<");
    let map = if is_map { "use std::collections::BTreeMap;\n" } else { "" };
    format!("{map}use lunora_client::{{{}}};\n{constants}", list.join(", "))
}

/// Puts an empty line between two items.
fn spaced(text: &str) -> String {
    let mut spaced = String::new();
    let mut before = "";
    for line in text.lines() {
        let begins = ["///", "#[", "pub "].iter().any(|start| line.trim_start().starts_with(start));
        let is_after_item =
            before.trim_start() == "}" || before.ends_with(';') || before.starts_with("#![");
        if begins && is_after_item {
            spaced.push('\n');
        }
        spaced.extend([line, "\n"]);
        before = line;
    }
    spaced
}

/// Formats the text, with the head of generated files. A text that is no Rust stays as it is, so that
/// the compiler says why.
fn formatted(text: &str) -> String {
    let pretty = syn::parse_file(text).map(|file| spaced(&prettyplease::unparse(&file)));
    format!("{HEAD}{}", pretty.as_deref().unwrap_or(text))
}

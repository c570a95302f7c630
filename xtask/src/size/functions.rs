//! The largest functions of a module with names, and the sums by module of the source.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use rustc_demangle::demangle;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// The number of lines of each list.
const LINES: usize = 25;

/// Returns the two lists as Markdown. Sizes are in bytes, before gzip.
pub(super) fn report(wasm: &[u8]) -> Result<String> {
    let functions = functions(wasm)?;
    let mut modules: BTreeMap<String, usize> = BTreeMap::new();
    for (name, size) in &functions {
        *modules.entry(module(name)).or_default() += size;
    }
    Ok(format!(
        "| function | bytes |\n|---|---|\n{}\n| module | bytes |\n|---|---|\n{}",
        largest(functions),
        largest(modules.into_iter().collect())
    ))
}

fn largest(mut sizes: Vec<(String, usize)>) -> String {
    sizes.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let lines = sizes.iter().take(LINES);
    lines.map(|(name, size)| format!("| `{}` | {size} |\n", name.replace('|', "\\|"))).collect()
}

/// Returns the functions of a module, each with its size.
fn functions(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    let (mut imported, mut sizes, mut names) = (0, Vec::new(), HashMap::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => sizes.push(body.as_bytes().len()),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(section) = section.as_known() else { continue };
                for subsection in section {
                    let Name::Function(functions) = subsection? else { continue };
                    for function in functions {
                        let function = function?;
                        names.insert(function.index, format!("{:#}", demangle(function.name)));
                    }
                }
            }
            _ => {}
        }
    }
    let name = |index: u32| names.get(&index).cloned().unwrap_or_else(|| format!("#{index}"));
    Ok((imported..).zip(sizes).map(|(index, size)| (name(index), size)).collect())
}

/// Returns the module of a function of ours, and the crate of another one.
fn module(function: &str) -> String {
    let path = function.trim_start_matches(['<', '&', '(', '[', '*']).trim_start_matches("dyn ");
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let path = path.split(|c| !is_part(c)).next().unwrap_or_default();
    let mut parts = path.split("::").filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("lunora"), Some(module)) => format!("lunora::{module}"),
        (Some(of), _) => of.to_owned(),
        _ => "(none)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_module_of_its_path() {
        for (function, expected) in [
            ("lunora::pipeline::rpc::answer::{{closure}}", "lunora::pipeline"),
            ("<lunora::wire::Envelope as serde::Deserialize>::deserialize", "lunora::wire"),
            ("<&lunora::message::Body as core::fmt::Debug>::fmt", "lunora::message"),
            ("serde_json::de::from_str", "serde_json"),
            ("__rust_alloc", "__rust_alloc"),
            ("#12", "(none)"),
        ] {
            assert_eq!(module(function), expected, "{function}");
        }
    }
}

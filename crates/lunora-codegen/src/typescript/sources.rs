//! What the sources of a crate say about its shards and the types of their functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Signature, Type};

use super::Function;
use crate::{
    Place, Problem,
    scan::{self, is_punct},
};

/// Returns the names of the `shard!` classes that the Worker of the crate in `dir` serves.
///
/// # Errors
/// If a source cannot be read, or there is no `shard!`.
pub fn shards(dir: &Path) -> Result<Vec<String>, Vec<Problem>> {
    let sources = scan::sources(dir);
    if !sources.unread.is_empty() {
        return Err(sources.unread);
    }
    let shards = sources.expected.shards;
    let served = shards.served_classes();
    let classes = if served.is_empty() { shards.classes.iter().collect() } else { served };
    if classes.is_empty() {
        let place = Place { file: "src/lib.rs".into(), line: 1 };
        return Err(vec![Problem::new(
            place,
            "the crate has no `shard!`, and so no functions to generate a client for",
            "declare a shard in a file below `src/`, or run this in the crate that has one",
        )]);
    }
    Ok(classes.into_iter().map(|class| class.name.clone()).collect())
}

/// Returns a problem for each type that a function of `functions` uses and that has no JSON Schema. The
/// sources of the crate in `dir` name the type.
#[must_use]
pub fn untyped(dir: &Path, functions: &[Function]) -> Vec<Problem> {
    let lacking: Vec<_> =
        functions.iter().filter(|it| it.args.is_none() || it.result.is_none()).collect();
    if lacking.is_empty() {
        return Vec::new();
    }
    let sources = Sources::of(dir);
    let mut users: BTreeMap<(Place, String), BTreeSet<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for function in lacking {
        let declared = sources.function(&function.path);
        let parts = [
            (function.args.is_none(), "arguments", declared.and_then(|it| it.args.as_ref())),
            (function.result.is_none(), "result", declared.and_then(|it| it.result.as_ref())),
        ];
        for (_, part, declared_type) in parts.into_iter().filter(|(is_lacking, ..)| *is_lacking) {
            let names = declared_type.map(names_in).unwrap_or_default();
            let file = declared.map_or("", |it| &it.place.file);
            let culprits: Vec<_> = names
                .iter()
                .filter_map(|name| Some((sources.lacking(name, file)?, name)))
                .collect();
            for (place, name) in &culprits {
                let key = ((*place).clone(), (*name).clone());
                users.entry(key).or_default().insert(&function.path);
            }
            if culprits.is_empty() {
                let place = declared.map(|it| it.place.clone());
                let place = place.unwrap_or(Place { file: "src/lib.rs".into(), line: 1 });
                let shown = declared_type.map(|it| format!(" `{}`", text_of(it)));
                problems.push(Problem::new(
                    place,
                    format!(
                        "the type{} of the {part} of `{}` has no JSON Schema",
                        shown.unwrap_or_default(),
                        function.path
                    ),
                    "implement `schemars::JsonSchema` for it, or wrap it in a type that derives it",
                ));
            }
        }
    }
    problems.extend(users.into_iter().map(|((place, name), paths)| {
        let paths: Vec<_> = paths.into_iter().map(|path| format!("`{path}`")).collect();
        Problem::new(
            place,
            format!("`{name}`, a type of {}, has no JSON Schema", paths.join(", ")),
            format!("add `#[derive(schemars::JsonSchema)]` to `{name}`"),
        )
    }));
    problems.sort();
    problems
}

/// A function, as its signature has it.
struct Declared {
    place: Place,
    args: Option<Type>,
    result: Option<Type>,
}

/// A function of `shard!`: `room::list` in a file.
struct Row {
    file: String,
    module: Option<String>,
    name: String,
}

#[derive(Default)]
struct Sources {
    /// The functions of `shard!`, by their paths.
    rows: BTreeMap<String, Row>,
    functions: BTreeMap<String, Vec<Declared>>,
    /// The structs and enums that do not derive `JsonSchema`.
    without_schema: BTreeMap<String, Vec<Place>>,
}

impl Sources {
    fn of(dir: &Path) -> Self {
        let mut found = Self::default();
        let mut paths = Vec::new();
        if scan::rust_files(&dir.join("src"), &mut paths).is_err() {
            return found;
        }
        paths.sort();
        for path in paths {
            let file = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let tokens = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
            if let Some(tokens) = tokens {
                found.read(&file, tokens);
            }
        }
        found
    }

    /// Returns the function behind a path, unless several could be it.
    fn function(&self, path: &str) -> Option<&Declared> {
        let row = self.rows.get(path)?;
        let named = self.functions.get(&row.name)?;
        let is_near = |it: &&Declared| match &row.module {
            Some(module) => is_of_module(&it.place.file, module),
            None => it.place.file == row.file,
        };
        match named.as_slice() {
            [only] => Some(only),
            // The first one of a file is not a test's.
            several => several.iter().find(is_near),
        }
    }

    /// Returns the place of a type that lacks a schema: in `file`, or the only one of that name.
    fn lacking(&self, name: &str, file: &str) -> Option<&Place> {
        let places = self.without_schema.get(name)?;
        let only = || if let [only] = places.as_slice() { Some(only) } else { None };
        places.iter().find(|place| place.file == file).or_else(only)
    }

    fn read(&mut self, file: &str, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let place =
            |token: &TokenTree| Place { file: file.into(), line: token.span().start().line };
        let mut derives_schema = false;
        for (at, token) in tokens.iter().enumerate() {
            match (token, tokens.get(at + 1)) {
                (TokenTree::Literal(path), Some(_)) => {
                    self.row(file, &path.to_string(), &tokens[at + 1..]);
                }
                (hash, Some(TokenTree::Group(attribute))) if is_punct(hash, '#') => {
                    let text = attribute.stream().to_string();
                    derives_schema |= text.starts_with("derive") && text.contains("JsonSchema");
                }
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) => {
                    match &*word.to_string() {
                        "struct" | "enum" => {
                            if !derives_schema {
                                self.without_schema
                                    .entry(name.to_string())
                                    .or_default()
                                    .push(place(token));
                            }
                            derives_schema = false;
                        }
                        "fn" => {
                            let declared = declared(place(token), &tokens[at..]);
                            self.functions.entry(name.to_string()).or_default().push(declared);
                            derives_schema = false;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
            if let TokenTree::Group(group) = token {
                self.read(file, group.stream());
            }
        }
    }

    /// Reads `"messages:list" => room::list,` of `shard!`.
    fn row(&mut self, file: &str, path: &str, after: &[TokenTree]) {
        let [equals, angle, value @ ..] = after else { return };
        if !is_punct(equals, '=') || !is_punct(angle, '>') {
            return;
        }
        let value: Vec<_> = value.iter().take_while(|token| !is_punct(token, ',')).collect();
        let (module, name) = match value.as_slice() {
            [.., TokenTree::Ident(module), _, _, TokenTree::Ident(name)] => {
                (Some(module.to_string()), name)
            }
            [.., TokenTree::Ident(name)] => (None, name),
            _ => return,
        };
        let row = Row { file: file.to_owned(), module, name: name.to_string() };
        self.rows.insert(path.trim_matches('"').to_owned(), row);
    }
}

fn is_of_module(file: &str, module: &str) -> bool {
    file.ends_with(&format!("/{module}.rs")) || file.ends_with(&format!("/{module}/mod.rs"))
}

/// Reads the function whose `fn` is the first token.
fn declared(place: Place, tokens: &[TokenTree]) -> Declared {
    let is_body = |token: &&TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let head = tokens.iter().take_while(|token| !is_body(token)).cloned().collect();
    let Ok(signature) = syn::parse2::<Signature>(head) else {
        return Declared { place, args: None, result: None };
    };
    let args = signature.inputs.into_iter().nth(1).and_then(|input| match input {
        FnArg::Typed(typed) => Some(*typed.ty),
        FnArg::Receiver(_) => None,
    });
    let result = match signature.output {
        ReturnType::Type(_, returned) => Some(answer(*returned)),
        ReturnType::Default => None,
    };
    Declared { place, args, result }
}

/// Returns `T` of `Result<T, LunoraError>`.
fn answer(mut returned: Type) -> Type {
    if let Type::Path(path) = &mut returned
        && let Some(last) = path.path.segments.last_mut()
        && last.ident == "Result"
        && let PathArguments::AngleBracketed(arguments) = &mut last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first_mut()
    {
        return std::mem::replace(inner, Type::Verbatim(TokenStream::new()));
    }
    returned
}

/// Returns every identifier in a type.
fn names_in(of: &Type) -> BTreeSet<String> {
    fn collect(tokens: TokenStream, names: &mut BTreeSet<String>) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => drop(names.insert(name.to_string())),
                TokenTree::Group(group) => collect(group.stream(), names),
                _ => {}
            }
        }
    }
    let mut names = BTreeSet::new();
    collect(of.to_token_stream(), &mut names);
    names
}

fn text_of(of: &Type) -> String {
    let spaced = of.to_token_stream().to_string();
    [(" < ", "<"), (" >", ">"), (" :: ", "::"), (" ,", ","), ("& ", "&")]
        .into_iter()
        .fold(spaced, |text, (from, to)| text.replace(from, to))
}

//! The shards, registries and buckets of backups in sources.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Located, Scan, group, is_ident, is_punct, only_string, string};
use crate::Place;

/// The literals of a crate's sources about its shards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shards {
    /// Every `shard! { … }`.
    pub(crate) classes: Vec<Class>,
    /// Every `X` of `.shard_do(X::shards(…))`.
    pub(crate) served: Vec<String>,
    /// The binding of every `DurableShardRegistry::new(…)`; `None` if it is not a literal.
    pub(crate) registries: Vec<(Option<String>, Place)>,
    /// The binding of every `.store(….bucket("…"))`.
    pub(crate) buckets: Vec<(String, Place)>,
}

/// One `shard! { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) registry: Option<(String, Place)>,
    pub(crate) jurisdiction: Option<(String, Place)>,
}

impl Shards {
    pub(crate) fn append(&mut self, other: Self) {
        self.classes.extend(other.classes);
        self.served.extend(other.served);
        self.registries.extend(other.registries);
        self.buckets.extend(other.buckets);
    }

    /// Returns the classes that the Worker serves; of several, those in `.shard_do(X::shards(…))`.
    pub(crate) fn served_classes(&self) -> Vec<&Class> {
        let several = self.classes.len() > 1;
        let is_served = |class: &&Class| !several || self.served.contains(&class.name);
        self.classes.iter().filter(is_served).collect()
    }
}

impl Scan {
    /// Reads `shard! { pub struct Room; …, registry: "…", jurisdiction: Eu }`.
    pub(super) fn shard_class(&mut self, tokens: &[TokenTree]) {
        let name = tokens.windows(2).find_map(|window| match window {
            [keyword, TokenTree::Ident(name)] if is_ident(keyword, "struct") => Some(name),
            _ => None,
        });
        let Some(name) = name else { return };
        let value = |key: &str| {
            tokens.windows(3).find_map(|window| match window {
                [found, colon, value] if is_ident(found, key) && is_punct(colon, ':') => {
                    Some((value, self.place(found)))
                }
                _ => None,
            })
        };
        let registry = value("registry").and_then(|(value, place)| Some((string(value)?, place)));
        let jurisdiction = value("jurisdiction").and_then(|(value, place)| match value {
            TokenTree::Ident(variant) => Some((variant.to_string().to_lowercase(), place)),
            _ => None,
        });
        self.shards.classes.push(Class { name: name.to_string(), registry, jurisdiction });
    }

    /// Reads `DurableShardRegistry::new(…)`, `.shard_do(Room::shards(…))` and
    /// `.store(env.bucket("…")?)`.
    pub(super) fn shard_calls(&mut self, first: &TokenTree, after: &[TokenTree]) {
        if is_ident(first, "DurableShardRegistry")
            && let [a, b, method, arguments, ..] = after
            && is_punct(a, ':')
            && is_punct(b, ':')
            && is_ident(method, "new")
            && let Some(arguments) = group(arguments, Delimiter::Parenthesis)
        {
            let binding = literal_of(&arguments.stream(), "durable_object");
            self.shards.registries.push((binding, self.place(first)));
        }
        let [method @ TokenTree::Ident(_), arguments, ..] = after else { return };
        let Some(arguments) = group(arguments, Delimiter::Parenthesis) else { return };
        if !is_punct(first, '.') {
            return;
        }
        if is_ident(method, "shard_do") {
            self.shards.served.extend(class_of(&arguments.stream()));
        }
        if is_ident(method, "store")
            && let Some(bucket) = literal_of(&arguments.stream(), "bucket")
        {
            self.shards.buckets.push((bucket, self.place(method)));
        }
    }

    fn place(&self, at: &impl Located) -> Place {
        Place { file: self.file.clone(), line: at.line() }
    }
}

/// Returns the one literal of `.method("…")` in an expression.
fn literal_of(tokens: &TokenStream, method: &str) -> Option<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.windows(3).find_map(|window| match window {
        [dot, name, arguments] if is_punct(dot, '.') && is_ident(name, method) => {
            only_string(&group(arguments, Delimiter::Parenthesis)?.stream())
        }
        _ => None,
    })
}

/// Returns `Room` for `crate::rooms::Room::shards(…)`.
fn class_of(tokens: &TokenStream) -> Option<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.windows(4).find_map(|window| match window {
        [TokenTree::Ident(class), a, b, method]
            if is_punct(a, ':') && is_punct(b, ':') && is_ident(method, "shards") =>
        {
            Some(class.to_string())
        }
        _ => None,
    })
}

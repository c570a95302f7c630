//! Reads what Rust sources need of wrangler's configuration from their tokens.
//!
//! Syntax trees would not show the content of macros.

mod comments;
mod extent;
mod files;
mod receiver;
mod shards;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

use self::{
    comments::Comments,
    extent::{extent, is_for_tests, path_of},
    receiver::Environments,
};
pub(crate) use self::{
    files::{Sources, rust_files, sources},
    shards::Shards,
};
use crate::{
    Place,
    wrangler::{BindingKind, Expected, Need},
};

/// The findings in one file.
pub(crate) struct Scan {
    file: String,
    needs: Vec<(Need, Place)>,
    /// Modules in separate files, under `#[cfg(test)]`.
    test_modules: Vec<String>,
    /// Such modules with `#[path]`.
    test_files: Vec<String>,
    shards: Shards,
    environments: Environments,
    comments: Comments,
}

impl Scan {
    pub(crate) fn of(file: &str, text: &str) -> Result<Self, LexError> {
        let tokens: TokenStream = text.parse()?;
        let mut scan = Self {
            file: file.into(),
            needs: Vec::new(),
            test_modules: Vec::new(),
            test_files: Vec::new(),
            shards: Shards::default(),
            environments: Environments::of(&tokens),
            comments: Comments::of(text),
        };
        scan.tokens(tokens);
        Ok(scan)
    }

    pub(crate) fn add_to(self, expected: &mut Expected) {
        self.needs.into_iter().for_each(|(need, place)| expected.add(need, place));
        expected.shards.append(self.shards);
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some((before, [first, after @ ..])) = tokens.split_at_checked(at) {
            if self.comments.ignore_from(first.line()) {
                at += self.skip(&tokens[at..]);
                continue;
            }
            at += 1;
            if let [attribute, item @ ..] = after
                && is_punct(first, '#')
                && let Some(attribute) = group(attribute, Delimiter::Bracket)
            {
                if is_for_tests(attribute) {
                    at += 1 + self.skip_tests(item);
                    continue;
                }
                if begins_with(attribute, "durable_object") {
                    self.class(item);
                }
            }
            if let [bang, attribute, ..] = after
                && is_punct(first, '#')
                && is_punct(bang, '!')
                && group(attribute, Delimiter::Bracket).is_some_and(is_for_tests)
            {
                return;
            }
            self.call(before, first, after);
            self.default_shards(first, after);
            self.shard_calls(first, after);
            self.makro(first, after);
            if let TokenTree::Group(group) = first {
                self.tokens(group.stream());
                self.comments.pass(group.span_close().start().line);
            }
        }
    }

    /// Finds `.bucket("FILES")` and `CloudflareWorkflow::from_env(env, "ORDERS")`.
    fn call(&mut self, before: &[TokenTree], first: &TokenTree, after: &[TokenTree]) {
        if is_punct(first, '.')
            && let [TokenTree::Ident(method), arguments, ..] = after
            && (self.environments.end(before) || self.comments.is_binding(method.line()))
            && let Some(kind) = BindingKind::of_method(&method.to_string())
            && let Some(arguments) = group(arguments, Delimiter::Parenthesis)
            && let Some(name) = only_string(&arguments.stream())
        {
            self.need(Need::Binding(kind, name), method);
        }
        if is_ident(first, "CloudflareWorkflow")
            && let [a, b, method @ TokenTree::Ident(_), arguments, ..] = after
            && is_punct(a, ':')
            && is_punct(b, ':')
            && is_ident(method, "from_env")
            && let Some(arguments) = group(arguments, Delimiter::Parenthesis)
            && let Some(name) = arguments.stream().into_iter().last().and_then(|t| string(&t))
        {
            self.need(Need::Binding(BindingKind::Workflow, name), first);
        }
    }

    /// Finds `create_lunora_handler(())`, whose shards are those of `SHARD`.
    fn default_shards(&mut self, first: &TokenTree, after: &[TokenTree]) {
        let Some(arguments) = after.first().and_then(|t| group(t, Delimiter::Parenthesis)) else {
            return;
        };
        let last = arguments.stream().into_iter().last();
        let nothing = last.as_ref().and_then(|last| group(last, Delimiter::Parenthesis));
        let by_default = nothing.is_some_and(|group| group.stream().is_empty())
            && is_ident(first, "create_lunora_handler");
        if by_default || is_ident(first, "resolve_lunora_options") {
            self.need(Need::Binding(BindingKind::DurableObject, "SHARD".into()), first);
        }
    }

    /// Finds `cron!("…")`, `shard! { … }` and `shard_registry! { … }`.
    fn makro(&mut self, first: &TokenTree, after: &[TokenTree]) {
        let [bang, TokenTree::Group(arguments), ..] = after else { return };
        if !is_punct(bang, '!') {
            return;
        }
        let stream = arguments.stream();
        if is_ident(first, "cron")
            && let Some(cron) = only_string(&stream)
        {
            self.need(Need::Cron(cron), first);
        }
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        if is_ident(first, "shard_registry") {
            self.class(&tokens);
        }
        if is_ident(first, "shard") {
            self.class(&tokens);
            self.shard_class(&tokens);
            for window in tokens.windows(3) {
                if let [key, colon, name] = window
                    && is_ident(key, "registry")
                    && is_punct(colon, ':')
                    && let Some(name) = string(name)
                {
                    self.need(Need::Binding(BindingKind::DurableObject, name), key);
                }
            }
        }
    }

    /// Adds the next `struct Name`, which is a Durable Object.
    fn class(&mut self, item: &[TokenTree]) {
        let name = item.windows(2).find_map(|window| match window {
            [keyword, TokenTree::Ident(name)] if is_ident(keyword, "struct") => Some(name),
            _ => None,
        });
        if let Some(name) = name {
            self.need(Need::Class(name.to_string()), name);
        }
    }

    /// Skips the item that begins here, and returns its number of tokens.
    fn skip(&mut self, tokens: &[TokenTree]) -> usize {
        let end = extent(tokens);
        if let Some(last) = tokens.get(..end).and_then(<[_]>::last) {
            self.comments.pass(last.span().end().line);
        }
        end
    }

    /// Skips an item under `#[cfg(test)]`, and records the file that it names.
    fn skip_tests(&mut self, tokens: &[TokenTree]) -> usize {
        let end = self.skip(tokens);
        let item = &tokens[..end];
        if let [.., keyword, TokenTree::Ident(name), semicolon] = item
            && is_ident(keyword, "mod")
            && is_punct(semicolon, ';')
        {
            match path_of(item) {
                Some(file) => self.test_files.push(file),
                None => self.test_modules.push(name.to_string()),
            }
        }
        end
    }

    fn need(&mut self, need: Need, at: &impl Located) {
        if !self.comments.ignore_on(at.line()) {
            self.needs.push((need, Place { file: self.file.clone(), line: at.line() }));
        }
    }
}

trait Located {
    fn line(&self) -> usize;
}

impl Located for TokenTree {
    fn line(&self) -> usize {
        self.span().start().line
    }
}

impl Located for proc_macro2::Ident {
    fn line(&self) -> usize {
        self.span().start().line
    }
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn group(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Returns whether the path of an attribute ends in `name`: `#[worker::durable_object(fetch)]`.
fn begins_with(attribute: &Group, name: &str) -> bool {
    let path = attribute.stream().into_iter();
    let path = path.take_while(|token| !matches!(token, TokenTree::Group(_)));
    path.last().is_some_and(|token| is_ident(&token, name))
}

fn only_string(tokens: &TokenStream) -> Option<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    match tokens.as_slice() {
        [literal] => string(literal),
        [literal, comma] if is_punct(comma, ',') => string(literal),
        _ => None,
    }
}

fn string(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|literal| literal.value())
}

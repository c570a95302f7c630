//! Finds the values that are the environment of a Worker, by names and types.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{group, is_ident, is_punct};

/// The names that a file gives to environments.
#[derive(Default)]
pub(super) struct Environments(BTreeSet<String>);

/// Types with the methods that take the name of a binding.
const TYPES: [&str; 2] = ["Env", "RouteContext"];
/// Types that lend the methods of what they hold.
const POINTERS: [&str; 3] = ["Arc", "Box", "Rc"];
/// Methods that return the value they are called on.
const SAME: [&str; 6] = ["as_ref", "borrow", "clone", "expect", "to_owned", "unwrap"];

impl Environments {
    pub(super) fn of(tokens: &TokenStream) -> Self {
        let mut names = Self::default();
        names.typed(tokens);
        names.assigned(tokens);
        names
    }

    /// Returns whether a method that is called after these tokens is called on an environment.
    pub(super) fn end(&self, tokens: &[TokenTree]) -> bool {
        match tokens {
            [rest @ .., last] if is_punct(last, '?') => self.end(rest),
            [rest @ .., dot, last] if is_punct(dot, '.') && is_ident(last, "await") => {
                self.end(rest)
            }
            [.., TokenTree::Ident(name)] => self.names(&name.to_string()),
            [rest @ .., TokenTree::Ident(method), last]
                if group(last, Delimiter::Parenthesis).is_some() =>
            {
                let method = method.to_string();
                match rest {
                    [rest @ .., dot] if is_punct(dot, '.') && SAME.contains(&method.as_str()) => {
                        self.end(rest)
                    }
                    _ => self.names(&method),
                }
            }
            // `(&env)`, and not the arguments of a macro or of a generic function.
            [rest @ .., last] => {
                let is_call = rest.last().is_some_and(|t| is_punct(t, '!') || is_punct(t, '>'));
                let inner = group(last, Delimiter::Parenthesis).filter(|_| !is_call);
                inner.is_some_and(|inner| self.end(&inner.stream().into_iter().collect::<Vec<_>>()))
            }
            [] => false,
        }
    }

    fn names(&self, name: &str) -> bool {
        name == "ctx" || name.split('_').any(|word| word == "env") || self.0.contains(name)
    }

    /// Records `bindings` for `bindings: &Env`.
    fn typed(&mut self, tokens: &TokenStream) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match (token, tokens.get(at + 1), tokens.get(at + 2..)) {
                (TokenTree::Group(group), ..) => self.typed(&group.stream()),
                (TokenTree::Ident(name), Some(colon), Some(of))
                    if is_punct(colon, ':') && is_type(of) =>
                {
                    self.0.insert(name.to_string());
                }
                _ => {}
            }
        }
    }

    /// Records `bindings` for `let bindings = &self.env;`.
    fn assigned(&mut self, tokens: &TokenStream) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let TokenTree::Group(group) = token {
                self.assigned(&group.stream());
            }
            let Some(after) = tokens.get(at + 1..).filter(|_| is_ident(token, "let")) else {
                continue;
            };
            let after = match after {
                [first, rest @ ..] if is_ident(first, "mut") => rest,
                _ => after,
            };
            if let [TokenTree::Ident(name), equals, value @ ..] = after
                && is_punct(equals, '=')
                && let Some(end) = value.iter().position(|token| is_punct(token, ';'))
                && self.end(&value[..end])
            {
                self.0.insert(name.to_string());
            }
        }
    }
}

/// Returns whether the type is `Env`, as in `&'a mut worker::Env` and `Rc<Env>`.
fn is_type(tokens: &[TokenTree]) -> bool {
    match tokens {
        [first, rest @ ..] if is_punct(first, '&') || is_ident(first, "mut") => is_type(rest),
        [first, _, rest @ ..] if is_punct(first, '\'') => is_type(rest),
        [TokenTree::Ident(_), a, b, rest @ ..] if is_punct(a, ':') && is_punct(b, ':') => {
            is_type(rest)
        }
        [TokenTree::Ident(name), rest @ ..] => {
            let name = name.to_string();
            match rest {
                [open, inner @ ..] if is_punct(open, '<') && POINTERS.contains(&name.as_str()) => {
                    is_type(inner)
                }
                _ => TYPES.contains(&name.as_str()),
            }
        }
        _ => false,
    }
}

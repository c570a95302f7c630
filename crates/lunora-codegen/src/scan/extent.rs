//! The extent of an attribute or a comment, and the attributes of tests.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::{group, is_ident, is_punct, string};

/// The words that begin an item, or a statement that ends with its block.
const WITH_BLOCK: [&str; 20] = [
    "async", "const", "enum", "extern", "fn", "for", "if", "impl", "loop", "match", "mod", "pub",
    "static", "struct", "trait", "type", "union", "unsafe", "use", "while",
];

/// Returns the number of tokens of the item, statement, field, arm or argument at the beginning of
/// `tokens`.
pub(super) fn extent(tokens: &[TokenTree]) -> usize {
    let start = attributes(tokens).count() * 2;
    let rest = tokens.get(start..).unwrap_or_default();
    let word = rest.first().and_then(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    let word = word.unwrap_or_default();
    let is_statement = word == "let" || word == "return";
    let has_block = WITH_BLOCK.contains(&word.as_str());
    let ends = |at: usize| {
        let is = |back: usize, char| {
            at >= back && rest.get(at - back).is_some_and(|t| is_punct(t, char))
        };
        if is(0, ';') {
            return true;
        }
        if is_statement {
            return false;
        }
        let is_block = rest.get(at).is_some_and(|token| group(token, Delimiter::Brace).is_some());
        if has_block {
            let goes_on = rest.get(at + 1).is_some_and(|token| is_ident(token, "else"));
            return is_block && !goes_on;
        }
        // Of a macro, or of an arm.
        is(0, ',') || is_block && (is(1, '!') || is(1, '>') && is(2, '='))
    };
    start + (0..rest.len()).find(|at| ends(*at)).map_or(rest.len(), |end| end + 1)
}

/// Returns the attributes at the beginning of `tokens`.
fn attributes(tokens: &[TokenTree]) -> impl Iterator<Item = &Group> {
    let pairs = tokens.chunks_exact(2);
    pairs.map_while(|pair| match pair {
        [hash, attribute] if is_punct(hash, '#') => group(attribute, Delimiter::Bracket),
        _ => None,
    })
}

/// Returns `checks.rs` for `#[path = "checks.rs"] mod tests;`.
pub(super) fn path_of(item: &[TokenTree]) -> Option<String> {
    attributes(item).find_map(|attribute| {
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        match tokens.as_slice() {
            [path, equals, text] if is_ident(path, "path") && is_punct(equals, '=') => string(text),
            _ => None,
        }
    })
}

/// Returns whether an attribute is `#[test]`, one like it from another crate, or a `#[cfg(…)]` for
/// tests.
pub(super) fn is_for_tests(attribute: &Group) -> bool {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    let path = tokens.iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    let Some(TokenTree::Ident(name)) = path.last() else { return false };
    let name = name.to_string();
    match name.as_str() {
        "cfg" => tokens.get(1).is_some_and(|token| {
            group(token, Delimiter::Parenthesis).is_some_and(|of| asks_for_tests(of.stream()))
        }),
        "test" | "bench" | "quickcheck" | "rstest" | "test_case" => true,
        name => name.ends_with("_test"),
    }
}

/// Returns whether a predicate has `test` outside of `not(…)`.
fn asks_for_tests(predicate: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = predicate.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(inner) => {
            let is_negated = at > 0 && tokens.get(at - 1).is_some_and(|t| is_ident(t, "not"));
            !is_negated && asks_for_tests(inner.stream())
        }
        token => is_ident(token, "test"),
    })
}

//! The public functions of the library: each is called in a test, an example or another module.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::sources;

#[test]
fn every_public_function_is_called_somewhere() -> Result<()> {
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    let mut called = BTreeSet::new();
    for (file, text) in sources::read(&["*.rs", "*.md", "*.liquid"])? {
        // The module of the macros' own functions has no callers but expansions.
        let is_public = file.starts_with("src/") && !file.ends_with("/faults.rs");
        for line in text.lines().filter(|_| is_public) {
            if let Some(name) = sources::public_function(line).and_then(name_at) {
                defined.insert(name.to_owned(), file.clone());
            }
        }
        for (at, name) in words(&text) {
            let (before, after) = (text[..at].trim_end(), &text[at + name.len()..]);
            let is_named = before.ends_with(['.', ':', '{', ',', '&', '(']);
            let is_called = after.starts_with('(') && !before.ends_with("fn");
            if is_named || is_called {
                called.insert(name.to_owned());
            }
        }
    }
    assert!(defined.len() > 400, "{} functions were found", defined.len());
    let idle: Vec<_> = defined
        .iter()
        .filter(|(name, _)| !name.starts_with("__") && !called.contains(*name))
        .collect();
    assert!(idle.is_empty(), "{idle:#?}");
    Ok(())
}

/// Returns every name in a text, with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].find(is_word)?;
        let name = name_at(&text[at..])?;
        at += name.len();
        Some((at - name.len(), name))
    })
}

/// Returns the name that a text begins with.
fn name_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

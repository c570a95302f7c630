//! How the project's sentences read: the worst habits are refused, and documentation begins with a
//! verb.

use anyhow::Result;

use crate::sources;

/// Phrases that stop a reader, and what to write instead.
const REFUSED: [(&str, &str); 22] = [
    ("nobody", "no caller, no client, anonymous"),
    ("whoever", "the caller, the client, the user"),
    ("somebody", "a client, a person"),
    ("that is none", "invalid"),
    ("that are none", "invalid"),
    ("what is none", "invalid"),
    ("where there is none", "if absent"),
    ("once an isolate", "once per isolate"),
    ("one a shard", "one per shard"),
    ("one an isolate", "one per isolate"),
    ("one a page", "one per page"),
    ("goes by", "is ordered by, uses"),
    ("is told to", "does"),
    ("has to say", "must"),
    ("is no name", "is not a name, invalid name"),
    ("is no path", "is not a path, invalid path"),
    ("is no kind", "unknown kind"),
    ("which is no", "which is not a"),
    ("is no token", "invalid token"),
    ("are no values", "are not values"),
    ("functions alone", "only functions"),
    ("cannot be said", "cannot be expressed"),
];

/// Lines that a phrase is part of for a reason: a name, or an answer on the wire.
const ALLOWED: [&str; 2] = ["nobody-guesses-this", "a-token-that-nobody-guesses"];

#[test]
fn no_text_has_a_phrase_that_stops_a_reader() -> Result<()> {
    let mut problems = Vec::new();
    let patterns = ["*.rs", "*.md", "*.mjs", "*.js", "*.liquid", "*.toml", "*.html"];
    for (file, text) in sources::read(&patterns)? {
        if file == "xtask/src/english.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            if ALLOWED.iter().any(|allowed| lower.contains(allowed)) {
                continue;
            }
            for (phrase, instead) in REFUSED {
                if has_phrase(&lower, phrase) {
                    let number = number + 1;
                    problems.push(format!("{file}:{number}: `{phrase}`; write: {instead}"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

/// Returns whether the line has the phrase as whole words.
fn has_phrase(line: &str, phrase: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + phrase.len()..]);
        !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
    })
}

/// The share of public functions whose documentation begins with a verb in the third person.
#[test]
fn documentation_of_functions_begins_with_a_verb() -> Result<()> {
    const SHARE: f64 = 0.95;

    let (mut all, mut others) = (0_u32, Vec::new());
    for (file, text) in sources::read(&["src/*.rs"])? {
        let mut first: Option<&str> = None;
        for line in text.lines().map(str::trim) {
            if let Some(doc) = line.strip_prefix("///") {
                first.get_or_insert(doc.trim());
                continue;
            }
            if let (Some(name), Some(doc)) = (sources::public_function(line), first) {
                all += 1;
                let verb = doc.split(' ').next().unwrap_or_default();
                if !(verb.starts_with(char::is_uppercase) && verb.ends_with('s')) {
                    others.push(format!("{file}: {name}: {doc}"));
                }
            }
            // Attributes stand between the documentation and the function.
            if !line.starts_with('#') && !line.starts_with(')') && !line.starts_with("reason") {
                first = None;
            }
        }
    }
    assert!(all > 500, "{all} functions were found");
    let share = 1.0 - f64::from(u32::try_from(others.len())?) / f64::from(all);
    assert!(share >= SHARE, "{share:.2}: {others:#?}");
    Ok(())
}

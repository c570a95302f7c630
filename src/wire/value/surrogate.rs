//! Finds half of a surrogate pair in a text, which JSON can write and Rust cannot hold.

use serde::de::IgnoredAny;

use super::path::{Path, Step};

/// An array or an object that is not yet closed.
enum Open<'a> {
    Array(usize),
    /// The name of the current field, as it is written.
    Object(Option<&'a str>),
}

/// Returns the place of the string at which `error` found half of a surrogate pair; `None` if the
/// error is of another kind. It names the brackets of the text, those of tagged values included.
pub(crate) fn find(json: &[u8], error: &serde_json::Error) -> Option<Path> {
    let json = str::from_utf8(json).ok()?;
    let offset = offset(json, error);
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut at = 0;
    // An error at an opening quote does not belong to the string.
    while at + 1 < offset {
        match json.as_bytes().get(at)? {
            b'"' => {
                let token = json.get(at..end_of_string(json.as_bytes(), at))?;
                if at + token.len() >= offset {
                    return is_half(token).then(|| path(&open));
                }
                if let Some(Open::Object(name @ None)) = open.last_mut() {
                    *name = Some(token);
                }
                at += token.len();
                continue;
            }
            b'[' => open.push(Open::Array(0)),
            b'{' => open.push(Open::Object(None)),
            b']' | b'}' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Open::Array(index)) => *index += 1,
                Some(Open::Object(name)) => *name = None,
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    None
}

fn offset(json: &str, error: &serde_json::Error) -> usize {
    let before = json.split_inclusive('\n').take(error.line().saturating_sub(1));
    before.map(str::len).sum::<usize>() + error.column()
}

/// Returns the position after the closing quote, or the end of the text.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Returns whether a string is well-formed JSON but not Unicode text.
fn is_half(token: &str) -> bool {
    serde_json::from_str::<String>(token).is_err()
        && serde_json::from_str::<IgnoredAny>(token).is_ok()
}

fn path(open: &[Open<'_>]) -> Path {
    open.iter().rev().fold(Path::default(), |path, open| match open {
        Open::Array(index) => path.inside(Step::Index(*index)),
        Open::Object(None) => path,
        Open::Object(Some(name)) => {
            let name: String = serde_json::from_str(name).unwrap_or_default();
            path.inside(Step::field(&name))
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(json: &str) -> Option<String> {
        let error = serde_json::from_str::<serde_json::Value>(json).unwrap_err();
        find(json.as_bytes(), &error).map(|path| path.to_string())
    }

    #[test]
    fn names_the_place_of_half_a_surrogate_pair() {
        for (json, expected) in [
            (r#""\ud800""#, "$"),
            (r#""\udc00 x""#, "$"),
            (r#"{"a":"é\ud83d\u0041"}"#, "$.a"),
            ("{\n \"a\": [1, {\"x,]\\\"\": 2,\n\"b c\": \"\\ud800\"}]}", r#"$.a[1]["b c"]"#),
            (r#"[[],{"a":{}},["\ud83d\ude00","\ud83d"]]"#, "$[2][1]"),
            (r#"{"a":{"\ud800":1}}"#, "$.a"),
        ] {
            assert_eq!(place(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn another_error_is_not_taken_for_it() {
        for json in [r#"["\ud800"#, r#"[1 "\ud800"]"#, r#"["\q\ud800"]"#, "[\"\t\"]", r#"["\ud8"]"#]
        {
            assert_eq!(place(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_any_text(text in r#"[\[\]{}",:\\ud80é\n]{0,40}"#) {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
                let _ = find(text.as_bytes(), &error);
            }
        }
    }
}

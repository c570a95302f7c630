//! The named types of a generated file.

use std::collections::BTreeMap;

use serde_json::Value;

/// The named types of a file. Two schemas with one name are two types, the second with a number.
#[derive(Debug)]
pub(crate) struct Names {
    /// Names that the generated text uses itself.
    taken: &'static [&'static str],
    /// The identity of a schema, and its name.
    known: BTreeMap<String, String>,
    /// The text of each declaration, by its name.
    declarations: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn new(taken: &'static [&'static str]) -> Self {
        Self { taken, known: BTreeMap::new(), declarations: BTreeMap::new() }
    }

    /// Returns the name of a schema, and whether it is new.
    pub(crate) fn name(&mut self, wanted: &str, identity: String) -> (String, bool) {
        if let Some(name) = self.known.get(&identity) {
            return (name.clone(), false);
        }
        let wanted = identifier(wanted);
        let free = |name: &String| !self.taken.contains(&&**name) && !self.has(name);
        let numbered = (2_u32..).map(|number| format!("{wanted}{number}"));
        let name = std::iter::once(wanted.clone()).chain(numbered).find(free).unwrap_or(wanted);
        self.known.insert(identity, name.clone());
        (name, true)
    }

    /// Returns whether a type has the name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.known.values().any(|known| known == name)
    }

    pub(crate) fn declare(&mut self, name: String, text: String) {
        self.declarations.insert(name, text);
    }

    /// Returns every declaration, in the order of the names.
    pub(crate) fn declarations(&self) -> String {
        self.declarations.values().map(|text| format!("{text}\n")).collect()
    }
}

/// Returns a name as schemas have it (`Page_for_Message`) as one of TypeScript (`PageOfMessage`).
fn identifier(name: &str) -> String {
    let words =
        name.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let upper = |word: &str| match word {
        "for" => "Of".to_owned(),
        _ => word[..1].to_ascii_uppercase() + &word[1..],
    };
    let text: String = words.map(upper).collect();
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        text
    } else {
        format!("Type{text}")
    }
}

/// Returns the key of an object: quoted unless it is an identifier.
pub(super) fn key(name: &str) -> String {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '$';
    let is_plain =
        name.chars().all(is_part) && !name.starts_with(|first: char| first.is_ascii_digit());
    // In a literal, `__proto__` sets the prototype unless it is computed.
    match name {
        "__proto__" => "[\"__proto__\"]".to_owned(),
        _ if is_plain && !name.is_empty() => name.to_owned(),
        _ => quoted(name),
    }
}

/// Returns a literal of a string.
pub(super) fn quoted(text: &str) -> String {
    // These two end a line in JavaScript, and do not in JSON.
    Value::from(text).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

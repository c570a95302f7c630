//! Names of schemas as identifiers of Rust.

use std::collections::BTreeSet;

/// The identifiers of one scope.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    /// Returns the identifier, with a number if the scope has it.
    pub(super) fn free(&mut self, wanted: String) -> String {
        let numbered =
            (2_u32..).map(|number| format!("{}_{number}", wanted.trim_start_matches("r#")));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|it| !self.0.contains(it));
        let name = free.unwrap_or(wanted);
        self.0.insert(name.clone());
        name
    }
}

/// Returns the words of a name: `lastMessageAt`, `last_message_at` and `last-message at` have the same three.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for char in name.chars() {
        let begins =
            char.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if begins || !char.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if char.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(char.to_ascii_lowercase());
        }
        before = char;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the name of a field or a module.
pub(super) fn snake(name: &str) -> String {
    valid(words(name).join("_"))
}

/// Returns the name of a constant.
pub(super) fn constant(name: &str) -> String {
    valid(words(name).join("_").to_ascii_uppercase())
}

/// Returns the name of a type or a variant.
pub(super) fn pascal(name: &str) -> String {
    let upper = |word: &String| word[..1].to_ascii_uppercase() + &word[1..];
    valid(words(name).iter().map(upper).collect())
}

/// Makes an identifier of letters, digits and underscores.
fn valid(name: String) -> String {
    match &*name {
        "" => "empty".to_owned(),
        "crate" | "self" | "super" | "Self" => name + "_",
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("_{name}"),
        _ if syn::parse_str::<syn::Ident>(&name).is_err() => format!("r#{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for (name, in_snake, in_pascal) in [
            ("lastMessageAt", "last_message_at", "LastMessageAt"),
            ("_creationTime", "creation_time", "CreationTime"),
            ("type", "r#type", "Type"),
            ("self", "self_", "Self_"),
            ("a-b c", "a_b_c", "ABC"),
            ("ID", "id", "Id"),
            ("2fast", "_2fast", "_2fast"),
            ("ü", "empty", "empty"),
        ] {
            assert_eq!((&*snake(name), &*pascal(name)), (in_snake, in_pascal), "{name}");
        }
        assert_eq!(constant("runAll"), "RUN_ALL");
    }

    #[test]
    fn two_names_of_one_scope_differ() {
        let mut taken = Taken::default();
        let names = ["id", "_id", "type", "type"].map(|name| taken.free(snake(name)));
        assert_eq!(names, ["id", "id_2", "r#type", "type_2"]);
    }
}

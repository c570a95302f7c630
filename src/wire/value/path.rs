//! [`Path`]: where inside a value something was refused.

use std::fmt;

/// The maximum length of a key in a path: it is untrusted, and the path may end up in a log.
const SHOWN_KEY: usize = 40;

/// The position of a refused part of a value, such as `$.user.tags[3]`.
///
/// It speaks of the value, not of the brackets that carry it: `<key 0>` and `<value 0>` are the first entry of a map,
/// `<cause>` is that of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Innermost first: a path is put together on the way out.
    steps: Vec<Step>,
}

impl Path {
    /// Returns the same position, seen from one level further out.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().rev().try_for_each(|step| match step {
            Step::Field(name) if is_identifier(name) => write!(f, ".{name}"),
            Step::Field(name) => write!(f, "[{name:?}]"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(index) => write!(f, "<key {index}>"),
            Step::Value(index) => write!(f, "<value {index}>"),
            Step::Cause => f.write_str("<cause>"),
        })
    }
}

/// From a value to one directly inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
    Key(usize),
    Value(usize),
    Cause,
}

impl Step {
    /// Returns the step to the field `name`, truncated if the name is long.
    pub(super) fn field(name: &str) -> Self {
        match name.char_indices().nth(SHOWN_KEY).and_then(|(at, _)| name.get(..at)) {
            Some(start) => Self::Field(format!("{start}…")),
            None => Self::Field(name.to_owned()),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_the_outside_in() {
        let path = Path::default()
            .inside(Step::Index(3))
            .inside(Step::Value(0))
            .inside(Step::field("tags"));
        assert_eq!(path.to_string(), "$.tags<value 0>[3]");
    }

    #[test]
    fn quotes_and_shortens_the_keys_of_strangers() {
        let shown = |key: &str| Path::default().inside(Step::field(key)).to_string();
        assert_eq!(shown("a b\n"), r#"$["a b\n"]"#);
        assert_eq!(shown(""), r#"$[""]"#);
        assert_eq!(shown(&"é".repeat(1000)), format!("$[{:?}]", "é".repeat(40) + "…"));
    }
}

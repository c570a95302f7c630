//! Reads TOML so that every problem is found and has its line.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::FILE;
use crate::{Place, Problem};

/// Collects the problems.
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

/// A table of the manifest.
pub(super) struct Section<'t> {
    /// The name in messages; empty for the root.
    name: String,
    table: &'t DeTable<'t>,
    /// The offset of its first byte.
    pub(super) start: usize,
}

impl<'t> Section<'t> {
    pub(super) fn new(name: impl Into<String>, table: &'t DeTable<'t>, start: usize) -> Self {
        Self { name: name.into(), table, start }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// Returns the offset of the value of `key`, or that of the section.
    pub(super) fn at(&self, key: &str) -> usize {
        self.get(key).map_or(self.start, |value| value.span().start)
    }

    /// Returns ` in` and the name, for the end of a message; empty for the root.
    fn suffix(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) }
    }

    pub(super) fn keys(&self) -> Vec<&'t str> {
        self.table.iter().map(|(key, _)| &**key.get_ref()).collect()
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new() }
    }

    /// Returns the problems in the order of the lines.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }

    pub(super) fn place(&self, at: usize) -> Place {
        Place::of_offset(FILE, self.text, at)
    }

    pub(super) fn problem(
        &mut self,
        at: usize,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.problems.push(Problem::new(self.place(at), message, fix));
    }

    /// Reports every key that is not one of `known`.
    pub(super) fn only(&mut self, section: &Section<'_>, known: &[&str]) {
        for (key, _) in section.table {
            if !known.contains(&&**key.get_ref()) {
                let message = format!("unknown key `{}`{}", key.get_ref(), section.suffix());
                let fix = format!("expected one of {}", known.join(", "));
                self.problem(key.span().start, message, fix);
            }
        }
    }

    pub(super) fn text(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        let value = section.get(key)?;
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(value, key, "a non-empty string");
        }
        text.map(str::to_owned)
    }

    pub(super) fn required_text(
        &mut self,
        section: &Section<'_>,
        key: &str,
        such_as: &str,
    ) -> Option<String> {
        if section.get(key).is_none() {
            let message = format!("missing key `{key}`{}", section.suffix());
            self.problem(section.start, message, format!("add `{key} = {such_as}`"));
        }
        self.text(section, key)
    }

    pub(super) fn flag(&mut self, section: &Section<'_>, key: &str) -> bool {
        let Some(value) = section.get(key) else { return false };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(value, key, "true or false");
        }
        flag.unwrap_or_default()
    }

    pub(super) fn at_least_one(&mut self, section: &Section<'_>, key: &str) -> Option<u32> {
        let value = section.get(key)?;
        let number = value.get_ref().as_integer();
        let number = number
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| *number > 0);
        if number.is_none() {
            let found = value.get_ref();
            let found = found.as_integer().map_or_else(|| found_words(found), ToString::to_string);
            self.unexpected(value, key, &found, "an integer of at least 1");
        }
        number
    }

    /// Reads a path of Rust, relative to the crate root.
    pub(super) fn path(&mut self, section: &Section<'_>, key: &str) -> Option<syn::Path> {
        let text = self.text(section, key)?;
        self.path_of(&text, section, key)
    }

    /// Reads a list of paths.
    pub(super) fn paths(&mut self, section: &Section<'_>, key: &str) -> Vec<syn::Path> {
        let texts = self.texts(section, key);
        texts.iter().filter_map(|text| self.path_of(text, section, key)).collect()
    }

    fn path_of(&mut self, text: &str, section: &Section<'_>, key: &str) -> Option<syn::Path> {
        let path = syn::parse_str::<syn::Path>(text).ok().filter(|path| {
            // It is written after `crate::`.
            path.leading_colon.is_none()
                && path.segments.first().is_some_and(|s| s.ident != "crate")
        });
        if path.is_none() {
            let message = format!("`{key}` is not a path in this crate");
            self.problem(
                section.at(key),
                message,
                "write it relative to the crate root, such as `auth::identify`",
            );
        }
        path
    }

    pub(super) fn required_path(
        &mut self,
        section: &Section<'_>,
        key: &str,
        such_as: &str,
    ) -> Option<syn::Path> {
        if section.get(key).is_some() {
            self.path(section, key)
        } else {
            self.required_text(section, key, such_as);
            None
        }
    }

    pub(super) fn texts(&mut self, section: &Section<'_>, key: &str) -> Vec<String> {
        let Some(value) = section.get(key) else { return Vec::new() };
        let texts: Option<Vec<String>> = value.get_ref().as_array().and_then(|list| {
            list.iter().map(|text| text.get_ref().as_str().map(str::to_owned)).collect()
        });
        if texts.as_ref().is_none_or(Vec::is_empty) {
            self.wrong(value, key, "a non-empty array of strings, such as [\"author\"]");
        }
        texts.unwrap_or_default()
    }

    /// Writes a table as JSON; dates have no form there.
    pub(super) fn json(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        let value = section.get(key)?;
        if value.get_ref().as_table().is_none() {
            self.wrong(value, key, "a table, such as { days = 30 }");
            return None;
        }
        let json = json(value.get_ref());
        if json.is_none() {
            let fix = "use only strings, finite numbers, booleans, arrays and tables";
            let message = format!("`{key}` has a value without a JSON form");
            self.problem(value.span().start, message, fix);
        }
        json.map(|json| json.to_string())
    }

    pub(super) fn section<'s>(&mut self, parent: &Section<'s>, key: &str) -> Option<Section<'s>> {
        let value = parent.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value, key, "a table");
            return None;
        };
        Some(Section::new(format!("`{key}`"), table, value.span().start))
    }

    /// Returns the tables within the table `key`, sorted by their names.
    pub(super) fn sections<'s>(
        &mut self,
        parent: &Section<'s>,
        key: &str,
    ) -> Vec<(String, Section<'s>)> {
        let Some(section) = self.section(parent, key) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, value) in section.table {
            let name = name.get_ref().to_string();
            match value.get_ref().as_table() {
                Some(table) => {
                    let title = format!("`{key}.{name}`");
                    found.push((name, Section::new(title, table, value.span().start)));
                }
                None => self.wrong(value, &name, "a table"),
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Returns the tables of the array `key`, in the order as written.
    pub(super) fn list<'s>(&mut self, parent: &Section<'s>, key: &str) -> Vec<Section<'s>> {
        let Some(value) = parent.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(value, key, &format!("an array of tables: `[[{key}]]`"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for value in list.iter() {
            match value.get_ref().as_table() {
                Some(table) => {
                    found.push(Section::new(
                        format!("an entry of `{key}`"),
                        table,
                        value.span().start,
                    ));
                }
                None => self.wrong(value, key, "an array of tables"),
            }
        }
        found
    }

    fn wrong(&mut self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        self.unexpected(value, key, &found_words(value.get_ref()), wanted);
    }

    fn unexpected(&mut self, value: &Spanned<DeValue<'_>>, key: &str, found: &str, wanted: &str) {
        let message = format!("`{key}` is {found}");
        self.problem(value.span().start, message, format!("expected {wanted}"));
    }
}

/// Returns the words for an unexpected value: that it is empty, or its type.
fn found_words(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "empty".to_owned(),
        DeValue::Array(list) if list.is_empty() => "empty".to_owned(),
        DeValue::Integer(_) | DeValue::Array(_) => format!("an {}", value.type_str()),
        _ => format!("a {}", value.type_str()),
    }
}

fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;

    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok()?.into()
        }
        DeValue::Float(number) => {
            Value::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?)
        }
        DeValue::Array(list) => {
            Value::Array(list.iter().map(|value| json(value.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
        DeValue::Datetime(_) => return None,
    })
}

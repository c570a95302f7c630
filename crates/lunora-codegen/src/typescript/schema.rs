//! JSON Schema, as `schemars` writes it, to TypeScript.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Map, Value};

use super::{
    identity::{identity, target},
    names::{Names, key, quoted},
};

type Schema = Map<String, Value>;

/// Converts the schemas of one document.
pub(super) struct Converter<'a> {
    root: &'a Value,
    names: &'a mut Names,
}

impl<'a> Converter<'a> {
    pub(super) fn of(root: &'a Value, names: &'a mut Names) -> Self {
        Self { root, names }
    }

    /// Returns the type of the whole document: its name, if it is the schema of a struct or an enum.
    pub(super) fn root(&mut self) -> String {
        let named = self.root.as_object().filter(|schema| is_declared(schema));
        let title = named.and_then(|schema| schema.get("title")?.as_str());
        match title.filter(|title| !title.starts_with("Nullable_")) {
            Some(title) => self.named(title, "#", self.root),
            None => self.value(self.root),
        }
    }

    /// Returns the name of a schema, and declares it at its first use.
    fn named(&mut self, wanted: &str, pointer: &str, schema: &'a Value) -> String {
        let identity = identity(self.root, wanted, pointer, schema);
        let (name, is_new) = self.names.name(wanted, identity);
        if is_new {
            let text = self.value(schema);
            let docs = schema.get("description").and_then(Value::as_str).map(comment);
            let docs = docs.unwrap_or_default();
            let text = match text.starts_with('{') && text.ends_with('}') && !text.contains("} ") {
                true => format!("{docs}export interface {name} {text}\n"),
                false => format!("{docs}export type {name} = {text};\n"),
            };
            self.names.declare(name.clone(), text);
        }
        name
    }

    fn value(&mut self, schema: &'a Value) -> String {
        match schema {
            Value::Bool(false) => "never".to_owned(),
            Value::Object(schema) => self.object(schema),
            _ => "unknown".to_owned(),
        }
    }

    fn object(&mut self, schema: &'a Schema) -> String {
        if let Some(tag) = schema.get("x-lunora").and_then(Value::as_str) {
            return tagged(tag).to_owned();
        }
        let mut parts = Vec::new();
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            parts.push(match (pointer, target(self.root, pointer)) {
                ("#", Some(target)) => {
                    let title = target.get("title").and_then(Value::as_str).unwrap_or("Root");
                    self.named(title, pointer, target)
                }
                (_, Some(target)) => self.named(name, pointer, target),
                (_, None) => "unknown".to_owned(),
            });
        }
        if let Some(value) = schema.get("const") {
            parts.push(literal(value));
        } else if let Some(Value::Array(values)) = schema.get("enum") {
            parts.push(union(values.iter().map(literal)));
        } else if let Some(own) = self.own(schema) {
            parts.push(own);
        }
        for combinator in ["oneOf", "anyOf"] {
            if let Some(Value::Array(any)) = schema.get(combinator) {
                parts.push(union(any.iter().map(|it| self.value(it)).collect::<Vec<_>>()));
            }
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            parts.extend(all.iter().map(|it| self.value(it)));
        }
        match parts.len() {
            0 => "unknown".to_owned(),
            1 => parts.remove(0),
            _ => parts.iter().map(|part| grouped(part)).collect::<Vec<_>>().join(" & "),
        }
    }

    /// Returns what the keywords of a type say.
    fn own(&mut self, schema: &'a Schema) -> Option<String> {
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ if schema.contains_key("properties") => vec!["object"],
            _ => return None,
        };
        let texts: Vec<_> = types.iter().map(|name| self.of_type(name, schema)).collect();
        Some(union(texts))
    }

    fn of_type(&mut self, name: &str, schema: &'a Schema) -> String {
        match name {
            "null" | "string" | "boolean" | "number" => name.to_owned(),
            "integer" => "number".to_owned(),
            "array" => self.array(schema),
            "object" => self.fields(schema),
            _ => "unknown".to_owned(),
        }
    }

    fn array(&mut self, schema: &'a Schema) -> String {
        let rest = schema.get("items").filter(|items| **items != Value::Bool(false));
        let Some(Value::Array(first)) = schema.get("prefixItems") else {
            let item = rest.map_or_else(|| "unknown".to_owned(), |items| self.value(items));
            return format!("{}[]", grouped(&item));
        };
        let mut items: Vec<_> = first.iter().map(|it| self.value(it)).collect();
        if let Some(rest) = rest {
            items.push(format!("...{}[]", grouped(&self.value(rest))));
        }
        format!("[{}]", items.join(", "))
    }

    fn fields(&mut self, schema: &'a Schema) -> String {
        let others = schema.get("additionalProperties").filter(|it| **it != Value::Bool(false));
        let properties = schema.get("properties").and_then(Value::as_object);
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
            return match others {
                Some(value) => format!("Record<string, {}>", self.value(value)),
                None => "Record<string, never>".to_owned(),
            };
        };
        let required: BTreeSet<_> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => BTreeSet::new(),
        };
        let mut names: Vec<_> = properties.iter().collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        let mut text = "{\n".to_owned();
        for (name, value) in names {
            let docs = value.get("description").and_then(Value::as_str).map(comment);
            let mark = if required.contains(&**name) { "" } else { "?" };
            let field =
                format!("{}{}{mark}: {};", docs.unwrap_or_default(), key(name), self.value(value));
            let _ = writeln!(text, "  {}", field.replace('\n', "\n  "));
        }
        if others.is_some() {
            text += "  [other: string]: unknown;\n";
        }
        text + "}"
    }
}

/// Tells whether a schema is that of a struct or an enum, which has a name of its own.
fn is_declared(schema: &Schema) -> bool {
    let has_fields =
        schema.get("properties").and_then(Value::as_object).is_some_and(|it| !it.is_empty());
    has_fields || ["oneOf", "anyOf", "enum"].iter().any(|key| schema.contains_key(*key))
}

/// Returns the type of a tagged value of the wire, as `lunora-client` decodes it.
fn tagged(tag: &str) -> &'static str {
    match tag {
        "bigint" => "bigint",
        "date" => "Date",
        "url" => "URL",
        "map" => "Map<unknown, unknown>",
        "set" => "Set<unknown>",
        "bytes" => "ArrayBuffer | ArrayBufferView",
        _ => "unknown",
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => "unknown".to_owned(),
    }
}

fn union(parts: impl IntoIterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for part in parts {
        if !distinct.contains(&part) {
            distinct.push(part);
        }
    }
    match distinct.is_empty() {
        true => "never".to_owned(),
        false => distinct.join(" | "),
    }
}

/// Encloses a type of several parts.
fn grouped(text: &str) -> String {
    if text.contains(" | ") || text.contains(" & ") { format!("({text})") } else { text.to_owned() }
}

/// Returns the first paragraph of a description as a comment.
fn comment(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    format!(
        "/** {} */\n",
        first.split_whitespace().collect::<Vec<_>>().join(" ").replace("*/", "*\\/")
    )
}

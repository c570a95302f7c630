//! Enums, in each form in which serde writes them.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    fields,
    idents::{Taken, pascal},
    schema::{Converter, Schema, docs},
};

/// What is left of a schema without `null`.
pub(super) enum Nullable<'a> {
    One(&'a Value),
    /// A type of the schema itself.
    Typed(&'a str),
}

/// Returns a schema without `null`; `None` if it does not take it.
pub(super) fn nullable(schema: &Schema) -> Option<Nullable<'_>> {
    let is_null = |schema: &&Value| schema.get("type") == Some(&"null".into());
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(parts)) = schema.get(key) {
            let [first, second] = &**parts else { continue };
            return match (is_null(&first), is_null(&second)) {
                (false, true) => Some(Nullable::One(first)),
                (true, false) => Some(Nullable::One(second)),
                _ => None,
            };
        }
    }
    let types = schema.get("type")?.as_array()?;
    match &**types {
        [Value::String(one), Value::String(null)] | [Value::String(null), Value::String(one)]
            if null == "null" =>
        {
            Some(Nullable::Typed(one))
        }
        _ => None,
    }
}

/// Returns the strings that a schema lists.
pub(super) fn texts(schema: &Schema) -> Option<Vec<&str>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(Value::String(text)), _) => Some(vec![text]),
        (None, Some(Value::Array(values))) => values.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Returns the declaration of an enum; `None` if the schema is of another kind.
pub(super) fn of<'a>(
    converter: &mut Converter<'a>,
    name: &str,
    schema: &'a Schema,
) -> Option<String> {
    let parts = match ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array()) {
        Some(parts) => parts.iter().collect(),
        None => Vec::new(),
    };
    let objects: Vec<&Schema> = parts.iter().filter_map(|part| part.as_object()).collect();
    if objects.len() != parts.len() {
        return None;
    }
    let mut variants = Variants::default();
    if objects.is_empty() {
        for text in texts(schema)? {
            variants.add(text, "", "");
        }
        return Some(variants.declaration(name, ""));
    }
    if let Some(tag) = tag(&objects) {
        for (part, object) in parts.iter().zip(&objects) {
            let text = constant(object, tag)?;
            let owner = format!("{name} {text}");
            let fields = fields::without(converter, &owner, object, Some(tag))?;
            let body = if fields.is_empty() { String::new() } else { fields.block("") };
            variants.add(text, &docs(part), &body);
        }
        return Some(variants.declaration(name, &format!(", tag = {tag:?}")));
    }
    if objects.iter().all(|object| texts(object).is_some() || single(object).is_some()) {
        for (part, object) in parts.iter().zip(&objects) {
            for text in texts(object).unwrap_or_default() {
                variants.add(text, &docs(part), "");
            }
            if let Some((text, value)) = single(object) {
                let ty = converter.value(value, &format!("{name} {text}"));
                variants.add(text, &docs(part), &format!("({ty})"));
            }
        }
        return Some(variants.declaration(name, ""));
    }
    for part in parts {
        let wanted = label(part);
        let ty = converter.value(part, &format!("{name} {wanted}"));
        variants.add_unwritten(wanted, &docs(part), &format!("({ty})"));
    }
    Some(variants.declaration(name, ", untagged"))
}

/// Returns the property that tells the variants apart.
fn tag<'a>(objects: &[&'a Schema]) -> Option<&'a str> {
    let properties = objects.first()?.get("properties")?.as_object()?;
    let mut names = properties.keys().map(String::as_str);
    names.find(|name| objects.iter().all(|object| constant(object, name).is_some()))
}

fn constant<'a>(object: &'a Schema, name: &str) -> Option<&'a str> {
    let texts = texts(object.get("properties")?.get(name)?.as_object()?)?;
    match &*texts {
        [text] => Some(text),
        _ => None,
    }
}

/// Returns the one property of a variant that is written as `{"<variant>":…}`.
fn single(object: &Schema) -> Option<(&str, &Value)> {
    let properties = object.get("properties")?.as_object()?;
    let (name, value) = properties.iter().next().filter(|_| properties.len() == 1)?;
    let is_closed = object.get("additionalProperties") == Some(&Value::Bool(false));
    is_closed.then_some((name, value))
}

/// Returns what a variant without a name is called.
fn label(part: &Value) -> &str {
    let reference = part.get("$ref").and_then(Value::as_str).and_then(|it| it.rsplit('/').next());
    let named = reference.or_else(|| part.get("title").and_then(Value::as_str));
    named.unwrap_or_else(|| match part.get("type").and_then(Value::as_str) {
        Some("null") => "Null",
        Some("string") => "Text",
        Some("boolean") => "Bool",
        Some("number") => "Number",
        Some("integer") => "Integer",
        Some("array") => "List",
        Some("object") => "Object",
        _ => "Other",
    })
}

#[derive(Debug, Default)]
struct Variants {
    taken: Taken,
    text: String,
}

impl Variants {
    fn add(&mut self, written: &str, docs: &str, body: &str) {
        let name = self.taken.free(pascal(written));
        let rename = if name == written {
            String::new()
        } else {
            format!("#[serde(rename = {written:?})]\n")
        };
        let _ = writeln!(self.text, "{docs}{rename}{name} {body},");
    }

    /// Adds a variant whose name is not part of its value.
    fn add_unwritten(&mut self, wanted: &str, docs: &str, body: &str) {
        let name = self.taken.free(pascal(wanted));
        let _ = writeln!(self.text, "{docs}{name} {body},");
    }

    fn declaration(&self, name: &str, form: &str) -> String {
        format!(
            "#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]\n\
             #[serde(crate = \"lunora_client::serde\"{form})]\npub enum {name} {{\n{}}}",
            self.text
        )
    }
}

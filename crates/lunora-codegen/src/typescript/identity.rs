//! The identity of a schema.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

/// Returns a text that is the same for schemas that mean the same: all that is reached from it.
///
/// A document refers to itself by `#`, where another one has the same type among its definitions.
pub(crate) fn identity(root: &Value, name: &str, pointer: &str, schema: &Value) -> String {
    let itself = definition_of(root);
    let as_definition = |pointer: &str| match (&itself, pointer) {
        (Some(itself), "#") => itself.clone(),
        _ => pointer.to_owned(),
    };
    let part = |schema: &Value| {
        let mut schema = without_root_keys(schema);
        if let Some(itself) = &itself {
            rename(&mut schema, itself);
        }
        schema
    };
    let mut reached = BTreeSet::from([as_definition(pointer)]);
    let mut text = format!("{name} {}", part(schema));
    let mut open = vec![schema];
    while let Some(next) = open.pop() {
        match next {
            Value::Object(fields) => {
                if let Some(pointer) = fields.get("$ref").and_then(Value::as_str)
                    && reached.insert(as_definition(pointer))
                    && let Some(target) = target(root, pointer)
                {
                    let _ = write!(text, " {} {}", as_definition(pointer), part(target));
                    open.push(target);
                }
                open.extend(fields.iter().filter(|(key, _)| *key != "$defs").map(|(_, it)| it));
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    text
}

/// Returns the pointer that the document would have as a definition of another one; `None` if a definition of its own
/// has that name.
fn definition_of(root: &Value) -> Option<String> {
    let title = root.get("title")?.as_str()?;
    let is_taken = root.get("$defs").is_some_and(|defs| defs.get(title).is_some());
    let escaped = title.replace('~', "~0").replace('/', "~1");
    (!is_taken).then(|| format!("#/$defs/{escaped}"))
}

/// Replaces each reference to the document by one to `pointer`.
fn rename(schema: &mut Value, pointer: &str) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == "$ref" && value == "#" {
                    *value = pointer.into();
                } else {
                    rename(value, pointer);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, pointer)),
        _ => {}
    }
}

/// Returns what a `$ref` refers to.
pub(crate) fn target<'a>(root: &'a Value, pointer: &str) -> Option<&'a Value> {
    root.pointer(pointer.strip_prefix('#')?)
}

/// Returns a schema without what only a root has.
fn without_root_keys(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$defs");
        fields.remove("title");
    }
    schema
}

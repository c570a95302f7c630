//! The identity of a schema.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

/// Returns a text that is the same for schemas that mean the same: all that is reached from it.
pub(crate) fn identity(root: &Value, name: &str, pointer: &str, schema: &Value) -> String {
    let mut reached = BTreeSet::from([pointer.to_owned()]);
    let mut text = format!("{name} {}", without_root_keys(schema));
    let mut open = vec![schema];
    while let Some(next) = open.pop() {
        match next {
            Value::Object(fields) => {
                if let Some(pointer) = fields.get("$ref").and_then(Value::as_str)
                    && reached.insert(pointer.to_owned())
                    && let Some(target) = target(root, pointer)
                {
                    let _ = write!(text, " {pointer} {}", without_root_keys(target));
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

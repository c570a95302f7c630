//! The arguments of a function, one by one.

use serde_json::{Map, Value, json};

use super::components::Components;

/// How deep alternatives of arguments may hold alternatives.
const MAX_DEPTH: u8 = 8;

/// An argument.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) required: bool,
}

/// Returns the arguments of an object schema, in its order: those of all its parts, and of each of
/// its alternatives. An argument is required if it is in every alternative.
pub(super) fn parameters(schema: &Value, components: &Components) -> Vec<Parameter> {
    of(schema, components, 0)
}

fn of(schema: &Value, components: &Components, depth: u8) -> Vec<Parameter> {
    let schema = components.resolve(schema);
    let named: Option<&Map<String, Value>> = schema.get("properties").and_then(Value::as_object);
    let own = named.into_iter().flatten().map(|(name, property)| Parameter {
        name: name.clone(),
        schema: property.clone(),
        required: false,
    });
    let mut all: Vec<Parameter> = own.collect();
    if depth < MAX_DEPTH {
        for part in list(schema, "allOf") {
            for parameter in of(part, components, depth + 1) {
                merge(&mut all, parameter, |one, other| one || other);
            }
        }
        for key in ["anyOf", "oneOf"] {
            let mut alternatives = list(schema, key).map(|one| of(one, components, depth + 1));
            let Some(mut merged) = alternatives.next() else { continue };
            for alternative in alternatives {
                for known in &mut merged {
                    known.required &= alternative.iter().any(|other| other.name == known.name);
                }
                for mut parameter in alternative {
                    parameter.required &= merged.iter().any(|known| known.name == parameter.name);
                    merge(&mut merged, parameter, |one, other| one && other);
                }
            }
            for parameter in merged {
                merge(&mut all, parameter, |one, other| one || other);
            }
        }
    }
    for parameter in &mut all {
        parameter.required |= list(schema, "required").any(|name| *name == parameter.name);
    }
    all
}

fn merge(all: &mut Vec<Parameter>, parameter: Parameter, required: fn(bool, bool) -> bool) {
    let Some(known) = all.iter_mut().find(|known| known.name == parameter.name) else {
        all.push(parameter);
        return;
    };
    known.required = required(known.required, parameter.required);
    if known.schema == parameter.schema {
        return;
    }
    match known.schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        Some(schemas) if !schemas.contains(&parameter.schema) => schemas.push(parameter.schema),
        Some(_) => {}
        None => known.schema = json!({ "anyOf": [known.schema.take(), parameter.schema] }),
    }
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the kind of an argument, in the terms of the reference's validators.
pub(super) fn kind_of<'a>(schema: &'a Value, components: &'a Components) -> &'a str {
    let schema = components.resolve(schema);
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null")
        }
        _ => None,
    };
    match named {
        Some("integer") => "number",
        Some(name) => name,
        None if schema.get("const").is_some() => "literal",
        None if ["anyOf", "oneOf", "enum"].iter().any(|key| schema.get(key).is_some()) => "union",
        None => "any",
    }
}

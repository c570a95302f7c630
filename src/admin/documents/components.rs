//! The named schemas of a document, to which all others refer.

use serde_json::{Map, Value, json};

/// Where both documents hold their named schemas.
const PREFIX: &str = "#/components/schemas/";

/// The keywords of a JSON Schema whose value is one schema.
const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Those whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Those whose value is schemas by name.
const NAMED: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// What makes up the form of a value of the wire that JSON does not have.
const WIRE_FORM: [&str; 5] = ["maxItems", "minItems", "prefixItems", "type", "x-lunora"];

/// The named schemas of a document. A name is taken once.
#[derive(Default)]
pub(super) struct Components {
    schemas: Map<String, Value>,
    /// The names in `schemas`, and those that are set aside for others.
    taken: Vec<String>,
    /// The definitions that are already in `schemas`, with everything that they refer to.
    lifted: Vec<(Value, String)>,
}

impl Components {
    /// Takes the first of `wanted`, `wanted2`, `wanted3`, … that leaves all its `suffixes` free.
    pub(super) fn reserve(&mut self, wanted: &str, suffixes: &[&str]) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while suffixes.iter().any(|suffix| self.taken.contains(&[&name, *suffix].concat())) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        self.taken.extend(suffixes.iter().map(|suffix| [&name, *suffix].concat()));
        name
    }

    /// Adds a schema under a reserved name; returns the reference to it.
    pub(super) fn add(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.insert(name.to_owned(), schema);
        reference(name)
    }

    /// Adds a schema that is a document of its own, with its `$defs`; returns the reference to it.
    ///
    /// Its definitions become components as well. Definitions of one name share a component if they
    /// are equal, along with all that they refer to.
    pub(super) fn lift(&mut self, name: &str, mut schema: Value) -> Value {
        let document = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            for key in ["$defs", "definitions", "$id", "$schema"] {
                schema.remove(key);
            }
        }
        let scope = Scope { document: &document, root: name };
        self.rewrite(&mut schema, &scope);
        self.add(name, schema)
    }

    /// Returns the schema that `schema` refers to, or itself if it is no reference.
    pub(super) fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // A reference may lead to another one, and in the end to itself.
        for _ in 0..8 {
            let target = schema.get("$ref").and_then(Value::as_str);
            match target.and_then(|target| self.schemas.get(target.strip_prefix(PREFIX)?)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    pub(super) fn into_schemas(self) -> Map<String, Value> {
        self.schemas
    }

    /// Makes every reference within a schema of `scope` one to a component.
    fn rewrite(&mut self, schema: &mut Value, scope: &Scope<'_>) {
        let Some(object) = schema.as_object_mut() else {
            if let Some(anything) = schema.as_bool() {
                // Many generators do not know the short form.
                *schema = if anything { json!({}) } else { json!({ "not": {} }) };
            }
            return;
        };
        if let Some(Value::String(target)) = object.get_mut("$ref")
            && let Some(moved) = self.moved(target, scope)
        {
            *target = moved;
        }
        for (key, value) in object.iter_mut() {
            let key = key.as_str();
            match value {
                // `"additionalProperties": false` is short, and known to all.
                Value::Object(_) if ONE.contains(&key) => self.rewrite(value, scope),
                Value::Array(schemas) if LIST.contains(&key) => {
                    schemas.iter_mut().for_each(|schema| self.rewrite(schema, scope));
                }
                Value::Object(schemas) if NAMED.contains(&key) => {
                    schemas.values_mut().for_each(|schema| self.rewrite(schema, scope));
                }
                _ => {}
            }
        }
        self.name_wire_form(object);
    }

    /// Returns where the target of a reference is in the document; nothing if it is not part of
    /// `scope`.
    fn moved(&mut self, target: &str, scope: &Scope<'_>) -> Option<String> {
        let pointer = target.strip_prefix('#')?;
        let (name, rest) = match definition_of(pointer) {
            Some((key, name, rest)) => (self.definition(key, &name, scope)?, rest),
            None if pointer.is_empty() || pointer.starts_with('/') => {
                (scope.root.to_owned(), pointer)
            }
            None => return None,
        };
        Some([PREFIX, &name, rest].concat())
    }

    /// Returns the component of a definition, which it adds if there is none.
    fn definition(&mut self, key: &str, name: &str, scope: &Scope<'_>) -> Option<String> {
        let mut definition = scope.document.get(key)?.get(name)?.clone();
        let origin = json!([name, scope.closure(&definition)]);
        if let Some((_, known)) = self.lifted.iter().find(|(known, _)| *known == origin) {
            return Some(known.clone());
        }
        let component = self.reserve(&identifier(name), &[""]);
        // Before its own references are followed: they may lead back.
        self.lifted.push((origin, component.clone()));
        self.rewrite(&mut definition, scope);
        self.add(&component, definition);
        Some(component)
    }

    /// Replaces the form of a date, a big integer and the like by a reference to it.
    fn name_wire_form(&mut self, object: &mut Map<String, Value>) {
        let Some(tag) = object.get("x-lunora").and_then(Value::as_str) else { return };
        let wanted = ["Lunora", &pascal_case(tag)].concat();
        // An `Option` of it has its form, and `null` among its types.
        let types = object.get("type").and_then(Value::as_array);
        let nullable = types.is_some_and(|types| types.iter().any(|name| name == "null"));
        let mut form = Map::new();
        form.extend(WIRE_FORM.into_iter().filter_map(|key| object.remove_entry(key)));
        form.insert("type".to_owned(), json!("array"));
        let form = Value::Object(form);
        let origin = json!([wanted, form]);
        let name = match self.lifted.iter().find(|(known, _)| *known == origin) {
            Some((_, name)) => name.clone(),
            None => {
                let name = self.reserve(&wanted, &[""]);
                self.lifted.push((origin, name.clone()));
                self.add(&name, form);
                name
            }
        };
        if nullable {
            object.insert("anyOf".to_owned(), json!([reference(&name), { "type": "null" }]));
        } else {
            object.insert("$ref".to_owned(), Value::String([PREFIX, &name].concat()));
        }
    }
}

/// A schema that is a document of its own, and the name of its component.
struct Scope<'a> {
    document: &'a Value,
    root: &'a str,
}

impl Scope<'_> {
    /// Returns the schemas of the scope that `schema` is made of, by their pointers.
    fn closure(&self, schema: &Value) -> Value {
        let mut closure = Map::new();
        closure.insert(String::new(), schema.clone());
        let mut pending = vec![schema];
        while let Some(schema) = pending.pop() {
            each_reference(schema, &mut |target| {
                if closure.contains_key(target) {
                    return;
                }
                let Some(pointer) = target.strip_prefix('#') else { return };
                let found = match definition_of(pointer) {
                    Some((key, name, _)) => {
                        self.document.get(key).and_then(|named| named.get(&name))
                    }
                    None => Some(self.document),
                };
                if let Some(found) = found {
                    closure.insert(target.to_owned(), found.clone());
                    pending.push(found);
                }
            });
        }
        Value::Object(closure)
    }
}

/// Visits every `$ref` of a schema, and what looks like one in its data: at worst, two equal
/// definitions then do not share a component.
fn each_reference(schema: &Value, visit: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(object) => {
            if let Some(target) = object.get("$ref").and_then(Value::as_str) {
                visit(target);
            }
            object.values().for_each(|value| each_reference(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

/// Splits `/$defs/Name/rest` into `$defs`, the name as it is written as a key, and `/rest`.
fn definition_of(pointer: &str) -> Option<(&'static str, String, &str)> {
    let (key, path) = ["$defs", "definitions"].into_iter().find_map(|key| {
        Some((key, pointer.strip_prefix('/')?.strip_prefix(key)?.strip_prefix('/')?))
    })?;
    let (name, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    // A reference is a URL, and its fragment a pointer. In a form, `+` is a space.
    let escaped = name.replace('+', "%2B");
    let (name, _) = form_urlencoded::parse(escaped.as_bytes()).next()?;
    Some((key, name.replace("~1", "/").replace("~0", "~"), rest))
}

pub(super) fn reference(name: &str) -> Value {
    let target = [PREFIX, name].concat();
    json!({ "$ref": target })
}

/// Returns the name of a type as generators accept it.
fn identifier(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    starting_with_letter(name.chars().map(allowed).collect())
}

/// Returns `MessagesSend` for `messages:send`.
pub(super) fn pascal_case(path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let capitalized = words.flat_map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        [first.to_ascii_uppercase(), rest.to_owned()]
    });
    starting_with_letter(capitalized.collect())
}

fn starting_with_letter(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        ["Type", &name].concat()
    }
}

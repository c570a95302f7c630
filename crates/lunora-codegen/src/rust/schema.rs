//! JSON Schema, as `schemars` writes it, to Rust.

use std::mem;

use serde_json::{Map, Value};

use super::{enums, fields};
use crate::typescript::{Names, identity, target};

pub(super) type Schema = Map<String, Value>;

/// The type of any value.
pub(super) const ANY: &str = "lunora_client::value::Value";

/// Converts the schemas of one document.
pub(super) struct Converter<'a> {
    root: &'a Value,
    names: &'a mut Names,
    /// The types whose declarations contain the current one by value.
    open: Vec<String>,
}

impl<'a> Converter<'a> {
    pub(super) fn of(root: &'a Value, names: &'a mut Names) -> Self {
        Self { root, names, open: Vec::new() }
    }

    /// Returns the type of the whole document, as the module of a function names it.
    pub(super) fn root(&mut self, wanted: &str, is_args: bool) -> String {
        let Some(schema) = self.root.as_object() else { return ANY.to_owned() };
        let is_open = schema.get("additionalProperties").is_some_and(Value::is_object);
        if is_args
            && schema.get("type") == Some(&"object".into())
            && !is_structure(schema)
            && !is_open
        {
            return "lunora_client::NoArgs".to_owned();
        }
        let title =
            schema.get("title").and_then(Value::as_str).filter(|it| !it.starts_with("Nullable_"));
        let ty = match title {
            Some(title) if is_structure(schema) => self.named(title, "#", self.root),
            _ => self.value(self.root, title.unwrap_or(wanted)),
        };
        self.within_module(&ty)
    }

    /// Returns a type as a module below the types names it.
    fn within_module(&self, ty: &str) -> String {
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
        let mut text = String::new();
        let mut rest = ty;
        while let Some(start) = rest.find(is_part) {
            let (between, path) = rest.split_at(start);
            let (path, after) =
                path.split_at(path.find(|char| !is_part(char)).unwrap_or(path.len()));
            let above = if self.names.has(path) { "super::" } else { "" };
            text.extend([between, above, path]);
            rest = after;
        }
        text + rest
    }

    /// Returns the name of a schema, and declares it at its first use.
    fn named(&mut self, wanted: &str, pointer: &str, schema: &'a Value) -> String {
        let identity = identity(self.root, wanted, pointer, schema);
        let (name, is_new) = self.names.name(wanted, identity);
        if is_new {
            self.declare(&name, schema);
        }
        if self.open.contains(&name) { format!("Box<{name}>") } else { name }
    }

    /// Returns the name of a schema that has none of its own, and declares it.
    pub(super) fn unnamed(&mut self, wanted: &str, schema: &'a Value) -> String {
        let identity = identity(self.root, wanted, wanted, schema);
        let (name, is_new) = self.names.name(wanted, identity);
        if is_new {
            self.declare(&name, schema);
        }
        name
    }

    /// Declares the alternatives that a struct has beside its fields, and returns their name.
    pub(super) fn alternatives(&mut self, wanted: &str, schema: &'a Schema) -> String {
        let identity = format!("{wanted} {schema:?}");
        let (name, is_new) = self.names.name(wanted, identity);
        if is_new {
            let text = enums::of(self, &name, schema);
            self.names
                .declare(name.clone(), text.unwrap_or_else(|| format!("pub type {name} = {ANY};")));
        }
        name
    }

    fn declare(&mut self, name: &str, schema: &'a Value) {
        self.open.push(name.to_owned());
        let docs = docs(schema);
        let text = match schema.as_object() {
            Some(object) if is_structure(object) => self.declaration(name, object),
            // One that contains itself cannot be an alias.
            _ => match self.value(schema, name) {
                ty if mentions(&ty, name) => format!(
                    "#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]\n#[serde(crate = \"lunora_client::serde\", transparent)]\npub struct {name}(pub {ty});"
                ),
                ty => format!("pub type {name} = {ty};"),
            },
        };
        self.open.pop();
        self.names.declare(name.to_owned(), docs + &text);
    }

    /// Returns the declaration of a struct or an enum, or an alias of what is neither.
    fn declaration(&mut self, name: &str, schema: &'a Schema) -> String {
        let declared = match fields::of(self, name, schema) {
            Some(fields) => Some(fields.structure(name)),
            None => enums::of(self, name, schema),
        };
        declared.unwrap_or_else(|| {
            let ty = self.object(schema, name);
            format!("pub type {name} = {ty};")
        })
    }

    pub(super) fn target(&self, pointer: &str) -> Option<&'a Value> {
        target(self.root, pointer)
    }

    /// Returns the type of a schema. One without a name that needs a declaration is called `wanted`.
    pub(super) fn value(&mut self, schema: &'a Value, wanted: &str) -> String {
        match schema {
            Value::Object(object) if is_structure(object) => self.unnamed(wanted, schema),
            Value::Object(object) => self.object(object, wanted),
            _ => ANY.to_owned(),
        }
    }

    /// Returns the type of a schema inside a list or a map.
    fn within(&mut self, schema: &'a Value, wanted: &str) -> String {
        let open = mem::take(&mut self.open);
        let ty = self.value(schema, wanted);
        self.open = open;
        ty
    }

    fn object(&mut self, schema: &'a Schema, wanted: &str) -> String {
        if let Some(tag) = schema.get("x-lunora").and_then(Value::as_str) {
            return tagged(tag);
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            return match self.target(pointer) {
                Some(target) if pointer == "#" => {
                    let title = target.get("title").and_then(Value::as_str).unwrap_or("Root");
                    self.named(title, pointer, target)
                }
                Some(target) => self.named(name, pointer, target),
                None => ANY.to_owned(),
            };
        }
        if let Some(inner) = enums::nullable(schema) {
            return optional(match inner {
                enums::Nullable::One(inner) => self.value(inner, wanted),
                enums::Nullable::Typed(name) => self.of_type(name, schema, wanted),
            });
        }
        if let Some(Value::Array(all)) = schema.get("allOf")
            && let [only] = &**all
        {
            return self.value(only, wanted);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some(name) => self.of_type(name, schema, wanted),
            None => ANY.to_owned(),
        }
    }

    fn of_type(&mut self, name: &str, schema: &'a Schema, wanted: &str) -> String {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        match name {
            "null" => "()".to_owned(),
            "string" => "String".to_owned(),
            "boolean" => "bool".to_owned(),
            "number" => if format == "float" { "f32" } else { "f64" }.to_owned(),
            "integer" => integer(format).to_owned(),
            "array" => self.array(schema, wanted),
            "object" => match schema.get("additionalProperties") {
                Some(value) if *value != Value::Bool(false) => {
                    format!("BTreeMap<String, {}>", self.within(value, wanted))
                }
                _ => format!("BTreeMap<String, {ANY}>"),
            },
            _ => ANY.to_owned(),
        }
    }

    fn array(&mut self, schema: &'a Schema, wanted: &str) -> String {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        let length = bound("minItems").filter(|least| Some(*least) == bound("maxItems"));
        if let Some(Value::Array(items)) = schema.get("prefixItems") {
            if length != u64::try_from(items.len()).ok() {
                return format!("Vec<{ANY}>");
            }
            let items: String = items.iter().map(|item| self.value(item, wanted) + ", ").collect();
            return format!("({items})");
        }
        let item = schema.get("items").map_or_else(|| ANY.to_owned(), |it| self.within(it, wanted));
        match length {
            // The longest that serde reads.
            Some(length @ 0..=32) => format!("[{item}; {length}]"),
            _ => format!("Vec<{item}>"),
        }
    }
}

/// Tells whether a schema needs a declaration.
fn is_structure(schema: &Schema) -> bool {
    if schema.contains_key("x-lunora") || enums::nullable(schema).is_some() {
        return false;
    }
    let several =
        |key: &str| schema.get(key).and_then(Value::as_array).is_some_and(|it| it.len() > 1);
    schema.get("properties").and_then(Value::as_object).is_some_and(|it| !it.is_empty())
        || enums::texts(schema).is_some()
        || ["oneOf", "anyOf"].iter().any(|key| schema.contains_key(*key))
        || several("allOf")
}

/// Tells whether a type is made of another one.
fn mentions(ty: &str, name: &str) -> bool {
    ty.split(|char: char| !char.is_ascii_alphanumeric() && char != '_').any(|word| word == name)
}

/// Returns the type of what may be absent.
pub(super) fn optional(ty: String) -> String {
    if ty.starts_with("Option<") { ty } else { format!("Option<{ty}>") }
}

/// Returns the type of a tagged value of the wire.
fn tagged(tag: &str) -> String {
    let name = match tag {
        "bigint" => "BigInt",
        "date" => "Date",
        "url" => "Url",
        "map" => "Map",
        "set" => "Set",
        "bytes" => "TypedBytes",
        _ => "Value",
    };
    format!("lunora_client::value::{name}")
}

fn integer(format: &str) -> &'static str {
    match format {
        "int8" => "i8",
        "int16" => "i16",
        "int32" => "i32",
        "int128" => "i128",
        "uint8" => "u8",
        "uint16" => "u16",
        "uint32" => "u32",
        "uint64" | "uint" => "u64",
        "uint128" => "u128",
        _ => "i64",
    }
}

/// Returns the first paragraph of a description as documentation.
pub(super) fn docs(schema: &Value) -> String {
    let Some(text) = schema.get("description").and_then(Value::as_str) else {
        return String::new();
    };
    let first = text.split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("#[doc = {:?}]\n", format!(" {line}"))
}

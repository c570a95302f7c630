//! Structs, and the fields of variants.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use super::{
    idents::{Taken, snake},
    schema::{ANY, Converter, Schema, docs, optional},
};

/// The keywords of an enum.
const ALTERNATIVES: [&str; 2] = ["oneOf", "anyOf"];

/// The fields of a struct or a variant.
#[derive(Debug, Default)]
pub(super) struct Fields {
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    attributes: String,
    name: String,
    ty: String,
    may_be_absent: bool,
}

/// The properties of a schema, with those of the schemas that it includes.
struct Merged<'a> {
    properties: Vec<(&'a String, &'a Value)>,
    required: BTreeSet<&'a str>,
    others: Option<&'a Value>,
}

/// Returns the fields of a schema of an object; `None` if it is none, or has no properties.
pub(super) fn of<'a>(
    converter: &mut Converter<'a>,
    owner: &str,
    schema: &'a Schema,
) -> Option<Fields> {
    let mut fields = without(converter, owner, schema, None)?;
    if ALTERNATIVES.iter().any(|key| schema.contains_key(*key)) {
        fields.fields.push(Field {
            attributes: "#[serde(flatten)]\n".to_owned(),
            name: "variant".to_owned(),
            ty: converter.alternatives(&format!("{owner} variant"), schema),
            may_be_absent: false,
        });
    }
    Some(fields)
}

/// Returns the fields without that of a tag.
pub(super) fn without<'a>(
    converter: &mut Converter<'a>,
    owner: &str,
    schema: &'a Schema,
    tag: Option<&str>,
) -> Option<Fields> {
    let mut merged = Merged { properties: Vec::new(), required: BTreeSet::new(), others: None };
    collect(converter, schema, &mut merged, 0)?;
    if merged.properties.is_empty() {
        return None;
    }
    merged.properties.retain(|(name, _)| Some(&***name) != tag);
    merged.properties.sort_unstable_by_key(|(name, _)| *name);
    merged.properties.dedup_by_key(|(name, _)| *name);
    let mut taken = Taken::default();
    let mut fields = Vec::new();
    for (name, value) in merged.properties {
        let ident = taken.free(snake(name));
        let ty = converter.value(value, &format!("{owner} {name}"));
        let is_required = merged.required.contains(&**name);
        let ty = if is_required { ty } else { optional(ty) };
        let mut serde = Vec::new();
        if ident.trim_start_matches("r#") != name {
            serde.push(format!("rename = {name:?}"));
        }
        if !is_required {
            serde.push("default".to_owned());
            serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        }
        let mut attributes = docs(value);
        if !serde.is_empty() {
            let _ = writeln!(attributes, "#[serde({})]", serde.join(", "));
        }
        fields.push(Field { attributes, name: ident, ty, may_be_absent: !is_required });
    }
    if let Some(value) = merged.others {
        let ty = if value.is_object() {
            converter.value(value, &format!("{owner} other"))
        } else {
            ANY.to_owned()
        };
        fields.push(Field {
            attributes: "#[serde(flatten)]\n".to_owned(),
            name: taken.free("other".to_owned()),
            ty: format!("BTreeMap<String, {ty}>"),
            may_be_absent: true,
        });
    }
    Some(Fields { fields })
}

/// Adds the properties of a schema. `None` if a part of it is no object.
fn collect<'a>(
    converter: &Converter<'a>,
    schema: &'a Schema,
    merged: &mut Merged<'a>,
    depth: u32,
) -> Option<()> {
    // A schema that includes itself has no values.
    if depth > 16 {
        return None;
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        merged.properties.extend(properties);
    }
    if let Some(Value::Array(names)) = schema.get("required") {
        merged.required.extend(names.iter().filter_map(Value::as_str));
    }
    if let Some(others) = schema.get("additionalProperties").filter(|it| **it != Value::Bool(false))
    {
        merged.others = Some(others);
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        collect(converter, converter.target(pointer)?.as_object()?, merged, depth + 1)?;
    }
    if let Some(Value::Array(all)) = schema.get("allOf") {
        for part in all {
            collect(converter, part.as_object()?, merged, depth + 1)?;
        }
    }
    let has = |keys: [&str; 2]| keys.iter().any(|key| schema.contains_key(*key));
    (!has(["enum", "const"]) && (depth == 0 || !has(ALTERNATIVES))).then_some(())
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the declaration of a struct.
    pub(super) fn structure(&self, name: &str) -> String {
        // A value of arguments that are all optional is written without them.
        let default =
            if self.fields.iter().all(|field| field.may_be_absent) { "Default, " } else { "" };
        format!(
            "#[derive(Clone, Debug, {default}Deserialize, PartialEq, Serialize)]\n\
             #[serde(crate = \"lunora_client::serde\")]\npub struct {name} {}",
            self.block("pub ")
        )
    }

    /// Returns the fields in braces.
    pub(super) fn block(&self, visibility: &str) -> String {
        let mut text = "{\n".to_owned();
        for Field { attributes, name, ty, .. } in &self.fields {
            let _ = writeln!(text, "{attributes}{visibility}{name}: {ty},");
        }
        text + "}"
    }
}

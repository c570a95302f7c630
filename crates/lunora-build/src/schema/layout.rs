//! How the stored documents of a class look, as the class says it while it is built, and as the lock keeps it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What a class of the module says about itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Layout {
    pub(crate) class: String,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) tables: BTreeMap<String, Table>,
}

/// A migration: of the documents of a table, or of what is dropped.
#[derive(Debug, Deserialize)]
pub(crate) struct Migration {
    pub(crate) id: String,
    pub(crate) table: Option<String>,
    pub(crate) drops: Option<String>,
}

/// A table of documents.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Table {
    pub(crate) documents: Type,
    pub(crate) indexes: Vec<String>,
}

/// A type that documents are read as.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    /// `null`, or a value.
    Option(Box<Self>),
    List(Box<Self>),
    Map(Box<(Self, Self)>),
    Tuple(Vec<Self>),
    Struct(Struct),
    Enum(Enum),
    /// The type around it that has this name.
    Recursive(String),
    /// A type that looks at the value by itself, in its own words.
    Opaque(String),
    /// `bool`, `i8` to `u128`, `f32`, `f64`, `char`, `string`, `bytes`, `null`, or `any`.
    #[serde(untagged)]
    Leaf(String),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Struct {
    pub(crate) name: String,
    /// Unknown fields are refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) closed: bool,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Field {
    /// The name, and those that are read as well.
    pub(crate) names: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) optional: bool,
    #[serde(rename = "type")]
    pub(crate) of: Type,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) variants: BTreeMap<String, Type>,
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

impl Struct {
    /// Returns the field that has one of the names of `field`.
    pub(crate) fn same(&self, field: &Field) -> Option<&Field> {
        self.fields.iter().find(|own| own.names.iter().any(|name| field.names.contains(name)))
    }
}

/// Rust, as far as the name of a type is known.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(of) => write!(f, "Option<{of}>"),
            Self::List(of) => write!(f, "Vec<{of}>"),
            Self::Map(of) => write!(f, "BTreeMap<{}, {}>", of.0, of.1),
            Self::Tuple(of) => {
                let of: Vec<_> = of.iter().map(ToString::to_string).collect();
                write!(f, "({})", of.join(", "))
            }
            Self::Struct(Struct { name, .. }) | Self::Enum(Enum { name, .. }) => f.write_str(name),
            Self::Recursive(name) => write!(f, "Box<{name}>"),
            Self::Opaque(words) => f.write_str(words),
            Self::Leaf(name) => f.write_str(match name.as_str() {
                "string" => "String",
                "bytes" => "Vec<u8>",
                "null" => "()",
                "any" => "serde_json::Value",
                name => name,
            }),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

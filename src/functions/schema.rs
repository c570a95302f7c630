//! The JSON Schemas of types.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::value::{RawValue, to_raw_value};

/// How a schema refers to the types that it is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the tests that `shard!` writes use the named form, which a Worker does not have"
)]
pub enum Form {
    /// Every type is inlined, so that the schema is valid at any place of a document.
    Inlined,
    /// Named types are in `$defs`, from which `lunora codegen client` makes interfaces.
    Named,
}

impl Form {
    /// Returns the schema of what a client may send.
    pub(crate) fn sent<T: JsonSchema>(self) -> Option<Box<RawValue>> {
        self.schema_of::<T>(SchemaSettings::for_deserialize)
    }

    /// Returns the schema of what a client receives.
    pub(crate) fn received<T: JsonSchema>(self) -> Option<Box<RawValue>> {
        self.schema_of::<T>(SchemaSettings::for_serialize)
    }

    fn schema_of<T: JsonSchema>(
        self,
        contract: fn(SchemaSettings) -> SchemaSettings,
    ) -> Option<Box<RawValue>> {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = self == Self::Inlined;
            settings.meta_schema = None;
        });
        let schema = contract(settings).into_generator().into_root_schema_for::<T>();
        to_raw_value(&schema).ok()
    }
}

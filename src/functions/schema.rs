//! The JSON Schemas of types. Named types are in `$defs`, from which documents and generated clients
//! take the names.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::value::{RawValue, to_raw_value};

/// Returns the schema of what a client may send.
pub(super) fn sent<T: JsonSchema>() -> Option<Box<RawValue>> {
    schema_of::<T>(SchemaSettings::for_deserialize)
}

/// Returns the schema of what a client receives.
pub(super) fn received<T: JsonSchema>() -> Option<Box<RawValue>> {
    schema_of::<T>(SchemaSettings::for_serialize)
}

fn schema_of<T: JsonSchema>(
    contract: fn(SchemaSettings) -> SchemaSettings,
) -> Option<Box<RawValue>> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let schema = contract(settings).into_generator().into_root_schema_for::<T>();
    to_raw_value(&schema).ok()
}

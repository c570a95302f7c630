//! The JSON Schemas of values in wire form. `x-lunora` names the tag, for generators of clients.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{BigInt, Date, Map, Set, TAG, TypedBytes, Url, Value};

macro_rules! schemas {
    ($($type:ident is $tag:literal with $payload:tt;)+) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "array",
                    "prefixItems": [{ "const": TAG }, { "const": $tag }, $payload],
                    "minItems": 3,
                    "x-lunora": $tag
                })
            }
        }
    )+};
}

schemas! {
    BigInt is "bigint" with { "type": "string" };
    Date is "date" with {};
    Map is "map" with { "type": "array" };
    Set is "set" with { "type": "array" };
    TypedBytes is "bytes" with { "type": "string" };
    Url is "url" with { "type": "string" };
}

impl JsonSchema for Value {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

//! The JSON Schemas of values in wire form. `x-lunora` names the tag, for generators of clients.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{BigInt, Date, Map, Set, TAG, TypedBytes, Url, Value};

macro_rules! schemas {
    ($($type:ident is $tag:literal with $payload:tt, at most $max:literal;)+) => {$(
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
                    "maxItems": $max,
                    "x-lunora": $tag
                })
            }
        }
    )+};
}

schemas! {
    BigInt is "bigint" with { "type": "string" }, at most 3;
    Date is "date" with {
        "anyOf": [
            { "type": "number" },
            { "type": "array", "prefixItems": [{ "const": TAG }, { "const": "nan" }], "minItems": 2, "maxItems": 2 }
        ]
    }, at most 3;
    Map is "map" with {
        "type": "array",
        "items": { "type": "array", "prefixItems": [true, true], "minItems": 2, "maxItems": 2 }
    }, at most 3;
    Set is "set" with { "type": "array", "items": true }, at most 3;
    TypedBytes is "bytes" with { "type": "string" }, at most 4;
    Url is "url" with { "type": "string" }, at most 3;
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

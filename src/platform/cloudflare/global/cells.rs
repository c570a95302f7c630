//! The values of columns, exactly, through an interface that knows doubles only.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use wasm_bindgen::JsValue;
use worker::js_sys::Uint8Array;

use crate::platform::GlobalValue;

/// Returns a column as its type and its value. D1 makes a double of every number, so that integers
/// are read as text, and infinity is no JSON.
pub(super) fn cell(column: &str) -> String {
    format!(
        "typeof({column}), CASE typeof({column}) WHEN 'integer' THEN CAST({column} AS TEXT) \
         WHEN 'real' THEN CASE WHEN abs({column}) > 1.7976931348623157e308 \
         THEN CAST({column} AS TEXT) ELSE {column} END ELSE {column} END"
    )
}

/// What D1 makes of a value.
pub(super) enum Cell {
    Null,
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
}

pub(super) fn value(cells: &[Cell]) -> Option<GlobalValue> {
    let [Cell::Text(kind), cell] = cells else { return None };
    Some(match (&**kind, cell) {
        ("null", _) => GlobalValue::Null,
        ("integer", Cell::Text(text)) => GlobalValue::Integer(text.parse().ok()?),
        ("real", Cell::Number(number)) => GlobalValue::Real(*number),
        ("real", Cell::Text(text)) if text.starts_with('-') => GlobalValue::Real(f64::NEG_INFINITY),
        ("real", Cell::Text(_)) => GlobalValue::Real(f64::INFINITY),
        ("text", Cell::Text(text)) => GlobalValue::Text(text.clone()),
        ("blob", Cell::Bytes(bytes)) => GlobalValue::Blob(bytes.clone()),
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of SQLite")
            }

            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell::Null)
            }

            fn visit_none<E>(self) -> Result<Cell, E> {
                Ok(Cell::Null)
            }

            fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
                Ok(Cell::Number(number))
            }

            #[allow(clippy::cast_precision_loss, reason = "it was a double")]
            fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell::Number(number as f64))
            }

            #[allow(clippy::cast_precision_loss, reason = "it was a double")]
            fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell::Number(number as f64))
            }

            fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Cell, E> {
                Ok(Cell::Text(text))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Cell, E> {
                Ok(Cell::Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Cell, E> {
                Ok(Cell::Bytes(bytes))
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be a byte"
            )]
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell, A::Error> {
                let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or_default());
                while let Some(number) = seq.next_element::<f64>()? {
                    if !(0.0..=255.0).contains(&number) || number.fract() != 0.0 {
                        return Err(A::Error::custom("a list of other numbers than bytes"));
                    }
                    bytes.push(number as u8);
                }
                Ok(Cell::Bytes(bytes))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Returns the place of a value in a statement, and the value to bind. A number crosses as a double,
/// and a whole double as an integer.
pub(super) fn bound(value: &GlobalValue) -> (&'static str, JsValue) {
    match value {
        GlobalValue::Null => ("?", JsValue::NULL),
        GlobalValue::Integer(value) => ("CAST(? AS INTEGER)", value.to_string().into()),
        GlobalValue::Real(value) if value.is_infinite() => {
            ("CAST(? AS REAL)", if *value > 0.0 { "9e999" } else { "-9e999" }.into())
        }
        GlobalValue::Real(value) => ("CAST(? AS REAL)", (*value).into()),
        GlobalValue::Text(value) => ("?", value.into()),
        GlobalValue::Blob(value) => ("?", Uint8Array::from(&**value).into()),
    }
}

//! Values of columns in the wire form, and rows as lines.

use serde_json::value::RawValue;

use crate::{
    errors::LunoraError,
    platform::{GlobalRow, GlobalSchema, GlobalValue},
    wire::value::{BigInt, Object, TypedBytes, Value, integers::MAX_SAFE},
};

/// Returns a value of the wire as that of a column; `None` if a column cannot hold it.
pub(crate) fn to_column(value: &Value) -> Option<GlobalValue> {
    Some(match value {
        Value::Null | Value::Undefined => GlobalValue::Null,
        Value::Bool(value) => GlobalValue::Integer((*value).into()),
        Value::Number(number) => {
            whole(*number).map_or(GlobalValue::Real(*number), GlobalValue::Integer)
        }
        Value::BigInt(integer) => GlobalValue::Integer(i64::try_from(integer).ok()?),
        Value::String(text) => GlobalValue::Text(text.clone()),
        Value::Bytes(bytes) => GlobalValue::Blob(bytes.as_slice().to_vec()),
        _ => return None,
    })
}

/// Returns a number as an integer, if it is whole and exact.
#[allow(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
fn whole(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= LIMIT).then_some(number as i64)
}

#[allow(clippy::cast_precision_loss, reason = "within 2^53")]
fn to_wire(value: GlobalValue) -> Value {
    match value {
        GlobalValue::Null => Value::Null,
        GlobalValue::Integer(value) if (-MAX_SAFE..=MAX_SAFE).contains(&value) => {
            Value::Number(value as f64)
        }
        GlobalValue::Integer(value) => Value::BigInt(BigInt::from(value)),
        GlobalValue::Real(value) => Value::Number(value),
        GlobalValue::Text(text) => Value::String(text),
        GlobalValue::Blob(bytes) => Value::Bytes(TypedBytes::from(bytes)),
    }
}

/// Appends the line of a row: `{"table","global":true,"doc"}`, with `"rowid"` in a table without a
/// primary key.
pub(super) fn push_line(
    table: &str,
    row: GlobalRow,
    lines: &mut Vec<u8>,
) -> Result<(), LunoraError> {
    let table = serde_json::to_string(table).map_err(LunoraError::internal)?;
    let doc: Object = row.columns.into_iter().map(|(name, value)| (name, to_wire(value))).collect();
    let doc = Value::Object(doc).to_wire().map_err(|error| {
        LunoraError::internal(format!(
            "a row of the global table {table} has no wire form: {error}"
        ))
    })?;
    lines.extend_from_slice(b"{\"table\":");
    lines.extend_from_slice(table.as_bytes());
    lines.extend_from_slice(b",\"global\":true,");
    if let Some(rowid) = row.rowid {
        lines.extend_from_slice(format!("\"rowid\":{rowid},").as_bytes());
    }
    lines.extend_from_slice(b"\"doc\":");
    lines.extend_from_slice(doc.as_bytes());
    lines.extend_from_slice(b"}\n");
    Ok(())
}

/// Reads a document as a row of a table; the error says what the table cannot hold.
pub(super) fn read_row(
    schema: &GlobalSchema,
    rowid: Option<i64>,
    doc: &RawValue,
) -> Result<GlobalRow, String> {
    let doc = Value::from_wire(doc.get()).map_err(|error| format!("`doc` is invalid: {error}"))?;
    let fields = doc.as_object().ok_or_else(|| "`doc` must be an object".to_owned())?;
    let mut columns = Vec::with_capacity(fields.len());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_undefined()) {
        if !schema.columns.iter().any(|column| column == name) {
            return Err(format!("the table has no column `{name}`"));
        }
        let value = to_column(value).ok_or_else(|| {
            format!(
                "column `{name}` must be a number, an integer of 64 bits, a text, bytes, a boolean or null"
            )
        })?;
        columns.push((name.to_owned(), value));
    }
    let rowid = rowid.filter(|_| schema.key.is_empty());
    Ok(GlobalRow { rowid, columns })
}

//! The rows of D1, read as documents and as the cells of a shard's database.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{Document, TableSpec},
};

/// Returns the text of a column, or an empty one.
pub(super) fn text<'a>(row: &'a Map<String, Value>, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// Reads documents.
pub(super) fn documents<T: DeserializeOwned>(
    spec: &TableSpec,
    rows: &[Map<String, Value>],
) -> Result<Vec<Document<T>>, LunoraError> {
    rows.iter().map(|row| Document::read(spec.name(), text(row, "doc"))).collect()
}

/// Returns the document of a row, and the cells of its position in an order of `length` values.
pub(super) fn cells(mut row: Map<String, Value>, length: usize) -> Vec<SqlCell> {
    let columns = (0..length).flat_map(|at| [format!("p{at}"), format!("t{at}")]);
    let names = std::iter::once("doc".to_owned()).chain(columns);
    names.map(|name| cell(row.remove(&name))).collect()
}

/// Reads a value as D1 returns it: bytes are a list of numbers.
fn cell(value: Option<Value>) -> SqlCell {
    match value {
        Some(Value::String(text)) => SqlCell::Text(text),
        Some(Value::Number(number)) => number.as_f64().map_or(SqlCell::Null, SqlCell::Number),
        Some(Value::Array(bytes)) => {
            let byte = |byte: &Value| u8::try_from(byte.as_u64().unwrap_or_default()).ok();
            SqlCell::Blob(bytes.iter().filter_map(byte).collect())
        }
        Some(Value::Bool(flag)) => SqlCell::Number(f64::from(u8::from(flag))),
        Some(Value::Null | Value::Object(_)) | None => SqlCell::Null,
    }
}

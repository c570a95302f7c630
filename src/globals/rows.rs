//! The rows of D1, read as documents and as the cells of a shard's database.

#[cfg(feature = "admin")]
use serde::Serialize;
use serde::de::DeserializeOwned;
#[cfg(feature = "admin")]
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

#[cfg(feature = "admin")]
use crate::{
    errors::Code,
    platform::{GlobalChanges, GlobalChangesQuery, database::number},
};
use crate::{
    errors::LunoraError,
    platform::{SqlCell, database::text},
    shard::{Document, TableSpec},
};

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

/// Reads changes, unless the log begins after them. `ends` has the first and the last position of the log.
#[cfg(feature = "admin")]
pub(super) fn changes_of(
    query: &GlobalChangesQuery,
    rows: &[Map<String, Value>],
    ends: Option<&Map<String, Value>>,
) -> Result<GlobalChanges, LunoraError> {
    let end = |name| ends.and_then(|ends| number(ends, name));
    if let Some(first) = end("first").filter(|first| query.after + 1 < *first) {
        let message = format!("the change log begins at {first}: begin again from an export");
        return Err(LunoraError::new(Code::CdcLogTrimmed, message));
    }
    let last = rows.last().and_then(|row| number(row, "seq"));
    // A reader that has seen the last change has seen everything.
    let cursor = last.or_else(|| end("last")).map_or(query.after, |last| last.max(query.after));
    let changes: Result<Vec<_>, LunoraError> = rows.iter().map(change).collect();
    Ok(GlobalChanges { changes: changes?, cursor })
}

#[cfg(feature = "admin")]
fn change(row: &Map<String, Value>) -> Result<Box<RawValue>, LunoraError> {
    #[derive(Serialize)]
    struct Change<'a> {
        seq: u64,
        table: &'a str,
        id: &'a str,
        op: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        doc: Option<&'a RawValue>,
        ts: u64,
    }

    let count = |name| number(row, name).unwrap_or_default();
    let doc = row.get("doc").and_then(Value::as_str);
    let doc = doc.map(serde_json::from_str).transpose().map_err(LunoraError::internal)?;
    let [table, id, op] = ["table", "id", "op"].map(|name| text(row, name));
    to_raw_value(&Change { seq: count("seq"), table, id, op, doc, ts: count("ts") })
        .map_err(LunoraError::internal)
}

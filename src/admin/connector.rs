//! The change feed for warehouse connectors: one cursor for all shards, and plain JSON.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AdminCall, orchestration::json};
use crate::{
    coordinator::{ShardChanges, SyncRequest},
    errors::LunoraError,
    message::Response,
    wire::value::TAG,
};

/// The cursors of all shards. Opaque to callers.
#[derive(Default, Deserialize, Serialize)]
struct Cursor {
    /// The cursor of the global tables; unused here.
    g: u64,
    s: BTreeMap<String, u64>,
    v: u8,
}

impl Cursor {
    /// Reads a cursor; an invalid one starts from zero, since a connector upserts.
    fn read(text: Option<String>) -> Self {
        let json = text.and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let cursor: Option<Self> = json.and_then(|json| serde_json::from_slice(&json).ok());
        cursor.filter(|cursor| cursor.v == 1).unwrap_or_default()
    }

    fn to_text(&self) -> Result<String, LunoraError> {
        let json = serde_json::to_vec(self).map_err(LunoraError::internal)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

/// Handles `POST connector/sync`. A shard that fails keeps its position in the cursor, and its
/// changes come with a later call.
pub(super) async fn sync(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Sync {
        #[serde(default)]
        cursor: Option<String>,
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        tables: Option<Vec<String>>,
    }

    let Sync { cursor, limit, tables } = call.body("Connector sync").await?;
    let mut request = SyncRequest::default();
    (request.cursors, request.limit, request.tables) = (Cursor::read(cursor).s, limit, tables);
    let report = call.shard_admin()?.sync(&request).await?;

    let mut next = Cursor { g: 0, s: request.cursors, v: 1 };
    let (mut changes, mut has_more) = (Vec::new(), false);
    for ShardChanges { shard_key, cursor, changes: page, .. } in report.shards {
        let Ok(page) = page else {
            has_more = true;
            continue;
        };
        let filled = limit.is_some_and(|limit| page.len() as u64 >= u64::from(limit));
        has_more |= filled;
        for change in page {
            changes.push(flat(change.get())?);
        }
        next.s.insert(shard_key.as_str().to_owned(), cursor);
    }
    json(&json!({ "changes": changes, "hasMore": has_more, "nextCursor": next.to_text()? }))
}

/// Writes a change as `{"table","op","doc"}`; a deleted document only has its `_id`.
fn flat(change: &str) -> Result<Value, LunoraError> {
    let change: Map<String, Value> = serde_json::from_str(change)
        .map_err(|error| LunoraError::internal(format!("a change is not an object: {error}")))?;
    let text = |field: &str| change.get(field).and_then(Value::as_str);
    let op =
        text("op").filter(|op| matches!(*op, "delete" | "insert" | "update")).unwrap_or("upsert");
    let doc = match change.get("doc") {
        Some(doc @ Value::Object(_)) => portable(doc.clone()),
        _ => text("id").map_or_else(|| json!({}), |id| json!({ "_id": id })),
    };
    Ok(json!({ "table": text("table").unwrap_or_default(), "op": op, "doc": doc }))
}

/// Removes the tags of the value codec: a `bigint` becomes its digits, bytes become base64. A
/// document that a schema accepted has no other tags.
fn portable(value: Value) -> Value {
    match value {
        Value::Array(mut items) => match &mut items[..] {
            [Value::String(tag), Value::String(kind), Value::String(payload), ..]
                if tag == TAG && matches!(&**kind, "bigint" | "bytes") =>
            {
                Value::String(std::mem::take(payload))
            }
            [Value::String(tag), Value::String(kind), Value::Array(escaped)]
                if tag == TAG && kind == "arr" =>
            {
                Value::Array(std::mem::take(escaped).into_iter().map(portable).collect())
            }
            _ => Value::Array(items.into_iter().map(portable).collect()),
        },
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, portable(value))).collect())
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_plain_json_and_the_rest_stays() {
        let doc = json!({
            "big": [TAG, "bigint", "9007199254740993"],
            "bytes": [TAG, "bytes", "AQI=", "Uint16Array"],
            "escaped": [TAG, "arr", [TAG, "bigint", [TAG, "bigint", "1"]]],
            "list": [1, [TAG, "bigint", "2"], {"__proto__": [TAG, "bigint", "3"]}],
            "number": 9_007_199_254_740_993_u64,
        });
        assert_eq!(
            portable(doc),
            json!({
                "big": "9007199254740993",
                "bytes": "AQI=",
                "escaped": [TAG, "bigint", "1"],
                "list": [1, "2", {"__proto__": "3"}],
                "number": 9_007_199_254_740_993_u64,
            })
        );
    }

    #[test]
    fn a_cursor_that_is_none_begins_from_zero() {
        for text in [None, Some(""), Some("!"), Some("e30"), Some("bnVsbA")] {
            assert!(Cursor::read(text.map(str::to_owned)).s.is_empty(), "{text:?}");
        }
        let cursor = Cursor { g: 0, s: [("a".to_owned(), 7)].into(), v: 1 };
        assert_eq!(Cursor::read(cursor.to_text().ok()).s["a"], 7);
    }
}

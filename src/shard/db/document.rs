//! A document as a function sees it.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};

use super::fields::number;
use crate::errors::{Code, LunoraError};

/// A document: the value that the application stored, with the `_id` and the `_creationTime` that
/// the shard added.
///
/// ```
/// use lunora::shard::Document;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Message { text: String }
///
/// let json = r#"{"_id":"a1","_creationTime":1700000000000,"text":"hello"}"#;
/// let message: Document<Message> = serde_json::from_str(json)?;
/// assert_eq!((message.id.as_str(), message.text.as_str()), ("a1", "hello"));
/// assert_eq!(serde_json::to_string(&message)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}Document"))]
pub struct Document<T> {
    /// The id, unique within the table.
    #[serde(rename = "_id")]
    pub id: String,
    /// The time of creation, in milliseconds since 1970.
    #[serde(rename = "_creationTime", serialize_with = "as_whole_number")]
    pub creation_time: f64,
    /// The value that the application stored.
    #[serde(flatten)]
    pub value: T,
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads a stored document. Its fields are read apart from those of the shard, because a type that
    /// flattens everything reads numbers and raw text less exactly.
    pub(crate) fn read(table: &str, json: &str) -> Result<Self, LunoraError> {
        let unreadable = |error: serde_json::Error| {
            LunoraError::new(
                Code::RpcFailed,
                format!("a document of {table:?} is not what its type says; a migration may bring it up to date"),
            )
            .with_source(error)
        };
        let system = Head::read(json).map_or_else(|| serde_json::from_str(json), Ok);
        let Head { id, creation_time } = system.map_err(unreadable)?;
        let value = serde_json::from_str(json).map_err(unreadable)?;
        Ok(Self { id, creation_time, value })
    }
}

/// The fields of the shard in a document.
#[derive(Debug, Deserialize, PartialEq)]
struct Head {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_creationTime")]
    creation_time: f64,
}

impl Head {
    /// Reads the beginning of a text as a shard writes it; `None` for any other, which has to be parsed.
    fn read(json: &str) -> Option<Self> {
        let (id, rest) = json.strip_prefix(r#"{"_id":""#)?.split_once('"')?;
        let number = rest.strip_prefix(r#","_creationTime":"#)?;
        let end = memchr::memchr2(b',', b'}', number.as_bytes())?;
        if id.contains('\\') {
            return None;
        }
        let creation_time = serde_json::from_str(number.get(..end)?).ok()?;
        Some(Self { id: id.to_owned(), creation_time })
    }
}

impl<T> Document<T> {
    /// Returns the value that the application stored.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Document<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Document<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A page of documents in an order, and the cursor of the next page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<D> {
    /// The documents.
    pub page: Vec<D>,
    /// `true` on the last page.
    pub is_done: bool,
    /// The opaque cursor of the next page.
    pub continue_cursor: String,
    /// A cursor within a page that has an end, at which a client may divide it into two pages;
    /// absent otherwise, and if the page has fewer than two documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_cursor: Option<String>,
}

/// The page that a client asks for: `{cursor, endCursor?, numItems}` on the wire.
///
/// A client that has loaded a further page asks for each earlier one with its end, so that a page
/// that is already shown keeps its bounds while documents come and go.
///
/// ```
/// use lunora::shard::PageRequest;
///
/// let request: PageRequest = serde_json::from_str(r#"{"cursor":null,"numItems":20}"#)?;
/// assert_eq!(request, PageRequest { num_items: 20, ..PageRequest::default() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PageRequest {
    /// The cursor after which the page starts; absent for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The cursor at which the page ends, included; absent for a page of `num_items` documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_cursor: Option<String>,
    /// The number of documents of a page without an end.
    pub num_items: u32,
}

fn as_whole_number<S: Serializer>(time: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[allow(clippy::cast_possible_truncation, reason = "the cast is checked by the comparison")]
    let whole = *time as i64;
    #[allow(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "the text of both has to be the same"
    )]
    if whole.unsigned_abs() < 1 << 53 && whole as f64 == *time {
        return serializer.serialize_i64(whole);
    }
    match serde_json::value::RawValue::from_string(number(*time)) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_f64(*time),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::shard::db::fields::{Fields, System};

    proptest! {
        #[test]
        fn the_head_of_what_a_shard_writes_is_what_a_parser_reads(id in "\\PC{1,12}|[a-z0-9\"\\\\\u{0}]{1,8}", time in prop_oneof![any::<f64>(), any::<i64>().prop_map(|ms| ms as f64)], text: String) {
            let value = json!({ "text": text, "_": 1 }).to_string();
            let system = System { id: &id, creation_time: time, deleted_at: None };
            let json = Fields::parse(&value).unwrap().to_document(&system).unwrap();
            if let Some(head) = Head::read(&json) {
                prop_assert_eq!(head, serde_json::from_str::<Head>(&json).unwrap());
            } else {
                prop_assert!(!time.is_finite() || serde_json::to_string(&id).unwrap().contains('\\'));
            }
        }

        #[test]
        fn a_time_is_written_as_its_text_in_the_table(time in prop_oneof![any::<f64>(), any::<i64>().prop_map(|ms| ms as f64), Just(-0.0), Just(9_007_199_254_740_992.0)]) {
            let document = Document { id: "a".to_owned(), creation_time: time, value: json!({}) };
            let expected = format!(r#"{{"_id":"a","_creationTime":{}}}"#, number(time));
            prop_assert_eq!(serde_json::to_string(&document).unwrap(), expected);
        }
    }

    #[test]
    fn a_text_that_begins_otherwise_is_parsed() {
        for json in [
            r#"{"a":1,"_id":"x","_creationTime":5}"#,
            r#"{ "_id":"x","_creationTime":5}"#,
            r#"{"_id":"\u0078","_creationTime":5}"#,
            r#"{"_creationTime":5,"_id":"x"}"#,
        ] {
            assert_eq!(Head::read(json), None, "{json}");
            let document: Document<serde_json::Value> = Document::read("t", json).unwrap();
            assert_eq!((&*document.id, document.creation_time), ("x", 5.0));
        }
        for json in [
            r#"{"_id":"x"}"#,
            r#"{"_id":"x","_creationTime":"5"}"#,
            r#"{"_id":"x","_creationTime":5"#,
            "{}",
            "",
        ] {
            assert!(Document::<serde_json::Value>::read("t", json).is_err(), "{json}");
        }
    }
}

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
    /// Reads a stored document. It parses twice, because a type that flattens everything reads
    /// numbers and raw text less exactly.
    pub(crate) fn read(table: &str, json: &str) -> Result<Self, LunoraError> {
        #[derive(Deserialize)]
        struct System {
            #[serde(rename = "_id")]
            id: String,
            #[serde(rename = "_creationTime")]
            creation_time: f64,
        }

        let unreadable = |error: serde_json::Error| {
            LunoraError::new(
                Code::RpcFailed,
                format!("a document of {table:?} is not what its type says; a migration may bring it up to date"),
            )
            .with_source(error)
        };
        let System { id, creation_time } = serde_json::from_str(json).map_err(unreadable)?;
        let value = serde_json::from_str(json).map_err(unreadable)?;
        Ok(Self { id, creation_time, value })
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
    match serde_json::value::RawValue::from_string(number(*time)) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_f64(*time),
    }
}

//! Documents as the text that is stored.

use std::{fmt, marker::PhantomData};

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::Document;
use crate::errors::LunoraError;

/// Documents as the JSON text that is stored, for a function that returns them unchanged.
///
/// `T` is what the text reads as: `Document<Message>`, or a list of them. A caller gets the text byte for
/// byte, which is cheaper than to read documents and to write them again; generated clients have the type
/// `T`. [`decode`](StoredJson::decode) reads it.
///
/// What is not read is not changed either: fields that the type of the table leaves out are sent, and a
/// field that an older document lacks has no default. So return it from tables whose documents have the
/// form of their type, and whose every field a caller may see.
///
/// ```
/// # use lunora::{LunoraError, shard::{Document, NoArgs, Query, StoredJson, Table, table}};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Message { text: String }
/// # const MESSAGES: Table<Message> = table!("messages");
/// fn list(ctx: &Query<'_>, _: NoArgs) -> Result<StoredJson<Vec<Document<Message>>>, LunoraError> {
///     ctx.db().table(MESSAGES).take_json(50)
/// }
/// ```
pub struct StoredJson<T> {
    table: &'static str,
    text: Box<RawValue>,
    of: PhantomData<fn() -> T>,
}

impl<T> StoredJson<T> {
    /// Takes a text that is a `T` of the table.
    pub(super) fn new(table: &'static str, text: String) -> Result<Self, LunoraError> {
        let text = RawValue::from_string(text).map_err(LunoraError::internal)?;
        Ok(Self { table, text, of: PhantomData })
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get()
    }
}

impl<T: DeserializeOwned> StoredJson<Document<T>> {
    /// Reads the document.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn decode(&self) -> Result<Document<T>, LunoraError> {
        Document::read(self.table, self.as_str())
    }
}

impl<T: DeserializeOwned> StoredJson<Vec<Document<T>>> {
    /// Reads the documents.
    ///
    /// # Errors
    /// If one of them is not a `T`.
    pub fn decode(&self) -> Result<Vec<Document<T>>, LunoraError> {
        let documents: Vec<&RawValue> =
            serde_json::from_str(self.as_str()).map_err(LunoraError::internal)?;
        documents.iter().map(|document| Document::read(self.table, document.get())).collect()
    }
}

impl<T> Serialize for StoredJson<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for StoredJson<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

impl<T> Clone for StoredJson<T> {
    fn clone(&self) -> Self {
        Self { table: self.table, text: self.text.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for StoredJson<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredJson").field(&self.as_str()).finish()
    }
}

//! Writing documents.

use std::{borrow::Cow, fmt, ops::Deref};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Document, Reader, Sql,
    fields::{Fields, System},
    store::missing,
};
use crate::{
    errors::{Code, LunoraError},
    shard::{
        recent::Stored,
        run::Run,
        table::{Table, TableSpec},
    },
};

/// The documents, to read and to write.
///
/// Writes are readable at once, and commit with the whole mutation.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    reader: Reader<'a>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self { reader: Reader::new(run) }
    }

    /// Stores a new document, and gives it an id and the time.
    ///
    /// # Errors
    /// 413 `PAYLOAD_TOO_LARGE` for one that is larger than a row of SQLite may be (2 MB); if it is
    /// not a JSON object, or has a field that begins with `_`.
    pub fn insert<T: Serialize>(
        &self,
        table: Table<T>,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        let id = self.run().state.random.document_id(self.run().now_ms);
        self.insert_with_id(table, id, value)
    }

    /// Stores a new document under an id that the caller made, such as a client that shows the
    /// document before it is stored.
    ///
    /// # Errors
    /// 409 `CONFLICT` if a document has the id; 400 `VALIDATION_ERROR` if it is empty or longer
    /// than 256 bytes; else as [`insert`](Self::insert).
    pub fn insert_with_id<T: Serialize>(
        &self,
        table: Table<T>,
        id: impl Into<String>,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        let (spec, id) = (self.run().state.table(table.name())?, id.into());
        check_id(&id)?;
        let json = to_json(&spec, &value)?;
        let fields = own_fields(&spec, &json)?;
        #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
        let creation_time = self.run().now_ms as f64;
        self.run().put(
            &spec,
            &fields,
            System { id: &id, creation_time, deleted_at: None },
            None,
        )?;
        Ok(Document { id, creation_time, value })
    }

    /// Sets some fields of a document and leaves the others as they are.
    ///
    /// # Errors
    /// 404 `NOT_FOUND` if the document does not exist; if the outcome is not a `T`; else as
    /// [`insert`](Self::insert).
    pub fn patch<T: DeserializeOwned>(
        &self,
        table: Table<T>,
        id: &str,
        fields: &impl Serialize,
    ) -> Result<Document<T>, LunoraError> {
        let spec = self.run().state.table(table.name())?;
        let stored = self.require(&spec, id)?;
        let patch = to_json(&spec, fields)?;
        let merged = merged(&spec, &stored.json, &patch)?;
        let json = self.put(&spec, &merged, id, &stored)?;
        // A value that `T` cannot read must not be stored.
        Document::read(spec.name, &json).map_err(|error| self.run().doom(error))
    }

    /// Stores another value in the place of a document, under the same id and creation time.
    ///
    /// # Errors
    /// 404 `NOT_FOUND` if the document does not exist; else as [`insert`](Self::insert).
    pub fn replace<T: Serialize>(
        &self,
        table: Table<T>,
        id: &str,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        let spec = self.run().state.table(table.name())?;
        let stored = self.require(&spec, id)?;
        let json = to_json(&spec, &value)?;
        self.put(&spec, &own_fields(&spec, &json)?, id, &stored)?;
        Ok(Document { id: id.to_owned(), creation_time: stored.creation_time, value })
    }

    /// Deletes a document, or marks it as deleted if the table is declared so. Returns whether it
    /// existed.
    ///
    /// # Errors
    /// If the shard has no such table, or the database fails.
    pub fn delete<T>(&self, table: Table<T>, id: &str) -> Result<bool, LunoraError> {
        let spec = self.run().state.table(table.name())?;
        self.run().delete(&spec, id)
    }

    /// Returns a raw SQL statement. It may write, but not to the tables of documents: their writes
    /// are recorded in the change log, and live queries wait for them.
    pub fn sql(&self, sql: &'a str) -> Sql<'a> {
        Sql::writing(self.run(), sql)
    }

    fn run(&self) -> &'a Run<'a> {
        self.reader.run
    }

    fn require(&self, spec: &TableSpec, id: &str) -> Result<Stored, LunoraError> {
        let stored = self.run().state.stored(spec, id)?;
        stored.filter(|stored| stored.deleted_at.is_none()).ok_or_else(|| missing(spec))
    }

    fn put(
        &self,
        spec: &TableSpec,
        fields: &Fields<'_>,
        id: &str,
        stored: &Stored,
    ) -> Result<std::rc::Rc<str>, LunoraError> {
        let system = System { id, creation_time: stored.creation_time, deleted_at: None };
        self.run().put(spec, fields, system, Some(stored))
    }
}

impl Run<'_> {
    /// Deletes a document as its table declares. Returns whether a visible one existed.
    pub(crate) fn delete(&self, spec: &TableSpec, id: &str) -> Result<bool, LunoraError> {
        let stored = self.state.stored(spec, id)?.filter(|stored| stored.deleted_at.is_none());
        let Some(stored) = stored else { return Ok(false) };
        if spec.soft_delete {
            let fields = Fields::parse(&stored.json).unwrap_or_default();
            #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
            let deleted_at = Some(self.now_ms as f64);
            let system = System { id, creation_time: stored.creation_time, deleted_at };
            self.put(spec, &fields, system, Some(&stored))?;
        } else {
            self.remove(spec, id, &stored)?;
        }
        Ok(true)
    }
}

/// Checks an id that a caller made.
pub(crate) fn check_id(id: &str) -> Result<(), LunoraError> {
    if id.is_empty() || id.len() > 256 {
        let message = "the _id of a document has 1 to 256 bytes";
        return Err(LunoraError::new(Code::ValidationError, message));
    }
    Ok(())
}

pub(crate) fn to_json(spec: &TableSpec, value: &impl Serialize) -> Result<String, LunoraError> {
    serde_json::to_string(value).map_err(|error| {
        let message = format!("a document for {:?} cannot be written as JSON", spec.name);
        LunoraError::new(Code::RpcFailed, message).with_source(error)
    })
}

/// Returns the fields of a document, with those of `patch` in place of its own.
pub(crate) fn merged<'a>(
    spec: &TableSpec,
    document: &'a str,
    patch: &'a str,
) -> Result<Fields<'a>, LunoraError> {
    let mut merged = Fields::parse(document).unwrap_or_default();
    for (name, value) in own_fields(spec, patch)?.into_iter() {
        merged.set(Cow::Owned(name.into_owned()), value);
    }
    Ok(merged)
}

/// Returns the fields of a document that a function wrote: it must be an object, without fields of
/// the shard.
pub(crate) fn own_fields<'a>(spec: &TableSpec, json: &'a str) -> Result<Fields<'a>, LunoraError> {
    let fields = Fields::parse(json).ok_or_else(|| {
        let message = format!("a document of {:?} has to be an object in JSON", spec.name);
        LunoraError::new(Code::RpcFailed, message)
    })?;
    match fields.first_system_field() {
        None => Ok(fields),
        Some(name) => {
            let message = format!("{name}: fields whose names begin with `_` belong to the shard");
            Err(LunoraError::new(Code::ValidationError, message))
        }
    }
}

impl<'a> Deref for Writer<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Reader<'a> {
        &self.reader
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

//! The documents by id: how a stored one is read, written and deleted.

use std::rc::Rc;

use crate::{
    errors::{Code, LunoraError},
    platform::{SqlCell, SqlFailure},
    shard::{
        database::{malformed, text, to_error},
        db::{
            fields::{Fields, System},
            wire_check::check_stored,
        },
        recent::Stored,
        run::Run,
        state::State,
        table::TableSpec,
        tracking::{Change, ChangeOp},
    },
};

impl State {
    /// Returns the JSON text of a document, and whether it is marked as deleted.
    pub(crate) fn stored(
        &self,
        table: &TableSpec,
        id: &str,
    ) -> Result<Option<Stored>, LunoraError> {
        if self.database.in_transaction() {
            return self.read_stored(table, id);
        }
        let transactions = self.database.transactions();
        if let Some(known) = self.recent.get(table.name, id, transactions) {
            return Ok(known);
        }
        let stored = self.read_stored(table, id)?;
        self.recent.keep(table.name, id, stored.as_ref(), transactions);
        Ok(stored)
    }

    fn read_stored(&self, table: &TableSpec, id: &str) -> Result<Option<Stored>, LunoraError> {
        let sql = format!(
            "SELECT \"doc\",\"_creationTime\",\"_deletedAt\" FROM \"{}\" WHERE \"_id\"=?",
            table.name
        );
        let rows = self.database.exec(&sql, &[text(id)])?.rows;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let Ok([SqlCell::Text(json), SqlCell::Number(creation_time), deleted_at]) =
            <[SqlCell; 3]>::try_from(row)
        else {
            return Err(malformed(table.name));
        };
        let deleted_at = match deleted_at {
            SqlCell::Number(at) => Some(at),
            _ => None,
        };
        Ok(Some(Stored { json: json.into(), creation_time, deleted_at }))
    }
}

/// A row of SQLite has 2 MB at most, on the real platform.
pub(crate) const MAX_DOCUMENT: usize = 2_000_000;

/// Returns the text of a document as it is stored.
///
/// # Errors
/// 413 `PAYLOAD_TOO_LARGE` if it is too large; if a value is not one of the wire.
pub(crate) fn to_stored(
    table: &TableSpec,
    fields: &Fields<'_>,
    system: &System<'_>,
) -> Result<String, LunoraError> {
    let json = fields.to_document(system)?;
    check_stored(&json)?;
    if json.len() > MAX_DOCUMENT {
        let message = format!("a document of {:?} is larger than 2 MB", table.name);
        return Err(LunoraError::new(Code::PayloadTooLarge, message));
    }
    Ok(json)
}

/// The error of an id that another document has.
pub(crate) fn taken(table: &TableSpec) -> LunoraError {
    let message = format!("a document of {:?} with this _id exists already", table.name);
    LunoraError::new(Code::Conflict, message)
}

/// The error of a document that does not exist.
pub(crate) fn missing(table: &TableSpec) -> LunoraError {
    LunoraError::new(Code::NotFound, format!("there is no such document in {:?}", table.name))
}

impl Run<'_> {
    /// Stores a document, and records it in the change log. A failure after the document was
    /// written prevents the commit.
    pub(crate) fn put(
        &self,
        table: &TableSpec,
        fields: &Fields<'_>,
        system: System<'_>,
        before: Option<&Stored>,
    ) -> Result<Rc<str>, LunoraError> {
        let json: Rc<str> = to_stored(table, fields, &system)?.into();
        let deleted_at = system.deleted_at.map_or(SqlCell::Null, SqlCell::Number);
        let op = if before.is_some() { ChangeOp::Update } else { ChangeOp::Insert };
        let sql = match op {
            ChangeOp::Update => format!(
                "UPDATE \"{}\" SET \"_creationTime\"=?,\"_deletedAt\"=?,\"doc\"=? WHERE \"_id\"=?",
                table.name
            ),
            _ => format!(
                "INSERT INTO \"{}\"(\"_creationTime\",\"_deletedAt\",\"doc\",\"_id\") VALUES(?,?,?,?)",
                table.name
            ),
        };
        let params =
            [SqlCell::Number(system.creation_time), deleted_at, text(&json), text(system.id)];
        self.state
            .host()
            .exec(&sql, &params)
            .map_err(|failure| self.write_failed(table, &failure))?;
        let visible = |deleted: bool, json: &Rc<str>| (!deleted).then(|| json.clone());
        self.log(
            Change {
                table: table.name,
                id: system.id.to_owned(),
                op,
                before: before
                    .and_then(|stored| visible(stored.deleted_at.is_some(), &stored.json)),
                after: visible(system.deleted_at.is_some(), &json),
            },
            Some(&json),
        )?;
        Ok(json)
    }

    /// Deletes a document permanently.
    pub(crate) fn remove(
        &self,
        table: &TableSpec,
        id: &str,
        before: &Stored,
    ) -> Result<(), LunoraError> {
        let sql = format!("DELETE FROM \"{}\" WHERE \"_id\"=?", table.name);
        self.state
            .host()
            .exec(&sql, &[text(id)])
            .map_err(|failure| self.write_failed(table, &failure))?;
        self.log(
            Change {
                table: table.name,
                id: id.to_owned(),
                op: ChangeOp::Delete,
                before: before.deleted_at.is_none().then(|| before.json.clone()),
                after: None,
            },
            None,
        )
    }

    fn log(&self, change: Change, document: Option<&str>) -> Result<(), LunoraError> {
        let cursor = self
            .state
            .changes
            .append(&self.state.database, self.now_ms, &change, document)
            .map_err(|error| self.doom(error))?;
        self.wrote(change, cursor);
        Ok(())
    }

    /// Converts a failed write. A taken key leaves the transaction unchanged; any other failure may
    /// not.
    fn write_failed(&self, table: &TableSpec, failure: &SqlFailure) -> LunoraError {
        if failure.is_constraint() {
            return taken(table);
        }
        self.doom(to_error(failure))
    }
}

//! The statements that every part of a shard shares: documents by id, and the errors of clients for
//! SQLite's failures.

use std::rc::Rc;

use crate::{
    errors::{Code, LunoraError},
    platform::{SqlCell, SqlFailure, SqlRows},
    shard::{
        db::{
            fields::{Fields, System},
            wire_check::check_stored,
        },
        run::Run,
        shard::Inner,
        sql::SqlValue,
        table::TableSpec,
        tracking::{Change, ChangeOp},
    },
};

impl Inner {
    /// Runs a statement of the shard's own.
    pub(crate) fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, LunoraError> {
        self.host.exec(sql, params).map_err(|failure| to_error(&failure))
    }

    /// Returns the only value of a statement's first row.
    pub(crate) fn exec_value(
        &self,
        sql: &str,
        params: &[SqlCell],
    ) -> Result<Option<SqlCell>, LunoraError> {
        let rows = self.exec(sql, params)?.rows;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()))
    }

    /// Returns a declared table.
    pub(crate) fn table(&self, name: &str) -> Result<TableSpec, LunoraError> {
        self.definition.table_spec(name).copied().ok_or_else(|| {
            let message = format!("the shard has no table {name:?}");
            LunoraError::new(Code::UnknownTable, message)
        })
    }

    /// Returns the JSON text of a document, and whether it is marked as deleted.
    pub(crate) fn stored(
        &self,
        table: &TableSpec,
        id: &str,
    ) -> Result<Option<Stored>, LunoraError> {
        let sql = format!(
            "SELECT \"doc\",\"_creationTime\",\"_deletedAt\" FROM \"{}\" WHERE \"_id\"=?",
            table.name
        );
        let rows = self.exec(&sql, &[text(id)])?.rows;
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

/// A document as it is stored in its table.
pub(crate) struct Stored {
    pub(crate) json: Rc<str>,
    pub(crate) creation_time: f64,
    pub(crate) deleted_at: Option<f64>,
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
        let json: Rc<str> = fields.to_document(&system)?.into();
        check_stored(&json)?;
        if json.len() > MAX_DOCUMENT {
            let message = format!("a document of {:?} is larger than 2 MB", table.name);
            return Err(LunoraError::new(Code::PayloadTooLarge, message));
        }
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
        self.shard
            .host
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
        self.shard
            .host
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
            .shard
            .changes
            .append(self.shard, self.now_ms, &change, document)
            .map_err(|error| self.doom(error))?;
        self.wrote(change, cursor);
        Ok(())
    }

    /// Converts a failed write. A taken key leaves the transaction unchanged; any other failure may
    /// not.
    fn write_failed(&self, table: &TableSpec, failure: &SqlFailure) -> LunoraError {
        if failure.is_constraint() {
            let message = format!("a document of {:?} with this _id exists already", table.name);
            return LunoraError::new(Code::Conflict, message);
        }
        self.doom(to_error(failure))
    }
}

/// Converts a failure of SQLite for a client: it reveals only failures that the client can fix.
pub(crate) fn to_error(failure: &SqlFailure) -> LunoraError {
    if failure.is_too_big() {
        let message = "a document, or another row, is larger than the 2 MB that SQLite takes";
        return LunoraError::new(Code::PayloadTooLarge, message).with_source(failure.clone());
    }
    LunoraError::new(Code::RpcFailed, "the database failed").with_source(failure.clone())
}

pub(crate) fn malformed(table: &str) -> LunoraError {
    let message = format!("a row of {table:?} is not what a shard wrote");
    LunoraError::new(Code::RpcFailed, message)
}

pub(crate) fn text(text: &str) -> SqlCell {
    SqlCell::Text(text.to_owned())
}

#[allow(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]
pub(crate) fn count(number: u64) -> SqlCell {
    SqlCell::Number(number as f64)
}

/// Reads a count or a position from a result.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, positive and far below 2^53"
)]
pub(crate) fn to_count(cell: Option<&SqlCell>) -> u64 {
    match cell {
        Some(SqlCell::Number(number)) => *number as u64,
        _ => 0,
    }
}

pub(crate) fn to_text(cell: SqlCell) -> Option<String> {
    match cell {
        SqlCell::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the cells of values, for a statement that has their placeholders.
pub(crate) fn cells(values: &[SqlValue]) -> Vec<SqlCell> {
    values.iter().map(SqlValue::to_cell).collect()
}

//! The statements on a table of documents in D1.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::rows::text;
use crate::{
    errors::LunoraError,
    platform::{DatabaseStatement, SqlCell},
    shard::{TableSpec, database::malformed, db::fields::System, schema::statements},
};

/// A document as it is stored.
pub(super) struct Stored {
    pub(super) json: String,
    pub(super) creation_time: f64,
}

impl Stored {
    pub(super) fn read(spec: &TableSpec, row: &Map<String, Value>) -> Result<Self, LunoraError> {
        let creation_time = row.get("_creationTime").and_then(Value::as_f64);
        let creation_time = creation_time.ok_or_else(|| malformed(spec.name()))?;
        Ok(Self { json: text(row, "doc").to_owned(), creation_time })
    }
}

fn statement(
    sql: impl Into<Cow<'static, str>>,
    values: impl Into<Vec<SqlCell>>,
) -> DatabaseStatement {
    DatabaseStatement { sql: sql.into(), values: values.into() }
}

/// Makes the table and its indexes, unless they exist, and lists its indexes.
pub(super) fn creation(spec: &TableSpec) -> Vec<DatabaseStatement> {
    let made = statements(std::slice::from_ref(spec)).into_iter();
    let mut all: Vec<_> = made
        .map(|made| {
            let rest = match made.kind {
                "INDEX" => made.rest.replacen(&made.name, &versioned(&made.name, &made.rest), 1),
                _ => made.rest,
            };
            statement(format!("CREATE {} IF NOT EXISTS {rest}", made.kind), [])
        })
        .collect();
    let list = "SELECT \"name\" FROM sqlite_master WHERE \"type\"='index' AND \"tbl_name\"=?";
    all.push(statement(list, [spec.name().into()]));
    all
}

/// Drops the indexes of the table that it no longer declares.
pub(super) fn obsolete_indexes<'a>(
    spec: &TableSpec,
    existing: impl Iterator<Item = &'a str>,
) -> Vec<DatabaseStatement> {
    let made = statements(std::slice::from_ref(spec)).into_iter();
    let declared: Vec<_> = made.map(|made| versioned(&made.name, &made.rest)).collect();
    let prefix = format!("{}.", spec.name());
    existing
        .filter(|name| name.starts_with(&prefix) && !declared.iter().any(|it| it == name))
        .map(|name| {
            statement(format!("DROP INDEX IF EXISTS \"{}\"", name.replace('"', "\"\"")), [])
        })
        .collect()
}

/// Returns the name of an index in D1: with a digest of its definition, so that another definition of the
/// same name is another index.
fn versioned(name: &str, definition: &str) -> String {
    let digest = Sha256::digest(definition.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}.{digest}")
}

pub(super) fn stored(spec: &TableSpec, id: &str) -> DatabaseStatement {
    let sql = format!(
        "SELECT \"doc\",\"_creationTime\" FROM \"{}\" WHERE \"_id\"=? AND \"_deletedAt\" IS NULL",
        spec.name()
    );
    statement(sql, [id.into()])
}

/// Adds a document, and returns a row if it did.
pub(super) fn insert(spec: &TableSpec, system: &System<'_>, json: String) -> DatabaseStatement {
    let sql = format!(
        "INSERT INTO \"{}\"(\"_id\",\"_creationTime\",\"doc\") VALUES(?,?,?) ON CONFLICT(\"_id\") DO NOTHING RETURNING \"_id\"",
        spec.name()
    );
    statement(sql, [system.id.into(), system.creation_time.into(), json.into()])
}

/// Puts a document in the place of one with the text `before`, and returns a row if it did.
pub(super) fn put(
    spec: &TableSpec,
    system: &System<'_>,
    json: String,
    before: &str,
) -> DatabaseStatement {
    let sql = format!(
        "UPDATE \"{}\" SET \"doc\"=?,\"_deletedAt\"=? WHERE \"_id\"=? AND \"doc\"=? AND \"_deletedAt\" IS NULL RETURNING \"_id\"",
        spec.name()
    );
    statement(sql, [json.into(), system.deleted_at.into(), system.id.into(), before.into()])
}

/// Deletes a document, and returns a row if it did.
pub(super) fn delete(spec: &TableSpec, id: &str) -> DatabaseStatement {
    let sql = format!("DELETE FROM \"{}\" WHERE \"_id\"=? RETURNING \"_id\"", spec.name());
    statement(sql, [id.into()])
}

/// Runs a query that the shard's side wrote.
pub(super) fn query(sql: String, values: Vec<SqlCell>) -> DatabaseStatement {
    statement(sql, values)
}

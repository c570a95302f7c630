//! The statements on a table of documents in D1.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

#[cfg(feature = "admin")]
use crate::platform::GlobalChangesQuery;
use crate::{
    errors::LunoraError,
    platform::{DatabaseStatement, GLOBAL_CHANGES as LOG, SqlCell, database::text, hex},
    shard::{
        TableSpec,
        database::{malformed, quoted},
        db::fields::System,
        schema::statements,
    },
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

/// The number of changes that the log keeps.
const KEPT: u32 = 100_000;

/// Makes the log, and the triggers of a table that write it.
fn logging(table: &str) -> [String; 4] {
    let trigger = |name: &str, event: &str, row: &str, doc: bool| {
        let doc = if doc {
            "json_object('_id',NEW.\"_id\",'_creationTime',NEW.\"_creationTime\",'_deletedAt',NEW.\"_deletedAt\",'doc',NEW.\"doc\")"
        } else {
            "NULL"
        };
        format!(
            "CREATE TRIGGER IF NOT EXISTS \"{table}.{name}\" AFTER {event} ON \"{table}\" BEGIN \
             INSERT INTO \"{LOG}\"(\"table\",\"id\",\"op\",\"doc\",\"ts\") \
             VALUES('{table}',{row}.\"_id\",'{name}',{doc},CAST(unixepoch('subsec')*1000 AS INTEGER)); \
             DELETE FROM \"{LOG}\" WHERE \"seq\"<=last_insert_rowid()-{KEPT}; END"
        )
    };
    [
        format!(
            "CREATE TABLE IF NOT EXISTS \"{LOG}\"(\"seq\" INTEGER PRIMARY KEY AUTOINCREMENT, \"table\" TEXT NOT NULL, \"id\" TEXT NOT NULL, \"op\" TEXT NOT NULL, \"doc\" TEXT, \"ts\" INTEGER NOT NULL)"
        ),
        trigger("insert", "INSERT", "NEW", true),
        trigger("update", "UPDATE", "NEW", true),
        trigger("delete", "DELETE", "OLD", false),
    ]
}

/// Reads the first change of the log, and the changes of a query with the position of each.
#[cfg(feature = "admin")]
pub(super) fn changes(query: &GlobalChangesQuery) -> Vec<DatabaseStatement> {
    /// The size of a page, in bytes, and that of a change without its document.
    const PAGE_BYTES: u32 = 4 << 20;
    const CHANGE_BYTES: u32 = 128;

    let mut filter = String::new();
    let mut values: Vec<SqlCell> = vec![query.after.into()];
    if let Some(tables) = &query.tables {
        let places = vec!["?"; tables.len()].join(",");
        filter = format!(" AND \"table\" IN ({places})");
        values.extend(tables.iter().map(|table| table.as_str().into()));
    }
    let sql = format!(
        "SELECT \"seq\",\"table\",\"id\",\"op\",\"doc\",\"ts\" FROM (SELECT *, \
         sum(ifnull(octet_length(\"doc\"),0)+{CHANGE_BYTES}) OVER (ORDER BY \"seq\") AS \"end\", \
         ifnull(octet_length(\"doc\"),0)+{CHANGE_BYTES} AS \"own\" \
         FROM \"{LOG}\" WHERE \"seq\">?{filter} ORDER BY \"seq\" LIMIT {}) \
         WHERE \"end\"<={PAGE_BYTES} OR \"end\"=\"own\" ORDER BY \"seq\"",
        query.limit
    );
    let ends = format!("SELECT min(\"seq\") AS \"first\",max(\"seq\") AS \"last\" FROM \"{LOG}\"");
    vec![statement(ends, []), statement(sql, values)]
}

/// Makes the table, its indexes and its log, unless they exist, and lists its indexes.
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
    all.extend(logging(spec.name()).map(|sql| statement(sql, [])));
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
        .map(|name| statement(format!("DROP INDEX IF EXISTS {}", quoted(name)), []))
        .collect()
}

/// Returns the name of an index in D1: with a digest of its definition, so that another definition of the
/// same name is another index.
fn versioned(name: &str, definition: &str) -> String {
    let digest = Sha256::digest(definition.as_bytes());
    format!("{name}.{}", hex(digest.get(..4).unwrap_or_default()))
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

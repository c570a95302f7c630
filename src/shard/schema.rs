//! The tables of a shard in SQLite, created when the object wakes to an unknown definition.

use sha2::{Digest, Sha256};

use super::{
    database::{Database, quoted, text, to_text},
    db::{fields::CREATION_TIME, key},
    migration::Migration,
    table::{BY_CREATION, IndexFields, IndexSpec, TableSpec},
};
use crate::{
    errors::{Code, LunoraError},
    platform::{SqlCell, hex},
    wire::Direction,
};

/// The prefix of the shard's own tables.
pub(crate) const PREFIX: &str = "_lunora_";

/// The shard's own tables.
const OWN: [&str; 7] = [
    // Names: `announced`, `changes`, `clientsRound`, `epoch` (of live queries), `restored`, `schema`,
    // `schemaVersion`.
    "CREATE TABLE IF NOT EXISTS \"_lunora_meta\"(\"name\" TEXT PRIMARY KEY, \"value\" TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS \"_lunora_changes\"(\"seq\" INTEGER PRIMARY KEY AUTOINCREMENT, \"table\" TEXT NOT NULL, \"id\" TEXT NOT NULL, \"op\" TEXT NOT NULL, \"doc\" TEXT, \"ts\" REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS \"_lunora_changes_by_table\" ON \"_lunora_changes\"(\"table\",\"seq\")",
    "CREATE TABLE IF NOT EXISTS \"_lunora_replies\"(\"namespace\" TEXT NOT NULL, \"id\" TEXT NOT NULL, \"body\" TEXT NOT NULL, \"ts\" REAL NOT NULL, \"round\" INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(\"namespace\",\"id\")) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS \"_lunora_replies_by_ts\" ON \"_lunora_replies\"(\"ts\")",
    "CREATE TABLE IF NOT EXISTS \"_lunora_watermarks\"(\"user\" TEXT NOT NULL, \"client\" TEXT NOT NULL, \"seq\" INTEGER NOT NULL, \"restored\" INTEGER NOT NULL DEFAULT 0, \"round\" INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(\"user\",\"client\")) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS \"_lunora_migrations\"(\"id\" TEXT PRIMARY KEY, \"direction\" TEXT NOT NULL, \"status\" TEXT NOT NULL, \"cursor\" TEXT, \"processed\" INTEGER NOT NULL, \"changed\" INTEGER NOT NULL, \"error\" TEXT, \"startedAt\" REAL NOT NULL, \"updatedAt\" REAL NOT NULL) WITHOUT ROWID",
];

/// Columns that tables of an earlier version lack.
const ADDED: [(&str, &str); 3] = [
    ("_lunora_replies", "round"),
    ("_lunora_watermarks", "round"),
    ("_lunora_watermarks", "restored"),
];

/// Migrates the tables and indexes to the definition. An index that is no longer declared is
/// dropped; a table that is no longer declared stays, with its documents.
pub(crate) fn migrate(database: &Database, tables: &[TableSpec]) -> Result<(), LunoraError> {
    let statements = statements(tables);
    let fingerprint = fingerprint(&statements);
    if stored_fingerprint(database)?.as_deref() == Some(&*fingerprint) {
        return Ok(());
    }
    database.atomically(|| {
        for sql in OWN {
            database.exec(sql, &[])?;
        }
        for (table, column) in ADDED {
            if !stored_sql(database, "table", table)?.unwrap_or_default().contains(column) {
                let sql = format!(
                    "ALTER TABLE \"{table}\" ADD COLUMN \"{column}\" INTEGER NOT NULL DEFAULT 0"
                );
                database.exec(&sql, &[])?;
            }
        }
        for Statement { kind, name, rest } in &statements {
            let as_kept = format!("CREATE {kind} {rest}");
            if *kind == "INDEX"
                && stored_sql(database, "index", name)?.is_some_and(|kept| kept != as_kept)
            {
                database.exec(&format!("DROP INDEX \"{name}\""), &[])?;
            }
            database.exec(&format!("CREATE {kind} IF NOT EXISTS {rest}"), &[])?;
        }
        drop_other_indexes(database, tables, &statements)?;
        let sql = "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('schema',?)";
        database.exec(sql, &[text(&fingerprint)]).map(|_| ())
    })
}

/// The variable by which an older deployment opens data of a newer one all the same, in an emergency: `true`.
const OPEN_NEWER: &str = "LUNORA_OPEN_NEWER_DATA";

/// Refuses a database that a newer version of the schema has opened, and marks an older one.
///
/// A shard whose migration was undone is not marked: the next deployment is the older one.
pub(crate) fn check_version(
    database: &Database,
    version: u32,
    migrations: &[Migration],
) -> Result<(), LunoraError> {
    let sql = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='schemaVersion'";
    let stored = database.exec_value(sql, &[])?.and_then(to_text);
    let stored: Option<u32> = stored.and_then(|version| version.parse().ok());
    if stored == Some(version) {
        return Ok(());
    }
    if stored.is_some_and(|stored| stored > version) {
        if database.host().var(OPEN_NEWER).is_some_and(|it| matches!(it.trim(), "1" | "true")) {
            return Ok(());
        }
        let message = "the data of this shard is of a newer version of the application";
        return Err(LunoraError::new(Code::ShardUnavailable, message)
            .with_source(Newer { stored: stored.unwrap_or_default(), version }));
    }
    let undone = "SELECT 1 FROM \"_lunora_migrations\" WHERE \"id\"=? AND \"direction\"='down'";
    for migration in migrations {
        if database.exec_value(undone, &[text(migration.id)])?.is_some() {
            return Ok(());
        }
    }
    let sql =
        "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('schemaVersion',?)";
    database.exec(sql, &[text(&version.to_string())]).map(|_| ())
}

/// Removes the mark of the version: a migration is being undone, for an older deployment.
pub(crate) fn forget_version(database: &Database) -> Result<(), LunoraError> {
    let sql = "DELETE FROM \"_lunora_meta\" WHERE \"name\"='schemaVersion'";
    database.exec(sql, &[]).map(|_| ())
}

/// Says what an operator can do about data of a newer version.
#[derive(Debug, thiserror::Error)]
#[error(
    "version {stored} of the schema has opened this shard, and the deployment has version {version}: deploy the newer build again, undo its migrations there, or set LUNORA_OPEN_NEWER_DATA to `true`"
)]
struct Newer {
    stored: u32,
    version: u32,
}

fn stored_fingerprint(database: &Database) -> Result<Option<String>, LunoraError> {
    let known = "SELECT name FROM sqlite_master WHERE type='table' AND name='_lunora_meta'";
    if database.exec_value(known, &[])?.is_none() {
        return Ok(None);
    }
    let sql = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='schema'";
    Ok(database.exec_value(sql, &[])?.and_then(to_text))
}

fn stored_sql(database: &Database, kind: &str, name: &str) -> Result<Option<String>, LunoraError> {
    let sql = "SELECT sql FROM sqlite_master WHERE type=? AND name=?";
    Ok(database.exec_value(sql, &[text(kind), text(name)])?.and_then(to_text))
}

/// Drops indexes that are no longer declared. The indexes of a declared table are named after
/// it, with a dot.
fn drop_other_indexes(
    database: &Database,
    tables: &[TableSpec],
    statements: &[Statement],
) -> Result<(), LunoraError> {
    let sql = "SELECT name FROM sqlite_master WHERE type='index' AND name LIKE '%.%'";
    for row in database.exec(sql, &[])?.rows {
        let Some(SqlCell::Text(name)) = row.into_iter().next() else { continue };
        let of = name.split_once('.').map_or("", |(table, _)| table);
        if tables.iter().any(|table| table.name == of)
            && !statements.iter().any(|statement| statement.name == name)
        {
            database.exec(&format!("DROP INDEX {}", quoted(&name)), &[])?;
        }
    }
    Ok(())
}

/// What makes a table, or an index of one.
pub(crate) struct Statement {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// From the name on.
    pub(crate) rest: String,
}

/// Returns what makes tables of documents with their indexes.
pub(crate) fn statements(tables: &[TableSpec]) -> Vec<Statement> {
    let mut statements = Vec::new();
    for table in tables {
        let name = table.name.to_owned();
        let rest = format!(
            "\"{name}\"(\"_id\" TEXT PRIMARY KEY NOT NULL, \"_creationTime\" REAL NOT NULL, \"_deletedAt\" REAL, \"doc\" TEXT NOT NULL)"
        );
        statements.push(Statement { kind: "TABLE", name, rest });
        let by_creation = vec![key::expression(CREATION_TIME)];
        statements.push(index(table, BY_CREATION, by_creation));
        let declared = table.indexes();
        statements.extend(declared.map(|declared| index(table, declared.name, terms(declared))));
    }
    statements
}

fn index(table: &TableSpec, name: &str, mut terms: Vec<String>) -> Statement {
    terms.push("\"_id\"".to_owned());
    let name = format!("{}.{name}", table.name);
    let rest = format!("\"{name}\" ON \"{}\"({})", table.name, terms.join(","));
    Statement { kind: "INDEX", name, rest }
}

fn terms(index: &IndexSpec) -> Vec<String> {
    match index.fields {
        IndexFields::Ordinary(fields) => {
            fields.iter().chain(&[CREATION_TIME]).map(|field| key::expression(field)).collect()
        }
        IndexFields::Ranked(sort) => {
            let mut terms = Vec::new();
            if !index.partition.is_empty() {
                terms.push(partition_expression(index.partition));
            }
            terms.extend(sort.iter().map(|(field, direction)| {
                let direction = if *direction == Direction::Desc { " DESC" } else { "" };
                format!("{}{direction}", key::expression(field))
            }));
            terms
        }
    }
}

/// Returns the values by which a rank index is partitioned, as the JSON text of a list.
pub(crate) fn partition_expression(fields: &[&str]) -> String {
    let values: Vec<_> = fields.iter().map(|field| key::json_expression(field)).collect();
    format!("'['||{}||']'", values.join("||','||"))
}

/// Returns a digest that changes whenever a statement does, including those of the shard's own
/// tables.
fn fingerprint(statements: &[Statement]) -> String {
    let mut hash = Sha256::new();
    for sql in OWN.iter().copied().chain(statements.iter().map(|statement| &*statement.rest)) {
        hash.update(sql);
        hash.update([0]);
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

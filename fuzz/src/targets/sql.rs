//! Statements written by hand, with SQLite itself as the oracle.

use std::sync::{Arc, Mutex};

use lunora::parsers;
use rusqlite::{
    Batch, Connection,
    fallible_iterator::FallibleIterator,
    hooks::{AuthAction, AuthContext, Authorization},
};

pub(super) const TOKENS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "REPLACE INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "WITH a AS (",
    "VALUES (1)",
    " messages ",
    "\"messages\"",
    "[messages]",
    "`messages`",
    "main.",
    "_lunora_meta",
    "\"_lunora_meta\"",
    " SET a = 1",
    " WHERE a = ?",
    " FROM ",
    " AS ",
    "OR IGNORE ",
    "RECURSIVE ",
    " UNION ALL ",
    "(",
    ")",
    "*",
    ",",
    ";",
    "'",
    "''",
    "\"",
    "\"\"",
    "--",
    "/*",
    "*/",
    "\n",
    "?",
    "?1",
    ":a",
    "1",
    "x'00'",
    "INTO ",
    "RETURNING a",
    "CREATE TABLE t",
    "DROP TABLE ",
    "ALTER TABLE messages RENAME TO x",
    "CREATE INDEX i ON messages(a)",
    "TEMP ",
    "IF NOT EXISTS ",
    "IF EXISTS ",
    "INDEXED BY ",
    " DO UPDATE SET a = 2",
    " ON CONFLICT ",
    "\u{c}",
    "\u{b}",
    "EXPLAIN ",
    "PRAGMA ",
    "AS MATERIALIZED (",
    "\u{feff}",
    "\u{a0}",
    "NOT ",
];

#[derive(Default)]
struct Seen {
    written: Vec<String>,
    own: bool,
}

thread_local! {
    static DATABASE: Option<Connection> = open();
}

fn open() -> Option<Connection> {
    let database = Connection::open_in_memory().ok()?;
    database
        .execute_batch("CREATE TABLE messages(a PRIMARY KEY, b); CREATE TABLE t(a, b); CREATE TABLE _lunora_meta(a);")
        .ok()?;
    Some(database)
}

/// A statement that is let through is one statement, writes only if it is said to, writes the table
/// that was found, and touches no table of the shard's own unseen.
pub(super) fn statement(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let Some(outline) = parsers::statement(text) else { return false };
    assert_eq!(outline.cast[1], text, "changed without a parameter to cast");
    let Some(reads) = outline.reads else { return false };
    // SQLite stops at a zero byte, as a statement of the platform does not.
    if text.contains('\0') {
        return false;
    }
    DATABASE.with(|database| {
        let Some(database) = database else { return false };
        let seen = watch(database);
        let mut statements = 0;
        let mut batch = Batch::new(database, text);
        let mut read_only = true;
        while let Ok(Some(statement)) = batch.next() {
            statements += 1;
            read_only &= statement.readonly();
        }
        database.authorizer(None::<fn(AuthContext<'_>) -> Authorization>);
        if statements == 0 {
            return false;
        }
        assert_eq!(statements, 1, "more than one statement");
        assert!(!reads || read_only, "said to read, and writes");
        let seen = seen.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
        assert!(!seen.own || outline.mentions_own_tables, "touches a table of the shard unseen");
        if !reads && let Some(target) = &outline.target {
            for table in seen.written.iter().filter(|table| !table.starts_with("sqlite_")) {
                assert!(table.eq_ignore_ascii_case(target), "writes {table}, found {target}");
            }
        }
        true
    })
}

fn watch(database: &Connection) -> Arc<Mutex<Seen>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let kept = seen.clone();
    database.authorizer(Some(move |context: AuthContext<'_>| {
        let (table, writes) = match context.action {
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => (table_name, true),
            AuthAction::Read { table_name, .. } => (table_name, false),
            _ => return Authorization::Allow,
        };
        if let Ok(mut seen) = kept.lock() {
            seen.own |= table.to_ascii_lowercase().starts_with("_lunora_");
            if writes {
                seen.written.push(table.to_owned());
            }
        }
        Authorization::Allow
    }));
    seen
}

//! `exportShard`: every document, whole or page by page.

use base64::Engine;

use super::filled;
use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::{count, text, to_count, to_text},
        state::State,
        table::TableSpec,
    },
    sort,
    wire::{
        identity::BASE64_URL,
        operation::{ExportShard, ExportShardArgs, ExportShardPage, Unfilled, WholeExport},
    },
};

/// The maximum number of rows per page, unless the caller sets another (docs/wire.md, "Operations
/// of a shard").
const BATCH_SIZE: u32 = 200;
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) fn export(state: &State, args: ExportShardArgs<'_>) -> Result<String, LunoraError> {
    let asked = args.tables.filter(|tables| !tables.is_empty());
    let is_asked = |table: &&TableSpec| {
        asked.as_ref().is_none_or(|asked| asked.iter().any(|name| name == table.name))
    };
    let mut tables: Vec<&TableSpec> = state.tables.iter().filter(is_asked).collect();
    sort::sort_by_key(&mut tables, |table| table.name);
    match args.cursor {
        None => whole(state, &tables),
        Some(cursor) => {
            let position = cursor.map(|cursor| read_cursor(&cursor)).transpose()?;
            let budget = Budget {
                rows: args.batch_size.unwrap_or(BATCH_SIZE).max(1).into(),
                bytes: args.max_bytes.unwrap_or(MAX_BYTES),
            };
            page(state, &tables, position, budget)
        }
    }
}

fn whole(state: &State, tables: &[&TableSpec]) -> Result<String, LunoraError> {
    let mut rows = Rows::default();
    for table in tables {
        let sql = format!("SELECT \"doc\" FROM \"{}\" ORDER BY \"_id\"", table.name);
        for row in state.database.exec(&sql, &[])?.rows {
            rows.push(table, row);
        }
    }
    filled::<ExportShard>(&WholeExport { rows: Unfilled::default() }, &rows.json)
}

/// The remaining room of a page.
struct Budget {
    rows: u64,
    bytes: u64,
}

/// Returns the next rows in the order of tables' names and documents' ids. The position refers to
/// that order: a document that exists throughout comes once, whatever is written between the pages.
fn page(
    state: &State,
    tables: &[&TableSpec],
    position: Option<(String, String)>,
    mut budget: Budget,
) -> Result<String, LunoraError> {
    let seq = state.changes.cursor(&state.database)?;
    let (mut rows, mut last, mut is_done) = (Rows::default(), position, true);
    let begun = last.as_ref().map(|(table, _)| table.clone()).unwrap_or_default();
    for table in tables.iter().filter(|table| table.name >= &*begun) {
        let after = last.take_if(|(name, _)| name == table.name).map(|(_, id)| id);
        let part =
            part(state, table, after.as_deref().unwrap_or(""), &mut budget, rows.is_empty())?;
        if let Some(end) = &part.end {
            let sql = format!(
                "SELECT \"doc\" FROM \"{}\" WHERE \"_id\">? AND \"_id\"<=? ORDER BY \"_id\"",
                table.name
            );
            for row in
                state.database.exec(&sql, &[text(after.as_deref().unwrap_or("")), text(end)])?.rows
            {
                rows.push(table, row);
            }
        }
        let end = part.end.or(after);
        last = Some((table.name.to_owned(), end.unwrap_or_default()));
        if part.has_more {
            is_done = false;
            break;
        }
    }
    let page = ExportShardPage {
        rows: Unfilled::default(),
        cursor: last.as_ref().filter(|_| !is_done).map(write_cursor).transpose()?,
        is_done: Some(is_done),
        seq: Some(seq),
        other_tables: if is_done { other_tables(state)? } else { Vec::new() },
    };
    filled::<ExportShard>(&page, &rows.json)
}

/// Returns the names of tables that no export contains: those made by SQL, and those that are no
/// longer declared. Only the first hundred, truncated to 64 characters, so that the answer stays
/// small.
fn other_tables(state: &State) -> Result<Vec<String>, LunoraError> {
    let sql = "SELECT substr(\"name\",1,64) FROM sqlite_master WHERE \"type\"='table' \
               AND \"name\" NOT LIKE '\\_lunora\\_%' ESCAPE '\\' AND \"name\" NOT LIKE '\\_\\_lunora\\_%' ESCAPE '\\' \
               AND \"name\" NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND \"name\" NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY \"name\"";
    let rows = state.database.exec(sql, &[])?.rows;
    let names = rows.into_iter().filter_map(|row| row.into_iter().next().and_then(to_text));
    let is_other =
        |name: &String| !state.tables.iter().any(|table| table.name.eq_ignore_ascii_case(name));
    Ok(names.filter(is_other).take(100).collect())
}

/// The part of a page from one table.
struct Part {
    /// The last id that is on the page.
    end: Option<String>,
    has_more: bool,
}

/// Looks at the sizes first, which SQLite knows without reading the documents: a page must fit into
/// memory. The first row of a page is included whatever its size.
fn part(
    state: &State,
    table: &TableSpec,
    after: &str,
    budget: &mut Budget,
    page_is_empty: bool,
) -> Result<Part, LunoraError> {
    let sql = format!(
        "SELECT \"_id\",octet_length(\"doc\") FROM \"{}\" WHERE \"_id\">? ORDER BY \"_id\" LIMIT CAST(? AS INTEGER)",
        table.name
    );
    let sizes = state.database.exec(&sql, &[text(after), count(budget.rows + 1)])?.rows;
    let mut part = Part { end: None, has_more: false };
    for row in sizes {
        let mut cells = row.into_iter();
        let (id, size) = (cells.next().and_then(to_text), to_count(cells.next().as_ref()));
        let first = page_is_empty && part.end.is_none();
        if !first && (budget.rows == 0 || size > budget.bytes) {
            part.has_more = true;
            break;
        }
        budget.rows = budget.rows.saturating_sub(1);
        budget.bytes = budget.bytes.saturating_sub(size);
        part.end = id;
    }
    Ok(part)
}

fn read_cursor(cursor: &str) -> Result<(String, String), LunoraError> {
    let json = BASE64_URL.decode(cursor).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| LunoraError::bad_request("`cursor` is not one that an export ended with"))
}

fn write_cursor(position: &(String, String)) -> Result<String, LunoraError> {
    let json = serde_json::to_vec(position).map_err(LunoraError::internal)?;
    Ok(BASE64_URL.encode(json))
}

/// `{"table","doc"},…`, with the documents as they are stored.
#[derive(Default)]
struct Rows {
    json: String,
}

impl Rows {
    fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    fn push(&mut self, table: &TableSpec, row: Vec<SqlCell>) {
        let Some(doc) = row.into_iter().next().and_then(to_text) else { return };
        if !self.json.is_empty() {
            self.json.push(',');
        }
        self.json.extend([r#"{"table":""#, table.name, r#"","doc":"#, &doc, "}"]);
    }
}

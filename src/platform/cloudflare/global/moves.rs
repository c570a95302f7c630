//! The rows of a database of D1, as exports, imports and backups move them.

use std::collections::HashSet;

use serde::{Deserialize, de::IgnoredAny};
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

use super::{
    cells::{Cell, bound, cell, value},
    quoted, rows,
};
use crate::{
    errors::LunoraError,
    platform::{GlobalRow, GlobalRows, GlobalSchema, GlobalValue, GlobalWrite, GlobalWritten},
    sort,
};

/// The maximum number of rows of a page.
const PAGE_ROWS: u32 = 500;
/// The size after which a page gets no further row, in bytes; one row may be larger.
const PAGE_BYTES: u32 = 1024 * 1024;

/// Lets tables that refer to each other be emptied in any order. D1 starts its database anew if
/// such a transaction ends with a row that refers to nothing, so that rows are written without.
const DEFER: &str = "PRAGMA defer_foreign_keys = on";

/// Lists the columns of the ordinary tables: not those of virtual tables, nor generated ones.
const COLUMNS: &str = "SELECT t.name AS tab, c.name AS col, c.pk AS pk \
    FROM sqlite_master t JOIN pragma_table_list l ON l.schema = 'main' AND l.name = t.name \
    JOIN pragma_table_xinfo(t.name) c \
    WHERE t.type = 'table' AND l.type = 'table' AND c.hidden = 0 \
    AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\' \
    AND t.name <> 'd1_migrations' ORDER BY t.name, c.cid";

/// Lists which table refers to which.
const REFERENCES: &str = "SELECT t.name AS tab, f.\"table\" AS col, 0 AS pk \
    FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f \
    WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";

#[derive(Deserialize)]
struct Listed {
    tab: String,
    col: String,
    pk: f64,
}

pub(super) async fn schemas(database: &D1Database) -> Result<Vec<GlobalSchema>, LunoraError> {
    let mut schemas: Vec<GlobalSchema> = Vec::new();
    let mut keys: Vec<(f64, String)> = Vec::new();
    for Listed { tab, col, pk } in rows::<Listed>(database, COLUMNS, &[]).await? {
        if schemas.last().is_none_or(|last| last.name != tab) {
            set_key(&mut schemas, &mut keys);
            schemas.push(GlobalSchema { name: tab, ..GlobalSchema::default() });
        }
        if pk > 0.0 {
            keys.push((pk, col.clone()));
        }
        if let Some(last) = schemas.last_mut() {
            last.columns.push(col);
        }
    }
    set_key(&mut schemas, &mut keys);
    let references = rows::<Listed>(database, REFERENCES, &[]).await?;
    Ok(in_order(schemas, &references))
}

fn set_key(schemas: &mut [GlobalSchema], keys: &mut Vec<(f64, String)>) {
    sort::sort_by(keys, |(a, _), (b, _)| a.total_cmp(b));
    if let Some(last) = schemas.last_mut() {
        last.key = keys.drain(..).map(|(_, column)| column).collect();
    }
}

/// Sorts tables so that each follows those to which it refers. Tables that refer to each other in a
/// circle come last, by name.
fn in_order(mut schemas: Vec<GlobalSchema>, references: &[Listed]) -> Vec<GlobalSchema> {
    let is = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let mut sorted: Vec<GlobalSchema> = Vec::with_capacity(schemas.len());
    loop {
        let waits = |schema: &GlobalSchema| {
            references.iter().any(|reference| {
                is(&reference.tab, &schema.name)
                    && !is(&reference.col, &schema.name)
                    && schemas.iter().any(|other| is(&other.name, &reference.col))
            })
        };
        let free: HashSet<String> = schemas
            .iter()
            .filter(|schema| !waits(schema))
            .map(|schema| schema.name.clone())
            .collect();
        if free.is_empty() {
            sorted.append(&mut schemas);
            return sorted;
        }
        let (next, rest) = schemas.into_iter().partition(|schema| free.contains(&schema.name));
        let next: Vec<_> = next;
        sorted.extend(next);
        schemas = rest;
    }
}

/// The columns by which the rows of a table are ordered: the number of the row, or the primary key
/// of a table whose rows have no number.
async fn order(database: &D1Database, schema: &GlobalSchema) -> Result<Vec<String>, LunoraError> {
    #[derive(Deserialize)]
    struct Kind {
        wr: f64,
    }

    let sql = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?";
    let kinds: Vec<Kind> = rows(database, sql, &[(&*schema.name).into()]).await?;
    let has_rowid = kinds.first().is_none_or(|kind| kind.wr == 0.0);
    Ok(match rowid(schema).filter(|_| has_rowid) {
        Some(rowid) => vec![rowid.to_owned()],
        None => schema.key.clone(),
    })
}

/// Returns the name under which a table has the number of a row, which columns may hide.
fn rowid(schema: &GlobalSchema) -> Option<&'static str> {
    let is_hidden =
        |name: &str| schema.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| !is_hidden(name))
}

pub(super) async fn page(
    database: &D1Database,
    schema: &GlobalSchema,
    after: Option<&str>,
) -> Result<GlobalRows, LunoraError> {
    let order = order(database, schema).await?;
    let table = quoted(&schema.name);
    let keys = list(order.iter().map(|name| quoted(name)));
    let (mut clause, mut values) = (String::new(), Vec::new());
    if let Some(after) = after {
        let key: Vec<GlobalValue> = serde_json::from_str(after).map_err(LunoraError::internal)?;
        let places = key.into_iter().map(|value| {
            let (place, value) = bound(&value);
            values.push(value);
            // Without the affinity of a cast, the column compares as it is stored.
            format!("+{place}")
        });
        clause = format!(" WHERE ({keys}) > ({})", list(places));
    }
    // The page ends where its rows are too large together.
    let size = schema
        .columns
        .iter()
        .map(|column| format!("coalesce(length(CAST({} AS BLOB)), 0)", quoted(column)));
    let size = size.collect::<Vec<_>>().join(" + ");
    let select = format!(
        "SELECT {} FROM {table}{clause} ORDER BY {keys} LIMIT (SELECT max(1, count(*)) FROM \
         (SELECT sum(size) OVER (ORDER BY n) AS total FROM (SELECT row_number() OVER (ORDER BY {keys}) AS n, \
         {size} AS size FROM {table}{clause} ORDER BY {keys} LIMIT {PAGE_ROWS})) WHERE total <= {PAGE_BYTES})",
        list(order.iter().chain(&schema.columns).map(|name| cell(&quoted(name)))),
    );
    let twice: Vec<JsValue> = values.iter().chain(&values).cloned().collect();
    let found: Vec<Vec<Cell>> = database.prepare(select).bind(&twice)?.raw().await?;
    let mut page = GlobalRows::default();
    let mut last = None;
    for cells in found {
        let values: Vec<GlobalValue> =
            cells.chunks(2).map(value).collect::<Option<_>>().ok_or_else(|| {
                LunoraError::internal("D1 returned a value that is not of its type")
            })?;
        let mut values = values.into_iter();
        let key: Vec<GlobalValue> = values.by_ref().take(order.len()).collect();
        let rowid = match (&*key, schema.key.is_empty()) {
            ([GlobalValue::Integer(rowid)], true) => Some(*rowid),
            _ => None,
        };
        let columns = schema.columns.iter().cloned().zip(values).collect();
        page.rows.push(GlobalRow { rowid, columns });
        last = Some(key);
    }
    // Only an empty page is known to be the last.
    page.next = match last {
        Some(key) => Some(serde_json::to_string(&key).map_err(LunoraError::internal)?),
        None => None,
    };
    Ok(page)
}

pub(super) async fn write(
    database: &D1Database,
    schema: &GlobalSchema,
    writes: &[GlobalWrite],
) -> Result<Vec<GlobalWritten>, LunoraError> {
    if let Ok(written) = run(database, schema, writes).await {
        return Ok(written);
    }
    // One row may be the reason: the others are written without it.
    let mut written = Vec::with_capacity(writes.len());
    for write in writes {
        match run(database, schema, std::slice::from_ref(write)).await {
            Ok(one) => written.extend(one),
            Err(error) => written.push(refusal(&error).ok_or(error)?),
        }
    }
    Ok(written)
}

/// Writes rows in one transaction.
async fn run(
    database: &D1Database,
    schema: &GlobalSchema,
    writes: &[GlobalWrite],
) -> Result<Vec<GlobalWritten>, worker::Error> {
    let statements = writes.iter().map(|write| statement(database, schema, write));
    let results = database.batch(statements.collect::<Result<_, _>>()?).await?;
    let written = results.iter().map(|result| {
        Ok(match result.results::<IgnoredAny>()?.is_empty() {
            true => GlobalWritten::Unchanged,
            false => GlobalWritten::Done,
        })
    });
    written.collect()
}

/// Returns the statement of a write; it returns a row if it changed one.
fn statement(
    database: &D1Database,
    schema: &GlobalSchema,
    write: &GlobalWrite,
) -> Result<D1PreparedStatement, worker::Error> {
    let table = quoted(&schema.name);
    let mut values = Vec::new();
    let sql = match write {
        GlobalWrite::Delete(row) => {
            let conditions = row.columns.iter().map(|(name, value)| {
                let (place, value) = bound(value);
                values.push(value);
                format!("{} IS +{place}", quoted(name))
            });
            let conditions = conditions.collect::<Vec<_>>().join(" AND ");
            format!("DELETE FROM {table} WHERE {conditions} RETURNING 1")
        }
        GlobalWrite::Insert(row) | GlobalWrite::Put(row) => {
            let (mut names, mut places) = (Vec::new(), Vec::new());
            let number = rowid(schema).zip(row.rowid);
            if let Some((name, rowid)) = number {
                names.push(name.to_owned());
                places.push("CAST(? AS INTEGER)");
                values.push(rowid.to_string().into());
            }
            for (name, value) in &row.columns {
                let (place, value) = bound(value);
                names.push(quoted(name));
                places.push(place);
                values.push(value);
            }
            let key = match number {
                Some((name, _)) => name.to_owned(),
                None => list(schema.key.iter().map(|name| quoted(name))),
            };
            let rest = row.columns.iter().map(|(name, _)| name);
            let rest = rest.filter(|name| !schema.key.contains(name)).map(|name| quoted(name));
            let set = list(rest.map(|name| format!("{name} = excluded.{name}")));
            let conflict = match write {
                _ if key.is_empty() => String::new(),
                GlobalWrite::Put(_) if !set.is_empty() => {
                    format!(" ON CONFLICT ({key}) DO UPDATE SET {set}")
                }
                _ => format!(" ON CONFLICT ({key}) DO NOTHING"),
            };
            let source = match names.is_empty() {
                true => " DEFAULT VALUES".to_owned(),
                false => format!(" ({}) VALUES ({})", list(names), list(places)),
            };
            format!("INSERT INTO {table}{source}{conflict} RETURNING 1")
        }
    };
    database.prepare(sql).bind(&values)
}

/// Returns how a row was refused; `None` if the database failed.
fn refusal(error: &worker::Error) -> Option<GlobalWritten> {
    let worker::Error::D1(error) = error else { return None };
    let cause = error.cause();
    let is_refusal =
        ["constraint failed", "datatype mismatch", "SQLITE_CONSTRAINT", "cannot store"]
            .iter()
            .any(|kind| cause.contains(kind));
    let reason = cause.split(": SQLITE_").next().unwrap_or(&cause);
    is_refusal.then(|| match reason.starts_with("FOREIGN KEY") {
        true => GlobalWritten::Waits(reason.to_owned()),
        false => GlobalWritten::Refused(reason.to_owned()),
    })
}

pub(super) async fn clear(
    database: &D1Database,
    tables: &[String],
) -> Result<Vec<u64>, LunoraError> {
    // Before anything is deleted, since a deletion may delete rows of other tables.
    let counts = tables.iter().map(|table| format!("SELECT COUNT(*) AS n FROM {}", quoted(table)));
    let deletions = tables.iter().rev().map(|table| format!("DELETE FROM {}", quoted(table)));
    let statements: Vec<String> = counts.chain(deletions).collect();
    let prepared = || statements.iter().map(|sql| database.prepare(sql));
    let (results, skipped) = match database.batch(prepared().collect()).await {
        Ok(results) => (results, 0),
        // Tables may refer to each other in a circle.
        Err(_) => {
            let deferred = std::iter::once(database.prepare(DEFER)).chain(prepared());
            (database.batch(deferred.collect()).await?, 1)
        }
    };
    let mut cleared = Vec::with_capacity(tables.len());
    for result in results.iter().skip(skipped).take(tables.len()) {
        cleared.push(result.results::<super::Count>()?.first().map_or(0, super::Count::get));
    }
    Ok(cleared)
}

fn list(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::new();
    for part in parts {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(part.as_ref());
    }
    list
}

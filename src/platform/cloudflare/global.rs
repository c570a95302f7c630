//! A database of D1, as operators inspect it.

mod cells;
mod moves;

use futures::future::LocalBoxFuture;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;
use worker::{D1Database, js_sys::Uint8Array};

use crate::{
    errors::{Code, LunoraError},
    platform::{
        GlobalFacet, GlobalPage, GlobalQuery, GlobalRows, GlobalSchema, GlobalTable, GlobalTables,
        GlobalValue, GlobalWrite, GlobalWritten,
    },
};

/// Lists the application's tables, without those of SQLite, Cloudflare and the migrations.
const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' \
    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' \
    AND name <> 'd1_migrations' ORDER BY name";

impl GlobalTables for D1Database {
    fn ping(&self) -> LocalBoxFuture<'_, Result<(), LunoraError>> {
        Box::pin(async move {
            self.prepare("SELECT 1").run().await?;
            Ok(())
        })
    }

    fn tables(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalTable>, LunoraError>> {
        Box::pin(async move {
            let names = names(self, TABLES, &[]).await?;
            let counts = names
                .iter()
                .map(|name| self.prepare(format!("SELECT COUNT(*) AS n FROM {}", quoted(name))));
            // D1 refuses an empty batch.
            if names.is_empty() {
                return Ok(Vec::new());
            }
            let results = self.batch(counts.collect()).await?;
            let mut tables = Vec::with_capacity(names.len());
            for (name, result) in names.into_iter().zip(results) {
                let row_count = result.results::<Count>()?.first().map_or(0, Count::get);
                tables.push(GlobalTable { name, row_count });
            }
            Ok(tables)
        })
    }

    fn page<'a>(
        &'a self,
        query: &'a GlobalQuery,
    ) -> LocalBoxFuture<'a, Result<GlobalPage, LunoraError>> {
        Box::pin(async move {
            let columns = columns(self, &query.table).await?;
            let (clause, values) = filters(query, &columns)?;
            let table = quoted(&query.table);
            let count = format!("SELECT COUNT(*) AS n FROM {table}{clause}");
            let total = rows::<Count>(self, &count, &values).await?.first().map_or(0, Count::get);
            let select = format!(
                "SELECT * FROM {table}{clause} LIMIT {} OFFSET {}",
                query.limit, query.offset
            );
            let rows: Vec<Map<String, Value>> = rows(self, &select, &values).await?;
            Ok(GlobalPage { columns, rows, total })
        })
    }

    fn facet<'a>(
        &'a self,
        query: &'a GlobalQuery,
        column: &'a str,
    ) -> LocalBoxFuture<'a, Result<GlobalFacet, LunoraError>> {
        #[derive(Deserialize)]
        struct Row {
            value: Value,
            n: f64,
        }

        Box::pin(async move {
            let columns = columns(self, &query.table).await?;
            check_column(column, &columns)?;
            let (clause, values) = filters(query, &columns)?;
            let (table, column) = (quoted(&query.table), quoted(column));
            // One row more than requested tells whether more exist.
            let select = format!(
                "SELECT {column} AS value, COUNT(*) AS n FROM {table}{clause} GROUP BY {column} \
                 ORDER BY n DESC, value LIMIT {}",
                u64::from(query.limit) + 1
            );
            let mut found: Vec<Row> = rows(self, &select, &values).await?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let truncated = found.len() > limit;
            found.truncate(limit);
            let values = found.into_iter().map(|row| (row.value, count(row.n))).collect();
            Ok(GlobalFacet { values, truncated })
        })
    }

    fn schemas(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalSchema>, LunoraError>> {
        Box::pin(moves::schemas(self))
    }

    fn rows<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalRows, LunoraError>> {
        Box::pin(moves::page(self, schema, after))
    }

    fn write<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        writes: &'a [GlobalWrite],
    ) -> LocalBoxFuture<'a, Result<Vec<GlobalWritten>, LunoraError>> {
        Box::pin(moves::write(self, schema, writes))
    }

    fn clear<'a>(
        &'a self,
        tables: &'a [String],
    ) -> LocalBoxFuture<'a, Result<Vec<u64>, LunoraError>> {
        Box::pin(moves::clear(self, tables))
    }
}

#[derive(Deserialize)]
struct Count {
    n: f64,
}

impl Count {
    fn get(&self) -> u64 {
        count(self.n)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of rows is whole, not negative and far below 2^53"
)]
fn count(n: f64) -> u64 {
    n as u64
}

async fn rows<T: DeserializeOwned>(
    database: &D1Database,
    sql: &str,
    values: &[JsValue],
) -> Result<Vec<T>, LunoraError> {
    let statement = database.prepare(sql).bind(values)?;
    Ok(statement.all().await?.results()?)
}

async fn names(
    database: &D1Database,
    sql: &str,
    values: &[JsValue],
) -> Result<Vec<String>, LunoraError> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }

    let rows: Vec<Row> = rows(database, sql, values).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Returns the columns of a table that operators may inspect.
async fn columns(database: &D1Database, table: &str) -> Result<Vec<String>, LunoraError> {
    let known = names(database, TABLES, &[]).await?;
    if !known.iter().any(|name| name == table) {
        return Err(LunoraError::new(Code::UnknownTable, format!("there is no table `{table}`")));
    }
    names(database, "SELECT name FROM pragma_table_info(?)", &[table.into()]).await
}

/// Returns the filters as a clause and its values; their columns are checked, and their values
/// bound.
fn filters(query: &GlobalQuery, columns: &[String]) -> Result<(String, Vec<JsValue>), LunoraError> {
    let (mut clause, mut values) = (String::new(), Vec::new());
    for (column, value) in &query.filters {
        check_column(column, columns)?;
        clause.push_str(if clause.is_empty() { " WHERE " } else { " AND " });
        clause.push_str(&quoted(column));
        // `IS` finds NULL as well. A number crosses as a double, so that a whole one is sent as text.
        let (comparison, value) = match value {
            GlobalValue::Null => (" IS ?", JsValue::NULL),
            GlobalValue::Integer(value) => (" IS CAST(? AS INTEGER)", value.to_string().into()),
            GlobalValue::Real(value) => (" IS ?", (*value).into()),
            GlobalValue::Text(value) => (" IS ?", value.into()),
            GlobalValue::Blob(value) => (" IS ?", Uint8Array::from(&**value).into()),
        };
        clause.push_str(comparison);
        values.push(value);
    }
    Ok((clause, values))
}

fn check_column(column: &str, columns: &[String]) -> Result<(), LunoraError> {
    if columns.iter().any(|known| known == column) {
        return Ok(());
    }
    Err(LunoraError::bad_request(format!("the table has no column `{column}`")))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

//! Tables that belong to no shard, in memory.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{FutureExt, LocalBoxFuture, ready};
use serde_json::{Map, Value};

use crate::{
    errors::{Code, LunoraError},
    platform::{GlobalFacet, GlobalPage, GlobalQuery, GlobalTable, GlobalTables, GlobalValue},
};

/// [`GlobalTables`] in memory.
///
/// ```
/// use lunora::testing::MemoryGlobalTables;
/// use serde_json::json;
///
/// let tables = MemoryGlobalTables::new().with_row("plans", json!({ "name": "free", "seats": 3 }));
/// # let _ = tables;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryGlobalTables {
    tables: BTreeMap<String, Vec<Row>>,
}

type Row = Map<String, Value>;

impl MemoryGlobalTables {
    /// Returns an empty set of tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row, and its table if it does not exist. A value other than an object makes an empty
    /// row.
    #[must_use]
    pub fn with_row(mut self, table: impl Into<String>, row: Value) -> Self {
        let row = match row {
            Value::Object(row) => row,
            _ => Map::new(),
        };
        self.tables.entry(table.into()).or_default().push(row);
        self
    }

    fn matching(&self, query: &GlobalQuery) -> Result<(Vec<String>, Vec<&Row>), LunoraError> {
        let rows = self.tables.get(&query.table).ok_or_else(|| {
            LunoraError::new(Code::UnknownTable, format!("there is no table `{}`", query.table))
        })?;
        let columns: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
        let columns: Vec<String> = columns.into_iter().cloned().collect();
        for (column, _) in &query.filters {
            check_column(column, &columns)?;
        }
        let equals = |row: &&Map<String, Value>| {
            query.filters.iter().all(|(column, value)| is(row.get(column), value))
        };
        Ok((columns, rows.iter().filter(equals).collect()))
    }
}

fn check_column(column: &str, columns: &[String]) -> Result<(), LunoraError> {
    if columns.iter().any(|known| known == column) {
        return Ok(());
    }
    Err(LunoraError::bad_request(format!("the table has no column `{column}`")))
}

fn is(found: Option<&Value>, wanted: &GlobalValue) -> bool {
    let found = found.unwrap_or(&Value::Null);
    match wanted {
        GlobalValue::Null => found.is_null(),
        GlobalValue::Integer(wanted) => found.as_i64() == Some(*wanted),
        GlobalValue::Real(wanted) => found.as_f64() == Some(*wanted),
        GlobalValue::Text(wanted) => found.as_str() == Some(wanted),
    }
}

fn size(limit: impl TryInto<usize>) -> usize {
    limit.try_into().unwrap_or(usize::MAX)
}

impl GlobalTables for MemoryGlobalTables {
    fn tables(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalTable>, LunoraError>> {
        let tables = self.tables.iter();
        let tables = tables
            .map(|(name, rows)| GlobalTable { name: name.clone(), row_count: rows.len() as u64 });
        ready(Ok(tables.collect())).boxed_local()
    }

    fn page<'a>(
        &'a self,
        query: &'a GlobalQuery,
    ) -> LocalBoxFuture<'a, Result<GlobalPage, LunoraError>> {
        let page = self.matching(query).map(|(columns, rows)| GlobalPage {
            columns,
            total: rows.len() as u64,
            rows: rows
                .into_iter()
                .skip(size(query.offset))
                .take(size(query.limit))
                .cloned()
                .collect(),
        });
        ready(page).boxed_local()
    }

    fn facet<'a>(
        &'a self,
        query: &'a GlobalQuery,
        column: &'a str,
    ) -> LocalBoxFuture<'a, Result<GlobalFacet, LunoraError>> {
        let facet = self.matching(query).and_then(|(columns, rows)| {
            check_column(column, &columns)?;
            let mut counts: BTreeMap<String, (Value, u64)> = BTreeMap::new();
            for row in rows {
                let value = row.get(column).unwrap_or(&Value::Null);
                counts.entry(value.to_string()).or_insert_with(|| (value.clone(), 0)).1 += 1;
            }
            let mut values: Vec<(Value, u64)> = counts.into_values().collect();
            values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let truncated = values.len() > size(query.limit);
            values.truncate(size(query.limit));
            Ok(GlobalFacet { values, truncated })
        });
        ready(facet).boxed_local()
    }
}

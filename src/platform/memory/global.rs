//! Tables that belong to no shard, in memory.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use futures::future::{FutureExt, LocalBoxFuture, ready};
use serde_json::{Map, Value};

use crate::{
    errors::{Code, LunoraError},
    platform::{
        GlobalFacet, GlobalPage, GlobalQuery, GlobalRow, GlobalRows, GlobalSchema, GlobalTable,
        GlobalTables, GlobalValue, GlobalWrite, GlobalWritten,
    },
};

/// [`GlobalTables`] in memory. Clones share their rows.
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
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    tables: BTreeMap<String, Table>,
    fails: bool,
}

#[derive(Debug, Default)]
struct Table {
    columns: BTreeSet<String>,
    key: Vec<String>,
    /// The rows by their number.
    rows: BTreeMap<i64, Row>,
}

type Row = BTreeMap<String, GlobalValue>;

impl MemoryGlobalTables {
    /// The number of rows in one answer of [`rows`](GlobalTables::rows).
    const PAGE: usize = 3;

    /// Returns an empty set of tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table with these columns, of which `key` are its primary key.
    #[must_use]
    pub fn with_table<'a>(
        self,
        table: impl Into<String>,
        columns: impl IntoIterator<Item = &'a str>,
        key: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut added = Table::default();
        added.columns.extend(columns.into_iter().map(str::to_owned));
        added.key.extend(key.into_iter().map(str::to_owned));
        self.state.borrow_mut().tables.insert(table.into(), added);
        self
    }

    /// Adds a row, and its table if it does not exist: with the primary key `_id` if the row has
    /// one. A value other than an object makes an empty row.
    #[must_use]
    pub fn with_row(self, table: impl Into<String>, row: Value) -> Self {
        let row: Row = match row {
            Value::Object(row) => {
                row.into_iter().map(|(key, value)| (key, of_json(value))).collect()
            }
            _ => Row::new(),
        };
        let key = row.contains_key("_id").then(|| "_id".to_owned());
        let mut state = self.state.borrow_mut();
        let table = state
            .tables
            .entry(table.into())
            .or_insert_with(|| Table { key: key.into_iter().collect(), ..Table::default() });
        table.columns.extend(row.keys().cloned());
        table.add(None, row);
        drop(state);
        self
    }

    /// Lets every call fail from now on, or succeed again.
    pub fn fail(&self, fails: bool) {
        self.state.borrow_mut().fails = fails;
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<String, Table>) -> Result<T, LunoraError>,
    ) -> LocalBoxFuture<'static, Result<T, LunoraError>>
    where
        T: 'static,
    {
        let mut state = self.state.borrow_mut();
        let done = match state.fails {
            true => Err(LunoraError::internal("the database in memory is to fail")),
            false => work(&mut state.tables),
        };
        ready(done).boxed_local()
    }
}

impl Table {
    fn add(&mut self, rowid: Option<i64>, row: Row) {
        let next = self.rows.keys().next_back().map_or(1, |last| last.saturating_add(1));
        self.rows.insert(rowid.unwrap_or(next), row);
    }

    /// Returns the number of the row that has the key of this one.
    fn find(&self, row: &GlobalRow) -> Option<i64> {
        if self.key.is_empty() {
            return row.rowid.filter(|rowid| self.rows.contains_key(rowid));
        }
        let of = |column: &String| row.columns.iter().find(|(name, _)| name == column);
        let is = |known: &Row| {
            self.key
                .iter()
                .all(|column| of(column).is_some_and(|(_, value)| known.get(column) == Some(value)))
        };
        self.rows.iter().find(|(_, known)| is(known)).map(|(rowid, _)| *rowid)
    }

    fn write(&mut self, write: &GlobalWrite) -> GlobalWritten {
        let (GlobalWrite::Insert(row) | GlobalWrite::Put(row) | GlobalWrite::Delete(row)) = write;
        if let Some((column, _)) = row.columns.iter().find(|(name, _)| !self.columns.contains(name))
        {
            return GlobalWritten::Refused(format!("the table has no column `{column}`"));
        }
        let columns: Row = row.columns.iter().cloned().collect();
        match (write, self.find(row)) {
            (GlobalWrite::Insert(_) | GlobalWrite::Put(_), None) => self.add(row.rowid, columns),
            (GlobalWrite::Insert(_), Some(_)) | (GlobalWrite::Delete(_), None) => {
                return GlobalWritten::Unchanged;
            }
            (GlobalWrite::Put(_), Some(rowid)) => {
                self.rows.entry(rowid).or_default().extend(columns);
            }
            (GlobalWrite::Delete(_), Some(rowid)) => {
                self.rows.remove(&rowid);
            }
        }
        GlobalWritten::Done
    }
}

fn of_json(value: Value) -> GlobalValue {
    match value {
        Value::Null => GlobalValue::Null,
        Value::Bool(value) => GlobalValue::Integer(value.into()),
        Value::Number(number) => number.as_i64().map_or_else(
            || GlobalValue::Real(number.as_f64().unwrap_or_default()),
            GlobalValue::Integer,
        ),
        Value::String(text) => GlobalValue::Text(text),
        value => GlobalValue::Text(value.to_string()),
    }
}

/// Returns a value as D1 does: bytes are a list of numbers.
fn to_json(value: &GlobalValue) -> Value {
    match value {
        GlobalValue::Null => Value::Null,
        GlobalValue::Integer(value) => (*value).into(),
        GlobalValue::Real(value) => (*value).into(),
        GlobalValue::Text(value) => value.clone().into(),
        GlobalValue::Blob(value) => value.clone().into(),
    }
}

fn matching<'a>(
    tables: &'a BTreeMap<String, Table>,
    query: &GlobalQuery,
) -> Result<(&'a Table, Vec<&'a Row>), LunoraError> {
    let table = known(tables, &query.table)?;
    for (column, _) in &query.filters {
        check_column(column, &table.columns)?;
    }
    let equals = |row: &&Row| {
        query
            .filters
            .iter()
            .all(|(column, value)| row.get(column).unwrap_or(&GlobalValue::Null) == value)
    };
    Ok((table, table.rows.values().filter(equals).collect()))
}

fn known<'a>(tables: &'a BTreeMap<String, Table>, name: &str) -> Result<&'a Table, LunoraError> {
    tables.get(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> LunoraError {
    LunoraError::new(Code::UnknownTable, format!("there is no table `{name}`"))
}

fn check_column(column: &str, columns: &BTreeSet<String>) -> Result<(), LunoraError> {
    if columns.contains(column) {
        return Ok(());
    }
    Err(LunoraError::bad_request(format!("the table has no column `{column}`")))
}

fn size(limit: impl TryInto<usize>) -> usize {
    limit.try_into().unwrap_or(usize::MAX)
}

impl GlobalTables for MemoryGlobalTables {
    fn tables(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalTable>, LunoraError>> {
        self.run(|tables| {
            let table = |(name, table): (&String, &Table)| GlobalTable {
                name: name.clone(),
                row_count: table.rows.len() as u64,
            };
            Ok(tables.iter().map(table).collect())
        })
    }

    fn page<'a>(
        &'a self,
        query: &'a GlobalQuery,
    ) -> LocalBoxFuture<'a, Result<GlobalPage, LunoraError>> {
        self.run(|tables| {
            let (table, rows) = matching(tables, query)?;
            let json = |row: &Row| -> Map<String, Value> {
                row.iter().map(|(column, value)| (column.clone(), to_json(value))).collect()
            };
            Ok(GlobalPage {
                columns: table.columns.iter().cloned().collect(),
                total: rows.len() as u64,
                rows: rows
                    .into_iter()
                    .skip(size(query.offset))
                    .take(size(query.limit))
                    .map(json)
                    .collect(),
            })
        })
    }

    fn facet<'a>(
        &'a self,
        query: &'a GlobalQuery,
        column: &'a str,
    ) -> LocalBoxFuture<'a, Result<GlobalFacet, LunoraError>> {
        self.run(|tables| {
            let (table, rows) = matching(tables, query)?;
            check_column(column, &table.columns)?;
            let mut counts: BTreeMap<String, (Value, u64)> = BTreeMap::new();
            for row in rows {
                let value = row.get(column).map_or(Value::Null, to_json);
                counts.entry(value.to_string()).or_insert_with(|| (value, 0)).1 += 1;
            }
            let mut values: Vec<(Value, u64)> = counts.into_values().collect();
            values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let truncated = values.len() > size(query.limit);
            values.truncate(size(query.limit));
            Ok(GlobalFacet { values, truncated })
        })
    }

    fn schemas(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalSchema>, LunoraError>> {
        self.run(|tables| {
            let schema = |(name, table): (&String, &Table)| GlobalSchema {
                name: name.clone(),
                columns: table.columns.iter().cloned().collect(),
                key: table.key.clone(),
            };
            Ok(tables.iter().map(schema).collect())
        })
    }

    fn rows<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalRows, LunoraError>> {
        self.run(|tables| {
            let table = known(tables, &schema.name)?;
            let after: i64 = after.and_then(|after| after.parse().ok()).unwrap_or(i64::MIN);
            let mut found = table.rows.iter().filter(|(rowid, _)| **rowid > after);
            let page: Vec<_> = found.by_ref().take(Self::PAGE).collect();
            let last = page.last().map(|(rowid, _)| rowid.to_string());
            let row = |(rowid, row): &(&i64, &Row)| GlobalRow {
                rowid: table.key.is_empty().then_some(**rowid),
                columns: row.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            };
            let rows = page.iter().map(row).collect();
            Ok(GlobalRows { rows, next: last.filter(|_| found.next().is_some()) })
        })
    }

    fn write<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        writes: &'a [GlobalWrite],
    ) -> LocalBoxFuture<'a, Result<Vec<GlobalWritten>, LunoraError>> {
        self.run(|tables| {
            let table = tables.get_mut(&schema.name).ok_or_else(|| unknown(&schema.name))?;
            Ok(writes.iter().map(|write| table.write(write)).collect())
        })
    }

    fn clear<'a>(
        &'a self,
        names: &'a [String],
    ) -> LocalBoxFuture<'a, Result<Vec<u64>, LunoraError>> {
        self.run(|tables| {
            let mut counts = Vec::with_capacity(names.len());
            for name in names {
                let table = tables.get_mut(name).ok_or_else(|| unknown(name))?;
                counts.push(std::mem::take(&mut table.rows).len() as u64);
            }
            Ok(counts)
        })
    }
}

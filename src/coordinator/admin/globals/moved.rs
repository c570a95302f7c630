//! Moves the rows of global tables between lines and the database.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{ChangeError, RowError},
    GlobalApplied, GlobalCatalog, GlobalData, GlobalInserted, GlobalLine, GlobalLines,
    convert::{push_line, read_row},
    is_transient,
};
use crate::{
    errors::{Code, LunoraError},
    platform::{
        GlobalChanges, GlobalChangesQuery, GlobalRow, GlobalSchema, GlobalTables, GlobalValue,
        GlobalWrite, GlobalWritten,
    },
    sort,
};

/// The code of a row that its table does not accept.
const BAD_ROW: &str = "BAD_ROW";

/// The [`GlobalData`] of a database.
pub(crate) struct Moved {
    tables: Rc<dyn GlobalTables>,
    /// The tables as they were when they were last listed.
    schemas: RefCell<Option<Rc<[GlobalSchema]>>>,
}

impl Moved {
    /// The maximum number of rows that one call writes.
    const ROWS_AT_ONCE: usize = 100;
    /// The size of the documents after which a call gets no further row, in bytes.
    const BYTES_AT_ONCE: usize = 512 * 1024;

    pub(crate) fn new(tables: Rc<dyn GlobalTables>) -> Self {
        Self { tables, schemas: RefCell::new(None) }
    }

    async fn schemas(&self) -> Result<Rc<[GlobalSchema]>, LunoraError> {
        let known = self.schemas.borrow().clone();
        match known {
            Some(known) => Ok(known),
            None => self.list().await,
        }
    }

    async fn list(&self) -> Result<Rc<[GlobalSchema]>, LunoraError> {
        let mut listed = self.tables.schemas().await?;
        listed.retain(|schema| !is_transient(&schema.name));
        let listed: Rc<[GlobalSchema]> = listed.into();
        *self.schemas.borrow_mut() = Some(listed.clone());
        Ok(listed)
    }

    async fn write(
        &self,
        schema: &GlobalSchema,
        writes: &[GlobalWrite],
    ) -> Result<Vec<GlobalWritten>, LunoraError> {
        let written = self.tables.write(schema, writes).await?;
        if written.len() == writes.len() {
            return Ok(written);
        }
        Err(LunoraError::internal("the global tables reported another number of rows"))
    }

    /// Inserts rows of one table.
    async fn insert_into(
        &self,
        table: &str,
        lines: Vec<GlobalLine>,
        report: &mut GlobalInserted,
    ) -> Result<(), LunoraError> {
        let schemas = self.schemas().await?;
        let refused = |line: &GlobalLine, code: &str, message: String| {
            let (line, table) = (line.number, line.table.clone());
            RowError { code: code.to_owned(), line, message, table }
        };
        let Some(schema) = find(&schemas, table) else {
            for line in lines {
                let message = format!("there is no global table `{table}`");
                report.errors.push(refused(&line, Code::UnknownTable.as_str(), message));
            }
            return Ok(());
        };
        let (mut rows, mut writes) = (Vec::new(), Vec::new());
        for line in lines {
            match read_row(schema, line.rowid, &line.doc) {
                Ok(row) => {
                    rows.push(line);
                    writes.push(GlobalWrite::Insert(row));
                }
                Err(message) => report.errors.push(refused(&line, BAD_ROW, message)),
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        for (line, written) in rows.into_iter().zip(self.write(schema, &writes).await?) {
            match written {
                GlobalWritten::Done => {
                    *report.inserted.entry(table.to_owned()).or_default() += 1;
                }
                GlobalWritten::Unchanged => report.conflicts += 1,
                GlobalWritten::Refused(message) => {
                    report.errors.push(refused(&line, BAD_ROW, message));
                }
                GlobalWritten::Waits(message) => {
                    let error = refused(&line, BAD_ROW, message);
                    report.waiting.push((line, error));
                }
            }
        }
        Ok(())
    }

    /// Returns the write that a change stands for, and its table; the error says why there is none.
    fn write_of<'a>(
        schemas: &'a [GlobalSchema],
        change: &Change<'_>,
    ) -> Result<(&'a GlobalSchema, GlobalWrite), Refused> {
        let bad = |message: String| Refused { code: BAD_ROW.to_owned(), message };
        if is_transient(&change.table) {
            return Err(bad(format!("the rows of `{}` are not moved", change.table)));
        }
        let schema = find(schemas, &change.table).ok_or_else(|| Refused {
            code: Code::UnknownTable.as_str().to_owned(),
            message: format!("there is no global table `{}`", change.table),
        })?;
        if schema.key.is_empty() {
            return Err(bad("a table without a primary key takes no changes".to_owned()));
        }
        let row = match change.doc {
            Some(doc) => read_row(schema, None, doc).map_err(bad)?,
            None => GlobalRow::default(),
        };
        let mut key = GlobalRow::default();
        for column in &schema.key {
            let given = row.columns.iter().find(|(name, _)| name == column);
            let value = match (given, &*schema.key, &change.id) {
                (Some((_, value)), ..) => value.clone(),
                (None, [_], Some(id)) => GlobalValue::Text(id.clone()),
                _ => return Err(bad(format!("the change does not say `{column}`"))),
            };
            key.columns.push((column.clone(), value));
        }
        match &*change.op {
            "delete" => Ok((schema, GlobalWrite::Delete(key))),
            "insert" | "update" | "replace" | "upsert" => {
                let rest = row.columns.into_iter();
                let rest = rest.filter(|(name, _)| !schema.key.contains(name));
                key.columns.extend(rest);
                Ok((schema, GlobalWrite::Put(key)))
            }
            op => Err(bad(format!("`op` must be `insert`, `update` or `delete`, not `{op}`"))),
        }
    }
}

/// A change of a row of a global table.
#[derive(Deserialize)]
struct Change<'a> {
    table: String,
    #[serde(default)]
    id: Option<String>,
    op: String,
    #[serde(default, borrow)]
    doc: Option<&'a RawValue>,
    #[serde(default)]
    seq: Option<u64>,
}

struct Refused {
    code: String,
    message: String,
}

fn find<'a>(schemas: &'a [GlobalSchema], table: &str) -> Option<&'a GlobalSchema> {
    schemas.iter().find(|schema| schema.name == table)
}

impl GlobalData for Moved {
    fn changes<'a>(
        &'a self,
        query: &'a GlobalChangesQuery,
    ) -> LocalBoxFuture<'a, Result<Option<GlobalChanges>, LunoraError>> {
        self.tables.changes(query)
    }

    fn catalog(&self) -> LocalBoxFuture<'_, Result<GlobalCatalog, LunoraError>> {
        Box::pin(async {
            let schemas = self.list().await?;
            let mut left_out: Vec<_> =
                self.tables.tables().await?.into_iter().map(|table| table.name).collect();
            left_out.retain(|name| find(&schemas, name).is_none() && !is_transient(name));
            let tables = schemas.iter().map(|schema| schema.name.clone()).collect();
            Ok(GlobalCatalog { tables, left_out })
        })
    }

    fn page<'a>(
        &'a self,
        table: &'a str,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalLines, LunoraError>> {
        Box::pin(async move {
            let schemas = self.schemas().await?;
            let schema = find(&schemas, table).ok_or_else(|| {
                let message = format!("there is no global table `{table}`");
                LunoraError::new(Code::UnknownTable, message)
            })?;
            let page = self.tables.rows(schema, after).await?;
            if page.next.is_some() && page.next.as_deref() == after {
                return Err(LunoraError::internal("a page of a global table does not advance"));
            }
            let (mut lines, rows) = (Vec::new(), page.rows.len() as u64);
            for row in page.rows {
                push_line(table, row, &mut lines)?;
            }
            Ok(GlobalLines { lines, rows, next: page.next })
        })
    }

    fn insert(&self, mut rest: Vec<GlobalLine>) -> LocalBoxFuture<'_, GlobalInserted> {
        Box::pin(async move {
            let mut report = GlobalInserted::default();
            rest.retain(|line| !is_transient(&line.table));
            while let Some(first) = rest.first() {
                let (number, table) = (first.number, first.table.clone());
                let mut bytes = 0;
                let fits = |line: &&GlobalLine| {
                    let has_room = bytes < Self::BYTES_AT_ONCE;
                    bytes += line.doc.get().len();
                    has_room && line.table == table
                };
                let count = rest.iter().take(Self::ROWS_AT_ONCE).take_while(fits).count();
                let later = rest.split_off(count.max(1));
                if let Err(error) = self.insert_into(&table, rest, &mut report).await {
                    report.failure = Some((number, error));
                    break;
                }
                rest = later;
            }
            report
        })
    }

    fn clear<'a>(
        &'a self,
        tables: &'a [String],
    ) -> LocalBoxFuture<'a, Result<BTreeMap<String, u64>, LunoraError>> {
        Box::pin(async move {
            if tables.is_empty() {
                return Ok(BTreeMap::new());
            }
            let counts = self.tables.clear(tables).await?;
            Ok(sort::map(tables.iter().cloned().zip(counts)))
        })
    }

    fn apply<'a>(
        &'a self,
        changes: &'a [Box<RawValue>],
    ) -> LocalBoxFuture<'a, Result<GlobalApplied, LunoraError>> {
        Box::pin(async move {
            let schemas = self.list().await?;
            let mut applied = GlobalApplied::default();
            for change in changes {
                let Ok(change) = serde_json::from_str::<Change<'_>>(change.get()) else { continue };
                let refused = match Self::write_of(&schemas, &change) {
                    Err(refused) => Some(refused),
                    Ok((schema, write)) => match self.write(schema, &[write]).await?.pop() {
                        Some(GlobalWritten::Refused(message) | GlobalWritten::Waits(message)) => {
                            Some(Refused { code: BAD_ROW.to_owned(), message })
                        }
                        _ => None,
                    },
                };
                match refused {
                    None => applied.applied += 1,
                    Some(Refused { code, message }) => applied.errors.push(ChangeError {
                        code,
                        id: change.id.unwrap_or_default(),
                        message,
                        seq: change.seq,
                        table: change.table,
                    }),
                }
            }
            Ok(applied)
        })
    }
}

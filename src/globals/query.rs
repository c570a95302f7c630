//! A query over the documents of a table in D1.

use std::{fmt, marker::PhantomData};

use serde::de::DeserializeOwned;

use super::{Globals, rows::cells as cells_of, statements::query};
use crate::{
    errors::LunoraError,
    platform::database::number,
    shard::{
        Document, Page, Table, TableSpec,
        database::cells,
        db::{
            page::{Range, RangeStatement},
            selection::{Selection, only, setters},
        },
    },
};

/// Documents of a table in D1, in an order and within bounds; see
/// [`TableQuery`](crate::shard::TableQuery), whose methods it has.
#[must_use = "a query does nothing until its documents are asked for"]
pub struct GlobalDocuments<'a, T> {
    globals: &'a Globals,
    spec: TableSpec,
    selection: Selection,
    of: PhantomData<fn() -> T>,
}

impl<'a, T> GlobalDocuments<'a, T> {
    pub(super) fn new(globals: &'a Globals, table: Table<T>) -> Self {
        let selection = Selection::new(table.name());
        Self { globals, spec: table.spec(), selection, of: PhantomData }
    }

    setters!();

    /// Counts the documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub async fn count(self) -> Result<u64, LunoraError> {
        let plan = self.selection.plan(&self.spec)?;
        let statement = query(plan.count(self.spec.name()), cells(&plan.values));
        let rows = self.globals.run(&self.spec, statement).await?;
        Ok(rows.first().and_then(|row| number(row, "n")).unwrap_or_default())
    }
}

impl<T: DeserializeOwned> GlobalDocuments<'_, T> {
    /// Returns every document. If there may be many, use [`paginate`](Self::paginate).
    ///
    /// # Errors
    /// If the table has no such index, the bounds do not fit it, a document is not a `T`, or the database
    /// fails.
    pub async fn collect(self) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(None).await
    }

    /// Returns the first `limit` documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub async fn take(self, limit: u32) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(Some(limit)).await
    }

    /// Returns the first document.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub async fn first(self) -> Result<Option<Document<T>>, LunoraError> {
        Ok(self.take(1).await?.into_iter().next())
    }

    /// Returns the only document.
    ///
    /// # Errors
    /// 400 `NOT_UNIQUE` if several documents match; else as [`collect`](Self::collect).
    pub async fn unique(self) -> Result<Option<Document<T>>, LunoraError> {
        let table = self.spec.name();
        only(table, self.take(2).await?)
    }

    /// Returns the next `limit` documents after the `continue_cursor` of a page; `None` starts at the
    /// first.
    ///
    /// A document that exists throughout is on exactly one page, whatever is written between the pages,
    /// unless its own position in the index changes.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for a cursor that does not belong to this query; else as
    /// [`collect`](Self::collect).
    pub async fn paginate(
        self,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Document<T>>, LunoraError> {
        let table = self.spec.name();
        let range = Range { after: cursor, up_to: None };
        let plan = self.selection.plan(&self.spec)?;
        let statement = RangeStatement::new(plan, table, &range, limit)?;
        let asked = query(statement.sql.clone(), cells(&statement.values));
        let rows = self.globals.run(&self.spec, asked).await?;
        let length = statement.order.len();
        let rows = rows.into_iter().map(|row| cells_of(row, length)).collect();
        statement.cut(rows, limit)?.into_page(table, cursor)
    }

    async fn read(self, limit: Option<u32>) -> Result<Vec<Document<T>>, LunoraError> {
        let plan = self.selection.plan(&self.spec)?;
        let statement = query(plan.documents(self.spec.name(), limit), cells(&plan.values));
        self.globals.read(&self.spec, statement).await
    }
}

impl<T> fmt::Debug for GlobalDocuments<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalDocuments")
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}

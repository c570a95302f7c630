//! Tables of documents, as operators move them.

use std::{cell::Cell, fmt};

use futures::future::LocalBoxFuture;

use super::{
    rows::changes_of,
    statements::{changes, creation},
};
use crate::{
    errors::LunoraError,
    platform::{
        GlobalChanges, GlobalChangesQuery, GlobalDatabase, GlobalFacet, GlobalPage, GlobalQuery,
        GlobalRows, GlobalSchema, GlobalTable, GlobalTables, GlobalWrite, GlobalWritten,
    },
    shard::TableSpec,
};

/// A database with its tables of documents, for
/// [`global_tables`](crate::builder::Builder::global_tables): a restore into an empty database makes the tables
/// first, and needs no call of the application before it.
///
/// ```
/// use lunora::{globals::DocumentTables, prelude::*, shard::{Table, table}};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Deserialize, Serialize)]
/// # struct Plan { name: String }
///
/// const PLANS: Table<Plan> = table!("plans");
///
/// fn app(env: &Env) -> Result<Lunora, LunoraError> {
///     Ok(Lunora::builder()
///         .shard_do(env.durable_object("SHARD")?)
///         .admin_token(AdminToken::from_env(env)?)
///         .global_tables(DocumentTables::new(env.d1("DB")?).with(PLANS))
///         .build())
/// }
/// # let _ = app;
/// ```
#[must_use = "it does nothing until `.global_tables(..)` of the builder is given it"]
pub struct DocumentTables<D> {
    database: D,
    tables: Vec<TableSpec>,
    made: Cell<bool>,
}

impl<D: GlobalDatabase + GlobalTables> DocumentTables<D> {
    /// Takes the database: `env.d1("DB")?`. Its other tables are moved as well.
    pub fn new(database: D) -> Self {
        Self { database, tables: Vec::new(), made: Cell::new(false) }
    }

    /// Adds a table of documents.
    pub fn with(mut self, table: impl Into<TableSpec>) -> Self {
        self.tables.push(table.into());
        self
    }

    async fn make(&self) -> Result<(), LunoraError> {
        if !self.made.get() && !self.tables.is_empty() {
            self.database.run(self.tables.iter().flat_map(creation).collect()).await?;
            self.made.set(true);
        }
        Ok(())
    }
}

impl<D: GlobalDatabase + GlobalTables> GlobalTables for DocumentTables<D> {
    fn tables(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalTable>, LunoraError>> {
        self.database.tables()
    }

    fn ping(&self) -> LocalBoxFuture<'_, Result<(), LunoraError>> {
        self.database.ping()
    }

    fn page<'a>(
        &'a self,
        query: &'a GlobalQuery,
    ) -> LocalBoxFuture<'a, Result<GlobalPage, LunoraError>> {
        self.database.page(query)
    }

    fn facet<'a>(
        &'a self,
        query: &'a GlobalQuery,
        column: &'a str,
    ) -> LocalBoxFuture<'a, Result<GlobalFacet, LunoraError>> {
        self.database.facet(query, column)
    }

    fn schemas(&self) -> LocalBoxFuture<'_, Result<Vec<GlobalSchema>, LunoraError>> {
        Box::pin(async {
            self.make().await?;
            self.database.schemas().await
        })
    }

    fn rows<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        after: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<GlobalRows, LunoraError>> {
        self.database.rows(schema, after)
    }

    fn write<'a>(
        &'a self,
        schema: &'a GlobalSchema,
        writes: &'a [GlobalWrite],
    ) -> LocalBoxFuture<'a, Result<Vec<GlobalWritten>, LunoraError>> {
        self.database.write(schema, writes)
    }

    fn changes<'a>(
        &'a self,
        query: &'a GlobalChangesQuery,
    ) -> LocalBoxFuture<'a, Result<Option<GlobalChanges>, LunoraError>> {
        Box::pin(async move {
            if self.tables.is_empty() {
                return Ok(None);
            }
            self.make().await?;
            let mut answers = self.database.run(changes(query)).await?;
            let (rows, ends) =
                (answers.pop().unwrap_or_default(), answers.pop().unwrap_or_default());
            changes_of(query, &rows, ends.first()).map(Some)
        })
    }

    fn clear<'a>(
        &'a self,
        tables: &'a [String],
    ) -> LocalBoxFuture<'a, Result<Vec<u64>, LunoraError>> {
        self.database.clear(tables)
    }
}

impl<D> fmt::Debug for DocumentTables<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentTables").finish_non_exhaustive()
    }
}

//! The definition of a shard: its tables, its functions, its migrations.

use std::{borrow::Cow, fmt};

use super::{
    function::{ActionHandler, Body, Functions, MutationHandler, QueryHandler, StreamHandler},
    migration::{Migration, MigrationHandler},
    table::{TableSpec, same_name},
};
use crate::{
    functions::{FunctionInfo, FunctionList, FunctionPathError},
    platform::Jurisdiction,
};

/// The definition of a shard: its tables, its functions, its migrations.
///
/// [`shard!`](crate::shard!) writes one and checks it while compiling. This is the same for paths
/// and tables that are only known when the program runs; their errors are reported when the shard
/// is made.
///
/// ```
/// use lunora::{LunoraError, shard::{Mutation, NoArgs, Query, ShardDefinition, Table, table}};
///
/// const MESSAGES: Table = table!("messages").index("by_author", &["author"]);
///
/// fn list(_ctx: &Query<'_>, _args: NoArgs) -> Result<Vec<u8>, LunoraError> { Ok(vec![]) }
/// fn send(_ctx: &Mutation<'_>, _args: NoArgs) -> Result<(), LunoraError> { Ok(()) }
///
/// let definition = ShardDefinition::new()
///     .table(MESSAGES)
///     .query("messages:list", list)
///     .mutation("messages:send", send);
/// assert!(definition.check().is_ok());
///
/// let twice = ShardDefinition::new().query("messages:list", list).mutation("messages:list", send);
/// assert_eq!(
///     twice.check().unwrap_err().to_string(),
///     "\"messages:list\": two functions of a shard have the same path",
/// );
/// ```
#[derive(Default)]
pub struct ShardDefinition {
    pub(crate) tables: Vec<TableSpec>,
    pub(crate) functions: Functions,
    /// The queries that answer relation reads, by name.
    pub(crate) relations: Functions,
    pub(crate) migrations: Vec<Migration>,
    /// The queries behind shapes, by name.
    pub(crate) shapes: Functions,
    /// The paths of the mutations that run when a client connects.
    pub(crate) connect: Vec<Cow<'static, str>>,
    /// The paths of the mutations that run when a connection ends.
    pub(crate) disconnect: Vec<Cow<'static, str>>,
    pub(crate) registry: Option<&'static str>,
    pub(crate) jurisdiction: Option<Jurisdiction>,
    problem: Option<DefinitionError>,
}

/// The reason why a definition is invalid.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// A path is invalid or taken.
    #[error("{path:?}: {error}")]
    Function {
        /// The path.
        path: String,
        /// The error of the path.
        error: FunctionPathError,
    },
    /// Two tables have the same name.
    #[error("{0:?}: two tables of a shard have the same name")]
    Table(String),
    /// Two migrations have the same id, or a migration's table is missing.
    #[error("{0:?}: a migration's id must be its own, and its table one of the shard's")]
    Migration(String),
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident, $internal_name:ident, $handler:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<M>(
            self,
            path: impl Into<Cow<'static, str>>,
            handler: impl $handler<M>,
        ) -> Self {
            self.add(path.into(), handler.into_body().0, false)
        }

        /// Adds a function as the method of the same name does, for the server only.
        #[must_use]
        pub fn $internal_name<M>(
            self,
            path: impl Into<Cow<'static, str>>,
            handler: impl $handler<M>,
        ) -> Self {
            self.add(path.into(), handler.into_body().0, true)
        }
    )*};
}

impl ShardDefinition {
    /// Returns an empty definition.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table of documents.
    #[must_use]
    pub fn table(mut self, table: impl Into<TableSpec>) -> Self {
        let spec: TableSpec = table.into();
        if self.tables.iter().any(|other| same_name(other.name, spec.name)) {
            self.problem.get_or_insert(DefinitionError::Table(spec.name.to_owned()));
        }
        self.tables.push(spec);
        self
    }

    functions! {
        /// Adds a query: it reads.
        query, internal_query, QueryHandler;
        /// Adds a mutation: it writes, all or nothing.
        mutation, internal_mutation, MutationHandler;
        /// Adds an action: it waits for others, and calls queries and mutations.
        action, internal_action, ActionHandler;
    }

    /// Adds a mutation, for the server only, that runs when a client of a live connection sends its
    /// first frame, `connect`. Its argument is a [`Connection`](crate::shard::Connection).
    ///
    /// The caller is the user of the connection. An error is logged, and the connection stays open.
    #[must_use]
    pub fn connect<M>(
        mut self,
        path: impl Into<Cow<'static, str>>,
        handler: impl MutationHandler<M>,
    ) -> Self {
        let path = path.into();
        self.connect.push(path.clone());
        self.add(path, handler.into_body().0, true)
    }

    /// Adds a mutation, for the server only, that runs when a connection ends for which
    /// [`connect`](Self::connect) has run: it was closed, broke, or its identity expired.
    ///
    /// It runs at most once. A crash of the object, and one of the machine, runs none: a document that
    /// must not outlive its connection needs a time, too.
    #[must_use]
    pub fn disconnect<M>(
        mut self,
        path: impl Into<Cow<'static, str>>,
        handler: impl MutationHandler<M>,
    ) -> Self {
        let path = path.into();
        self.disconnect.push(path.clone());
        self.add(path, handler.into_body().0, true)
    }

    /// Adds a shape: a query whose documents a client keeps in step, row by row, by
    /// `shape_subscribe`. It returns a list of documents, whose order means nothing.
    #[must_use]
    pub fn shape<M>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        handler: impl QueryHandler<M>,
    ) -> Self {
        let path = name.into();
        let added = self.shapes.add(path.clone(), handler.into_body().0, false);
        self.note(&path, added)
    }

    /// Adds a stream: a client opens it over its live connection and gets chunk after chunk, until the
    /// stream ends, the client ends it, or the connection does. Each of those drops the stream.
    ///
    /// It runs beside other calls, as an action does. An error ends it and reaches the client. A stream
    /// that never waits holds up its shard. One that was cut off, by a crash or a deployment, ends with
    /// `STREAM_INTERRUPTED`; the client opens it again.
    ///
    /// ```
    /// use futures::{Stream, stream};
    /// use lunora::{LunoraError, shard::{Action, NoArgs, ShardDefinition}};
    ///
    /// fn countdown(_ctx: Action, _args: NoArgs) -> impl Stream<Item = Result<u32, LunoraError>> {
    ///     stream::iter((1..=3).rev().map(Ok))
    /// }
    ///
    /// let definition = ShardDefinition::new().stream("launch:countdown", countdown);
    /// # assert!(definition.check().is_ok());
    /// ```
    #[must_use]
    pub fn stream<M>(
        self,
        path: impl Into<Cow<'static, str>>,
        handler: impl StreamHandler<M>,
    ) -> Self {
        self.add(path.into(), handler.into_body().0, false)
    }

    /// Adds a query that answers `__lunora_relation__:<name>`, which only ever comes as a query
    /// across shards: its answer is not wrapped, so that the coordinator can merge it.
    #[must_use]
    pub fn relation<M>(mut self, name: &str, handler: impl QueryHandler<M>) -> Self {
        let path = format!("relation:{name}");
        let added = self.relations.add(path.clone().into(), handler.into_body().0, false);
        self.note(&path, added)
    }

    /// Adds a migration of the documents of a table; see
    /// [`MigrationHandler`](crate::shard::MigrationHandler).
    #[must_use]
    pub fn migration<M>(
        self,
        id: &'static str,
        table: impl Into<TableSpec>,
        up: impl MigrationHandler<M>,
    ) -> Self {
        self.add_migration(Migration::new(id, table.into().name(), up.into_step(), None))
    }

    /// Adds a migration that can be undone.
    #[must_use]
    pub fn reversible_migration<M, N>(
        self,
        id: &'static str,
        table: impl Into<TableSpec>,
        up: impl MigrationHandler<M>,
        down: impl MigrationHandler<N>,
    ) -> Self {
        self.add_migration(Migration::new(
            id,
            table.into().name(),
            up.into_step(),
            Some(down.into_step()),
        ))
    }

    /// Announces the shard to the registry behind this binding before its first row is committed,
    /// so that queries across shards, exports and backups find it.
    ///
    /// A mutation that writes the first row is rolled back, the shard is announced, and the
    /// mutation runs again. An action cannot run twice: the shard is announced before the first
    /// action runs, if the shard has mutations. While the registry cannot be reached the first
    /// write is refused 503 `SHARD_UNAVAILABLE`; later ones do not need it. A shard that has rows
    /// from before this was set is announced with its next call.
    #[must_use]
    pub fn registry(mut self, binding: &'static str) -> Self {
        self.registry = Some(binding);
        self
    }

    /// Announces the shard to the registry of this jurisdiction. Default: no jurisdiction.
    ///
    /// It is the jurisdiction of [`ShardClass::JURISDICTION`](crate::shard::ShardClass::JURISDICTION):
    /// [`shard!`](crate::shard!) writes both.
    #[must_use]
    pub fn jurisdiction(mut self, jurisdiction: Jurisdiction) -> Self {
        self.jurisdiction = Some(jurisdiction);
        self
    }

    /// Checks that the definition is valid.
    ///
    /// # Errors
    /// The first error of the definition.
    pub fn check(&self) -> Result<(), DefinitionError> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let homeless =
            self.migrations.iter().find(|migration| self.table_named(migration.table).is_none());
        homeless
            .map_or(Ok(()), |migration| Err(DefinitionError::Migration(migration.id.to_owned())))
    }

    fn table_named(&self, name: &str) -> Option<&TableSpec> {
        self.tables.iter().find(|table| table.name == name)
    }

    fn add(mut self, path: Cow<'static, str>, body: Body, internal: bool) -> Self {
        let name = path.to_string();
        let added = self.functions.add(path, body, internal);
        self.note(&name, added)
    }

    /// Keeps the first error.
    fn note(mut self, path: &str, added: Result<(), FunctionPathError>) -> Self {
        if let Err(error) = added {
            let path = path.to_owned();
            self.problem.get_or_insert(DefinitionError::Function { path, error });
        }
        self
    }

    /// Adds the schemas of a function's types; [`shard!`](crate::shard!) calls it.
    #[cfg(feature = "schema")]
    #[doc(hidden)]
    #[must_use]
    pub fn describe(mut self, path: &str, schemas: super::schemas::Describe) -> Self {
        self.functions.describe(path, schemas);
        self
    }

    fn add_migration(mut self, migration: Migration) -> Self {
        if self.migrations.iter().any(|other| other.id == migration.id) {
            self.problem.get_or_insert(DefinitionError::Migration(migration.id.to_owned()));
        }
        self.migrations.push(migration);
        self
    }
}

/// The functions with their kinds, for the admin plane of a Worker; those of
/// [`shard!`](crate::shard!) with the schemas of their types, if the feature `schema` is on and the
/// types implement `schemars::JsonSchema`.
impl FunctionList for ShardDefinition {
    fn functions(&self) -> Vec<FunctionInfo> {
        self.functions.iter().map(|(path, function)| function.info(path)).collect()
    }
}

impl fmt::Debug for ShardDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardDefinition")
            .field("tables", &self.tables.iter().map(|table| table.name).collect::<Vec<_>>())
            .field("functions", &self.functions.iter().map(|(path, _)| path).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

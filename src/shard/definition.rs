//! The definition of a shard: its tables, its functions, its migrations.

use std::{borrow::Cow, fmt};

use super::{
    faults,
    function::{
        ActionHandler, Body, Function, Functions, Kind, MutationHandler, QueryHandler,
        StreamHandler,
    },
    migration::{Migration, MigrationHandler, Work},
    names::same_name,
    table::TableSpec,
};
use crate::{
    functions::{FunctionInfo, FunctionList, FunctionPathError, RestRoute},
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
    /// The routes at which functions answer plain HTTP, each with the path of its function.
    rest: Vec<(Cow<'static, str>, RestRoute)>,
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
    /// A route is malformed, names no function that clients may call, or has a function behind `GET` that writes.
    #[error(
        "{0:?}: a route is \"METHOD /path/{{argument}}\" of a function that clients may call, `GET` of a query"
    )]
    Rest(String),
    /// Two migrations have the same id, a migration's table is missing, or one drops what is declared.
    #[error(
        "{0:?}: a migration's id must be its own, its table one of the shard's, and what it drops none of them"
    )]
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

    /// Has a function answer plain HTTP at a route such as `"GET /channels/{shardKey}/messages"`, if the Worker is
    /// built with [`rest`](crate::builder::Builder::rest).
    ///
    /// The segments in braces are arguments of the function, and `shardKey` is the shard.
    #[must_use]
    pub fn rest(self, route: &str, path: impl Into<Cow<'static, str>>) -> Self {
        self.add_rest(route, path.into(), None)
    }

    /// Works like [`rest`](Self::rest), and sets the header `cache-control` of answers to `GET`, such as
    /// `"public, max-age=60"`. Default: `no-store`.
    ///
    /// To a request with a cookie or a credential, `public` becomes `private`.
    #[must_use]
    pub fn rest_cached(
        self,
        route: &str,
        path: impl Into<Cow<'static, str>>,
        policy: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.add_rest(route, path.into(), Some(policy.into()))
    }

    fn add_rest(
        mut self,
        route: &str,
        path: Cow<'static, str>,
        policy: Option<Cow<'static, str>>,
    ) -> Self {
        match RestRoute::new(route) {
            Ok(parsed) => {
                let route = match policy {
                    Some(policy) => parsed.cached(policy),
                    None => parsed,
                };
                self.rest.push((path, route));
            }
            Err(_) => {
                self.problem.get_or_insert(DefinitionError::Rest(route.to_owned()));
            }
        }
        self
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

    /// Adds the migration that drops `name`: a table that is no longer declared, with its documents, or
    /// an index in the form `"messages.by_author"`.
    ///
    /// Until it runs, the documents of the table stay; an index is dropped as soon as it is not
    /// declared. It cannot be undone.
    #[must_use]
    pub fn drops(self, id: &'static str, name: &'static str) -> Self {
        self.add_migration(Migration { id, work: Work::Drop(name) })
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
        for (path, route) in &self.rest {
            let function = self.functions.find(path, false).ok();
            if !function.is_some_and(|it| route.method() != "GET" || it.kind() == Kind::Query) {
                return Err(DefinitionError::Rest(route.to_string()));
            }
        }
        let impossible = self.migrations.iter().find(|migration| match migration.work {
            Work::Documents { table, .. } => self.table_named(table).is_none(),
            Work::Drop(name) => !faults::may_be_dropped(name, &self.tables),
        });
        impossible
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
        let info = |(path, function): (&str, &Function)| {
            let mut info = function.info(path);
            let own = self.rest.iter().filter(|(exposed, _)| **exposed == *path);
            info.rest = own.map(|(_, route)| route.clone()).collect();
            info
        };
        self.functions.iter().map(info).collect()
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

//! The shard itself: one object's database, its functions, and the order in which calls are served.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
};

use futures::{FutureExt, future::LocalBoxFuture};

use super::{
    action::{Action, ActionShard},
    announcement::Announcement,
    answer::check_answer,
    caller::{Caller, SharedCaller},
    context::{Mutation, Query},
    definition::ShardDefinition,
    failures::Failures,
    function::{Function, Kind},
    metrics::Metrics,
    replies::Replies,
    run::Run,
    schema,
    state::State,
    subscriptions::Subscriptions,
    tracking::{Commit, Reads},
};
use crate::{
    errors::{Code, LunoraError},
    platform::ShardHost,
    wire::{ShardKey, paths},
};

/// A shard: it serves the requests to a Durable Object.
///
/// [`shard!`](crate::shard!) writes the object around it.
#[derive(Clone)]
pub struct Shard {
    pub(crate) inner: Rc<Inner>,
}

/// The shared state of a shard.
pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) definition: ShardDefinition,
    pub(crate) replies: Replies,
    pub(crate) metrics: Metrics,
    pub(crate) failures: Failures,
    pub(crate) announcement: Announcement,
    /// The time until which scheduled calls wait, in milliseconds since 1970: rows are being imported.
    pub(super) calls_wait_until: Cell<u64>,
    pub(crate) subscriptions: Subscriptions,
    /// The version of the schema, by the schema lock.
    schema_version: Cell<Option<u32>>,
    open: Cell<bool>,
    listener: RefCell<Option<Rc<Listener>>>,
}

/// A callback for each commit.
type Listener = dyn Fn(&Commit);

/// The answer of a query, and its dependencies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueryRun {
    /// The answer as JSON text in wire form.
    pub result: String,
    /// The reads of the query.
    pub reads: Reads,
}

impl Shard {
    /// Returns the shard of `definition` in the object of `host`.
    #[must_use]
    pub fn new(host: Rc<dyn ShardHost>, mut definition: ShardDefinition) -> Self {
        // The scratch shard of a drill is not part of the deployment's data.
        if definition.registry.is_some() && ShardKey::is_scratch(&host.shard_key()) {
            definition.registry = None;
        }
        let inner = Inner {
            replies: Replies::default(),
            metrics: Metrics::new(host.now_ms()),
            failures: Failures::default(),
            announcement: Announcement::new(definition.registry),
            calls_wait_until: Cell::default(),
            subscriptions: Subscriptions::default(),
            schema_version: Cell::new(None),
            open: Cell::new(false),
            listener: RefCell::new(None),
            state: State::new(host, definition.tables.clone()),
            definition,
        };
        Self { inner: Rc::new(inner) }
    }

    /// Runs a query by its path, for a live connection: only the server may run internal ones.
    ///
    /// # Errors
    /// 404 `FUNCTION_NOT_FOUND` if the path is not a query's; else the error of the query.
    pub fn run_query(
        &self,
        path: &str,
        args: &str,
        caller: &Caller,
    ) -> Result<QueryRun, LunoraError> {
        let (result, reads) = self.run_live(path, args, caller);
        Ok(QueryRun { result: result?, reads })
    }

    /// Runs a query as [`run_query`](Self::run_query) does, with the reads of a failed query too.
    pub(crate) fn run_live(
        &self,
        path: &str,
        args: &str,
        caller: &Caller,
    ) -> (Result<String, LunoraError>, Reads) {
        let function = match self.query_function(path, caller) {
            Ok(function) => function,
            Err(error) => return (Err(error), Reads::default()),
        };
        let run = self.inner.run(caller, 0);
        let result = function.query(&Query::new(&run), args);
        let result = result.and_then(|result| {
            run.check_doom()?;
            check_answer(&result).map(|()| result)
        });
        if let Err(error) = &result {
            self.inner.failures.record(run.now_ms, path, None, error);
        }
        (result, run.into_parts().0)
    }

    fn query_function(&self, path: &str, caller: &Caller) -> Result<&Function, LunoraError> {
        let definition = &self.inner.definition;
        let function = match path.strip_prefix(paths::SHAPE_PREFIX) {
            Some(name) => definition.shapes.find(name, caller.system).map_err(|_| {
                LunoraError::custom("SHAPE_NOT_FOUND", 404, "there is no such shape")
            })?,
            None => definition.functions.find(path, caller.system)?,
        };
        if function.kind() != Kind::Query {
            return Err(super::function::not_registered(path));
        }
        self.inner.open()?;
        Ok(function)
    }

    /// Calls `listener` after every transaction that wrote, once it has committed. A later listener
    /// replaces an earlier one.
    pub fn on_commit(&self, listener: impl Fn(&Commit) + 'static) {
        *self.inner.listener.borrow_mut() = Some(Rc::new(listener));
    }

    /// Returns the position of the change log; 0 before the first write.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cursor(&self) -> Result<u64, LunoraError> {
        self.inner.open()?;
        self.inner.state.changes.cursor(&self.inner.state.database)
    }

    /// Sets the version of the schema, which the entry point of a build takes from the schema lock. A
    /// shard that a newer version has opened then answers 503 `SHARD_UNAVAILABLE`.
    ///
    /// Default: no version, and no check.
    pub fn set_schema_version(&self, version: u32) {
        self.inner.schema_version.set(Some(version));
    }

    /// Returns the host of the shard.
    #[must_use]
    pub fn host(&self) -> &Rc<dyn ShardHost> {
        self.inner.state.host()
    }
}

impl Inner {
    /// Makes the shard ready: once, unless it fails.
    pub(crate) fn open(&self) -> Result<(), LunoraError> {
        if self.open.get() {
            return Ok(());
        }
        self.definition.check().map_err(|error| {
            LunoraError::new(Code::Misconfigured, "the shard is not set up").with_source(error)
        })?;
        self.state.random.seed(&**self.state.host());
        let database = &self.state.database;
        schema::migrate(database, &self.state.tables)?;
        if let Some(version) = self.schema_version.get() {
            schema::check_version(database, version, &self.definition.migrations)?;
        }
        self.open.set(true);
        Ok(())
    }

    /// Has scheduled calls wait for a minute: what they need may come with the next rows that are imported.
    pub(crate) fn note_import(&self) {
        const PAUSE_MS: u64 = 60_000;

        self.calls_wait_until.set(self.state.host().now_ms() + PAUSE_MS);
    }

    /// Begins a run of a function.
    pub(crate) fn run<'a>(&'a self, caller: &'a Caller, depth: u32) -> Run<'a> {
        Run::new(&self.state, &self.definition.functions, caller, depth)
    }

    /// Runs `work` as a mutation: one transaction that commits all or nothing.
    pub(crate) fn transact<T>(
        &self,
        caller: &Caller,
        depth: u32,
        work: impl FnOnce(&Run<'_>) -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        let run = self.run(caller, depth);
        let result = self.state.database.atomically(|| {
            let result = work(&run);
            run.check_doom()?;
            let result = result?;
            self.announcement.check(&self.state, &run.commit())?;
            Ok(result)
        })?;
        let (_, commit) = run.into_parts();
        self.announcement.note_commit(&commit);
        if commit.wrote() {
            let listener = self.listener.borrow().clone();
            if let Some(listener) = listener {
                listener(&commit);
            }
        }
        Ok(result)
    }
}

impl ActionShard for Inner {
    fn state(&self) -> &State {
        &self.state
    }

    fn query(
        &self,
        caller: &Caller,
        depth: u32,
        path: &str,
        args: &str,
    ) -> Result<String, LunoraError> {
        let function = self.definition.functions.of_kind(path, Kind::Query)?;
        function.query(&Query::new(&self.run(caller, depth)), args)
    }

    fn mutation(
        &self,
        caller: &Caller,
        depth: u32,
        path: &str,
        args: &str,
    ) -> Result<String, LunoraError> {
        let function = self.definition.functions.of_kind(path, Kind::Mutation)?;
        self.transact(caller, depth, |run| function.mutation(&Mutation::new(run), args))
    }

    fn action(
        self: Rc<Self>,
        caller: SharedCaller,
        depth: u32,
        path: &str,
        args: String,
    ) -> LocalBoxFuture<'static, Result<String, LunoraError>> {
        let path = path.to_owned();
        async move {
            let function = self.definition.functions.of_kind(&path, Kind::Action)?;
            let action = Action::new(self.clone(), caller, depth);
            function.action(action, args).await
        }
        .boxed_local()
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("definition", &self.inner.definition).finish_non_exhaustive()
    }
}

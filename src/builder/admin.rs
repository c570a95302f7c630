//! The setters of the admin plane.

use std::rc::Rc;

use super::{
    Builder,
    state::{
        SetAdminGate, SetAuthAdmin, SetFunctions, SetGlobalTables, SetHealth, SetKv, SetLogArchive,
        SetOperatorPage, SetRequireEphemeralWsToken, SetScheduler, SetStorage, SetVectors, State,
        once,
    },
};
use crate::{
    admin::{
        AdminArea, Auth, Health, KvNamespaces, Logs, Scheduler, Storage, Vectors, Workflows,
        operator_page,
    },
    functions::FunctionList,
    message::Request,
    pipeline::hooks::{AdminGateFn, IntoGrant, RouteContext},
    platform::{AuthAdmin, GlobalTables, LogArchive, VectorIndexes, Workflow},
};

/// Setters of the admin plane, `/_lunora/admin/*`. They need the feature `admin`, which is on by
/// default.
impl<S: State, E: 'static> Builder<S, E> {
    /// Admits operators by other means than the [admin token](Self::admin_token), such as the
    /// identity that Cloudflare Access vouches for.
    ///
    /// The gate runs if the bearer is not the token. Only `true` grants; an error denies and is
    /// logged. For such a request the admin token, if the deployment has one, is used for the hop
    /// to a shard and never disclosed. Default: only the token is accepted.
    ///
    /// ```
    /// use lunora::{Response, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .admin_gate(async |request, _env, _ctx| {
    ///         request.header("x-operator") == Some("verified by the proxy")
    ///     })
    ///     .build();
    /// # let _ = app;
    /// ```
    pub fn admin_gate<F, R>(mut self, gate: F) -> Builder<SetAdminGate<S>, E>
    where
        F: AsyncFn(&Request, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoGrant + 'static,
        S::AdminGate: once::AdminGate,
    {
        self.settings.admin_gate.custom = Some(Box::new(AdminGateFn::new(gate)));
        self.advance()
    }

    /// Sets whether an operator's socket with a credential in its URL must use one made for it
    /// (`POST /_lunora/admin/ws-token`) and not the admin token, which a URL would leave in logs.
    /// Default: `LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN`, else yes.
    pub fn require_ephemeral_ws_token(
        mut self,
        required: bool,
    ) -> Builder<SetRequireEphemeralWsToken<S>, E>
    where
        S::RequireEphemeralWsToken: once::RequireEphemeralWsToken,
    {
        self.settings.admin_gate.require_ephemeral = Some(required);
        self.advance()
    }

    /// Lists the application's functions for operators and for the API documents. Default: an empty
    /// list.
    pub fn functions(mut self, functions: impl FunctionList) -> Builder<SetFunctions<S>, E>
    where
        S::Functions: once::Functions,
    {
        self.settings.admin.functions = Some(Box::new(functions));
        self.advance()
    }

    /// Serves the operators' page at `GET /_lunora/admin`: shards and their sizes, rows, functions,
    /// cron jobs, snapshots and recent errors. Needs [`admin_token`](Self::admin_token) and
    /// [`query_coordinator`](Self::query_coordinator). Default: no page, and none is linked.
    ///
    /// The page itself is public and holds no data. It asks for the admin token, keeps it in the
    /// `sessionStorage` of the tab, and sends it as a bearer to the endpoints of operators, whose gate
    /// decides. Its policy allows its own script and style, calls to its own origin, and nothing
    /// else.
    ///
    /// ```
    /// use lunora::{AdminToken, Response, coordinator::{QueryCoordinator, StaticShardRegistry}, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .admin_token(AdminToken::new("a-token-that-nobody-guesses")?)
    ///     .query_coordinator(QueryCoordinator::new(StaticShardRegistry::new()))
    ///     .operator_page()
    ///     .build();
    /// # let _ = app;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn operator_page(mut self) -> Builder<SetOperatorPage<S>, E>
    where
        S::OperatorPage: once::OperatorPage,
    {
        self.settings.admin.page = Some(operator_page::response);
        self.advance()
    }

    /// Sets what `/_lunora/health` answers. Default: [`Health::new`].
    pub fn health(mut self, health: Health) -> Builder<SetHealth<S>, E>
    where
        S::Health: once::Health,
    {
        self.settings.admin.health = health;
        self.advance()
    }

    /// Sets the scheduler, for operators (`/_lunora/admin/scheduled*`) and for the pools of what it
    /// dispatches. Default: no scheduler.
    pub fn scheduler(mut self, scheduler: Scheduler) -> Builder<SetScheduler<S>, E>
    where
        S::Scheduler: once::Scheduler,
    {
        self.settings.admin.pools = Some(Box::new(scheduler.clone()));
        self.settings.admin.attach(AdminArea::Scheduler, scheduler);
        self.advance()
    }

    /// Sets the buckets that operators may browse, fill and empty (`/_lunora/admin/storage*`).
    /// Default: no buckets.
    pub fn storage(mut self, storage: Storage) -> Builder<SetStorage<S>, E>
    where
        S::Storage: once::Storage,
    {
        self.settings.admin.attach(AdminArea::Storage, storage);
        self.advance()
    }

    /// Sets the Workers KV namespaces that operators may browse and write (`/_lunora/admin/kv/*`).
    /// Default: no namespaces.
    pub fn kv(mut self, namespaces: KvNamespaces) -> Builder<SetKv<S>, E>
    where
        S::Kv: once::Kv,
    {
        self.settings.admin.attach(AdminArea::Kv, namespaces);
        self.advance()
    }

    /// Sets the tables outside of shards that operators may inspect (`/_lunora/admin/global/*`), and
    /// that are part of exports, imports and backups; a `worker::D1Database` is such a set of
    /// tables. Default: no tables.
    pub fn global_tables(mut self, tables: impl GlobalTables) -> Builder<SetGlobalTables<S>, E>
    where
        S::GlobalTables: once::GlobalTables,
    {
        self.settings.admin.attach_globals(tables);
        self.advance()
    }

    /// Adds a workflow under the name of its binding, for dispatches of the scheduler
    /// and for operators (`/_lunora/admin/workflows/*`). May be called once per
    /// workflow.
    pub fn workflow(mut self, binding: impl Into<String>, workflow: impl Workflow) -> Self {
        let binding = binding.into();
        let workflows = &mut self.settings.admin.workflows;
        workflows.retain(|(known, _)| *known != binding);
        workflows.push((binding, Rc::new(workflow)));
        self.settings.admin.attach(AdminArea::Workflows, Workflows);
        self
    }

    /// Sets the vector indexes for operators (`/_lunora/admin/vector/*`). Default: no indexes.
    pub fn vectors(mut self, indexes: impl VectorIndexes) -> Builder<SetVectors<S>, E>
    where
        S::Vectors: once::Vectors,
    {
        self.settings.admin.attach(AdminArea::Vector, Vectors(indexes));
        self.advance()
    }

    /// Sets the user management for operators (`/_lunora/admin/auth/*`). Default: not configured.
    pub fn auth_admin(mut self, auth: impl AuthAdmin) -> Builder<SetAuthAdmin<S>, E>
    where
        S::AuthAdmin: once::AuthAdmin,
    {
        self.settings.admin.attach(AdminArea::Auth, Auth(auth));
        self.advance()
    }

    /// Sets the log archive that operators may read (`/_lunora/admin/logs/archive`). Default: no
    /// archive.
    pub fn log_archive(mut self, archive: impl LogArchive) -> Builder<SetLogArchive<S>, E>
    where
        S::LogArchive: once::LogArchive,
    {
        self.settings.admin.attach(AdminArea::Logs, Logs(archive));
        self.advance()
    }
}

//! The setters of the admin plane.

use std::rc::Rc;

use super::{
    Builder,
    requirements::{
        AdminGateOnce, AuthAdminOnce, FunctionsOnce, GlobalTablesOnce, HealthOnce, KvOnce,
        LogArchiveOnce, RequireEphemeralWsTokenOnce, SchedulerOnce, StorageOnce, VectorsOnce,
    },
    state::{
        SetAdminGate, SetAuthAdmin, SetFunctions, SetGlobalTables, SetHealth, SetKv, SetLogArchive,
        SetRequireEphemeralWsToken, SetScheduler, SetStorage, SetVectors, State,
    },
};
use crate::{
    admin::{
        Auth, Cluster, Globals, Health, KvNamespaces, Logs, Scheduler, Storage, Vectors, Workflows,
    },
    functions::FunctionList,
    message::Request,
    pipeline::hooks::{AdminGateFn, IntoGrant, RouteContext},
    platform::{AuthAdmin, GlobalTables, LogArchive, VectorIndexes, Workflow},
};

/// Setters of the admin plane, `/_lunora/admin/*`. They need the feature `admin`, which is on by
/// default.
impl<S: State, E: 'static> Builder<S, E> {
    /// Lets operators in by other means than the [admin token](Self::admin_token), such as the
    /// identity that Cloudflare Access vouches for.
    ///
    /// It is asked where the bearer is not the token. Only `true` grants; an error denies and is
    /// logged. The admin token of such a request, if the deployment has one, is used for the hop
    /// to a shard and shown to nobody. Default: only the token lets in.
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
        S::AdminGate: AdminGateOnce,
    {
        self.settings.admin_gate.custom = Some(Box::new(AdminGateFn::new(gate)));
        self.advance()
    }

    /// Whether a socket of an operator that carries its credential in the URL must carry one that
    /// was made for it (`POST /_lunora/admin/ws-token`) and not the admin token, which a URL would
    /// leave in logs. Default: `LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN`, else yes.
    pub fn require_ephemeral_ws_token(
        mut self,
        required: bool,
    ) -> Builder<SetRequireEphemeralWsToken<S>, E>
    where
        S::RequireEphemeralWsToken: RequireEphemeralWsTokenOnce,
    {
        self.settings.admin_gate.require_ephemeral = Some(required);
        self.advance()
    }

    /// What functions the application has, for operators and for the API documents. Default: none
    /// are listed.
    pub fn functions(mut self, functions: impl FunctionList) -> Builder<SetFunctions<S>, E>
    where
        S::Functions: FunctionsOnce,
    {
        self.settings.admin.functions = Some(Box::new(functions));
        self.advance()
    }

    /// What `/_lunora/health` answers. Default: [`Health::new`].
    pub fn health(mut self, health: Health) -> Builder<SetHealth<S>, E>
    where
        S::Health: HealthOnce,
    {
        self.settings.admin.health = health;
        self.advance()
    }

    /// The scheduler, for operators (`/_lunora/admin/scheduled*`) and for the pools of what it
    /// dispatches. Default: none.
    pub fn scheduler(mut self, scheduler: Scheduler) -> Builder<SetScheduler<S>, E>
    where
        S::Scheduler: SchedulerOnce,
    {
        self.settings.admin.pools = Some(Box::new(scheduler.clone()));
        self.settings.admin.attach(Cluster::Scheduler, scheduler);
        self.advance()
    }

    /// The buckets that operators may browse, fill and empty (`/_lunora/admin/storage*`). Default:
    /// none.
    pub fn storage(mut self, storage: Storage) -> Builder<SetStorage<S>, E>
    where
        S::Storage: StorageOnce,
    {
        self.settings.admin.attach(Cluster::Storage, storage);
        self.advance()
    }

    /// The namespaces of Workers KV that operators may browse and write
    /// (`/_lunora/admin/kv/*`). Default: none.
    pub fn kv(mut self, namespaces: KvNamespaces) -> Builder<SetKv<S>, E>
    where
        S::Kv: KvOnce,
    {
        self.settings.admin.attach(Cluster::Kv, namespaces);
        self.advance()
    }

    /// The tables that belong to no shard, for operators to look into
    /// (`/_lunora/admin/global/*`); a `worker::D1Database` is such a set of tables. Default: none.
    pub fn global_tables(mut self, tables: impl GlobalTables) -> Builder<SetGlobalTables<S>, E>
    where
        S::GlobalTables: GlobalTablesOnce,
    {
        self.settings.admin.attach(Cluster::Global, Globals(tables));
        self.advance()
    }

    /// A workflow, by the name that it is bound to: for what the scheduler dispatches to it, and
    /// for operators (`/_lunora/admin/workflows/*`). It may be called as often as there are
    /// workflows.
    pub fn workflow(mut self, binding: impl Into<String>, workflow: impl Workflow) -> Self {
        let binding = binding.into();
        let workflows = &mut self.settings.admin.workflows;
        workflows.retain(|(known, _)| *known != binding);
        workflows.push((binding, Rc::new(workflow)));
        self.settings.admin.attach(Cluster::Workflows, Workflows);
        self
    }

    /// The vector indexes, for operators to look into (`/_lunora/admin/vector/*`). Default: none.
    pub fn vectors(mut self, indexes: impl VectorIndexes) -> Builder<SetVectors<S>, E>
    where
        S::Vectors: VectorsOnce,
    {
        self.settings.admin.attach(Cluster::Vector, Vectors(indexes));
        self.advance()
    }

    /// What manages the users, for operators (`/_lunora/admin/auth/*`). Default: nothing does.
    pub fn auth_admin(mut self, auth: impl AuthAdmin) -> Builder<SetAuthAdmin<S>, E>
    where
        S::AuthAdmin: AuthAdminOnce,
    {
        self.settings.admin.attach(Cluster::Auth, Auth(auth));
        self.advance()
    }

    /// Where logs are kept for good, for operators to read (`/_lunora/admin/logs/archive`).
    /// Default: nowhere.
    pub fn log_archive(mut self, archive: impl LogArchive) -> Builder<SetLogArchive<S>, E>
    where
        S::LogArchive: LogArchiveOnce,
    {
        self.settings.admin.attach(Cluster::Logs, Logs(archive));
        self.advance()
    }
}

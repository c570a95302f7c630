//! The setters of the admin plane.

use std::rc::Rc;

use super::{
    Builder,
    requirements::{
        AdminGateOnce, FunctionsOnce, HealthOnce, RequireEphemeralWsTokenOnce, SchedulerOnce,
    },
    state::{
        SetAdminGate, SetFunctions, SetHealth, SetRequireEphemeralWsToken, SetScheduler, State,
    },
};
use crate::{
    admin::{Cluster, Health, Scheduler},
    functions::FunctionList,
    message::Request,
    pipeline::hooks::{AdminGateFn, IntoGrant, RouteContext},
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
        self.settings.admin.functions = Some(Rc::new(functions));
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
        self.settings.admin.scheduler = Some(scheduler.clone());
        self.settings.admin.attach(Cluster::Scheduler, scheduler);
        self.advance()
    }
}

//! The admin plane: `/_lunora/admin/*` and what goes with it (docs/wire.md, "Admin endpoints").
//!
//! [`table`] lists every route, [`gate`] protects all of them, and [`answer`] sets the order of the
//! steps. A [`AdminArea`](table::AdminArea) is only linked into a Worker if a setter of the builder
//! configures it: the table contains paths and codes, and the handlers come with the setter.

mod auth;
mod backups;
mod call;
mod connector;
mod core;
mod data;
pub(crate) mod dispatch;
mod documents;
mod gate;
mod global;
mod health;
mod kv;
mod logs;
pub(crate) mod operator_page;
mod orchestration;
mod pitr;
mod queues;
mod registry;
mod scheduled;
mod scheduler;
mod storage;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests;
mod unconfigured;
mod vector;
mod workflows;

use std::{fmt, rc::Rc};

use futures::future::LocalBoxFuture;
use http::Method;

#[cfg(feature = "presign")]
pub use self::storage::Presigner;
pub(crate) use self::{
    auth::Auth, backups::BackupRoutes, call::AdminCall, data::Data, gate::Gate, global::Globals,
    health::Phase, logs::Logs, orchestration::Orchestration, queues::Queues,
    scheduled::ScheduledCalls, table::AdminArea, vector::Vectors, workflows::Workflows,
};
pub use self::{
    gate::AdminGate,
    health::{Health, Probe},
    kv::KvNamespaces,
    scheduler::Scheduler,
    storage::{Storage, UrlRequest},
};
use crate::{
    backup::{Backups, KnownShards},
    coordinator::{GlobalData, Moved, ShardAdmin, Sharding},
    errors::{Code, LunoraError},
    jobs::CronJob,
    message::{Request, Response},
    platform::{
        Clock, Deadline, Environment, ExecutionContext, GlobalTables, QueueBatch, QueueDecision,
        ResolvedShard, ScheduledEvent, Workflow,
    },
    wire::{AdminToken, ShardKey, paths},
};

/// The plane's configuration of the deployment.
#[derive(Default)]
pub(crate) struct Plane {
    pub(crate) functions: Option<Box<dyn documents::Documented>>,
    pub(crate) health: Health,
    pub(crate) pools: Option<Box<dyn Pools>>,
    /// Makes the page of operators; only linked if the deployment serves it.
    pub(crate) page: Option<fn() -> Response>,
    pub(crate) workflows: Vec<(String, Rc<dyn Workflow>)>,
    /// The rows of the global tables, for exports, imports and backups.
    pub(crate) globals: Option<Rc<dyn GlobalData>>,
    handlers: Vec<(AdminArea, Rc<dyn AreaHandler>)>,
}

impl Plane {
    /// Sets `handler` to answer the routes of `area`; the last one attached counts.
    pub(crate) fn attach(&mut self, area: AdminArea, handler: impl AreaHandler) {
        self.handlers.retain(|(known, _)| *known != area);
        self.handlers.push((area, Rc::new(handler)));
    }

    /// Sets `handler` to answer the routes of `area` unless another one does.
    pub(crate) fn attach_default(&mut self, area: AdminArea, handler: impl AreaHandler) {
        if self.area(area).is_none() {
            self.attach(area, handler);
        }
    }

    /// Returns a workflow by its binding name.
    pub(crate) fn workflow(&self, name: &str) -> Result<&dyn Workflow, LunoraError> {
        let found = self.workflows.iter().find(|(known, _)| known == name);
        found.map(|(_, workflow)| &**workflow).ok_or_else(|| {
            LunoraError::new(
                Code::WorkflowsNotConfigured,
                format!("there is no workflow `{name}`: call `.workflow(..)` on the builder"),
            )
        })
    }

    /// Returns the handler of a route. If no storage is configured, snapshots are read in its
    /// place.
    fn handler(&self, route: &table::AdminRoute, method: &Method) -> Option<&dyn AreaHandler> {
        const STORAGE: [&str; 2] = ["/_lunora/admin/storage", "/_lunora/admin/storage/object"];
        let reads_objects = *method == Method::GET && STORAGE.contains(&route.path);
        self.area(route.area).or_else(|| self.area(AdminArea::Backups).filter(|_| reads_objects))
    }

    /// Attaches the global tables.
    pub(crate) fn attach_globals(&mut self, tables: impl GlobalTables) {
        let tables: Rc<dyn GlobalTables> = Rc::new(tables);
        self.globals = Some(Rc::new(Moved::new(tables.clone())));
        self.attach(AdminArea::Global, Globals(tables));
    }

    fn area(&self, area: AdminArea) -> Option<&dyn AreaHandler> {
        self.handlers.iter().find(|(known, _)| *known == area).map(|(_, handler)| &**handler)
    }
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.handlers.iter().map(|(area, _)| area)).finish()
    }
}

/// Answers the routes of one area.
pub(crate) trait AreaHandler: 'static {
    /// Answers a request that passed the gate. Its method is one that its row of the table allows.
    fn handle<'a>(
        &'a self,
        call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>>;

    /// Returns the shards that the area knows besides those of the registry.
    fn known_shards<'a>(
        &'a self,
        _host: &'a dyn AdminHost,
        _token: &'a AdminToken,
    ) -> Option<LocalBoxFuture<'a, Result<KnownShards, LunoraError>>> {
        None
    }

    /// Returns the health check of the area; `token` is for the hop to a shard.
    fn health_check<'a>(
        &'a self,
        _host: &'a dyn AdminHost,
        _token: Option<&'a AdminToken>,
    ) -> Option<HealthCheck<'a>> {
        None
    }
}

/// A critical health check of an area.
pub(crate) struct HealthCheck<'a> {
    name: &'static str,
    /// `true` if it probes a binding: it takes part in readiness, and can be switched off.
    of_binding: bool,
    /// Runs the check; may return a remark about a check that is up.
    run: LocalBoxFuture<'a, Result<Option<String>, LunoraError>>,
}

/// The pools that limit how many calls run at once.
pub(crate) trait Pools {
    /// Releases a place: `instance` is the scheduler that assigned it, `id` the call that held it.
    fn release<'a>(
        &'a self,
        instance: Option<&'a str>,
        pool: &'a str,
        id: Option<&'a str>,
        deadline: Deadline<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// The Worker around the plane.
pub(crate) trait AdminHost {
    /// Returns the variables and secrets.
    fn env(&self) -> &dyn Environment;
    /// Returns the context of the invocation.
    fn execution(&self) -> &dyn ExecutionContext;
    /// Returns whether a socket may be opened from the page that the request comes from, if any.
    fn trusts_origin(&self, request: &Request) -> bool;
    /// Returns the clock.
    fn clock(&self) -> &dyn Clock;
    /// Returns the shard of a key, placed according to the settings.
    fn shard(&self, key: ShardKey) -> ResolvedShard;
    /// Returns the timeout of a Durable Object.
    fn deadline(&self) -> Deadline<'_>;
    /// Returns the shard of calls that name none.
    fn default_shard_key(&self) -> &ShardKey;
    /// Returns the snapshots, if the deployment has a backup; `token` is for the hop to a shard.
    fn backups(&self, token: &AdminToken) -> Option<Backups>;
    /// Returns the admin operations of all shards, if the deployment lists them.
    fn shard_admin(&self, token: &AdminToken) -> Option<ShardAdmin>;
    /// Returns the rules that assign imported rows to shards.
    fn sharding(&self) -> &Sharding;
    /// Returns the jobs that run by cron.
    fn cron_jobs(&self) -> &[CronJob];
    /// Runs one job now.
    fn run_cron_job<'a>(&'a self, job: &'a CronJob) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
    /// Returns the queues that have a handler.
    fn queues(&self) -> Vec<&str>;
    /// Gives a batch to the handler of its queue, and returns the decision on each message; `None`
    /// without a handler.
    fn run_queue<'a>(
        &'a self,
        batch: &'a QueueBatch,
    ) -> Option<LocalBoxFuture<'a, Vec<QueueDecision>>>;
    /// Runs every handler that is registered for a trigger.
    fn run_trigger(&self, event: ScheduledEvent) -> LocalBoxFuture<'_, Result<(), LunoraError>>;
}

/// The plane of one event, and everything around it.
pub(crate) struct Context<'a, E> {
    pub(crate) gate: &'a Gate<E>,
    /// The admin token; absent if the deployment has none.
    pub(crate) token: Option<&'a AdminToken>,
    pub(crate) plane: &'a Plane,
    pub(crate) host: &'a dyn AdminHost,
    pub(crate) env: &'a E,
}

/// Returns whether the plane answers a path.
pub(crate) fn owns(path: &str) -> bool {
    matches!(
        path,
        paths::HEALTH | paths::HEALTH_READY | paths::SCHEDULER_DISPATCH | paths::OPERATOR_PAGE
    ) || path.starts_with(paths::ADMIN)
        || table::find(path).is_some()
}

/// Returns the largest body of a path of the plane, in bytes.
pub(crate) fn max_body(path: &str) -> usize {
    table::find(path).map_or(paths::MAX_BODY, |route| route.max_body)
}

/// Answers an uptime monitor or a load balancer.
pub(crate) async fn health<E: Environment>(
    context: &Context<'_, E>,
    request: Request,
) -> Result<Answer, LunoraError> {
    const ALLOW: &str = "GET, HEAD";

    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(Answer::BareMethodNotAllowed(ALLOW));
    }
    let Context { plane, host, token, .. } = *context;
    if plane.health.is_admin_only() && !context.admits(&request).await {
        return Err(gate::refusal(token, None));
    }
    let phase =
        if request.path() == paths::HEALTH_READY { Phase::Readiness } else { Phase::Aggregate };
    let own = plane.handlers.iter();
    let own = own.filter_map(|(_, handler)| handler.health_check(host, token)).collect();
    plane.health.answer(host, phase, &request, own).await.map(Answer::Response)
}

/// Answers the page of operators to everybody: it holds no data, and what it calls is gated.
pub(crate) fn page(plane: &Plane, method: &Method) -> Answer {
    match (plane.page, method) {
        (None, _) => Answer::NotFound,
        (Some(page), &Method::GET | &Method::HEAD) => Answer::Response(page()),
        (Some(_), _) => Answer::MethodNotAllowed("GET, HEAD"),
    }
}

/// Answers a request to a path that the plane [owns].
///
/// The order: a bare 405 for some routes, the gate, 404, 405, the handler.
pub(crate) async fn answer<E: Environment>(
    context: &Context<'_, E>,
    request: Request,
) -> Result<Answer, LunoraError> {
    let route = table::find(request.path());
    let wrong_method = route.filter(|route| !route.allows(request.method().as_str()));
    if let Some(route) = wrong_method
        && route.bare_405
    {
        return Ok(Answer::BareMethodNotAllowed(route.allow));
    }
    let Context { plane, host, token, .. } = *context;
    let admitted = context.admits(&request).await
        || (route.is_some_and(|route| route.socket) && context.admits_socket(&request));
    if !admitted {
        return Err(gate::refusal(token, route));
    }
    let Some(route) = route else {
        return Ok(Answer::NotFound);
    };
    if wrong_method.is_some() {
        return Ok(Answer::MethodNotAllowed(route.allow));
    }
    let call = AdminCall { request, max_body: route.max_body, plane, host, token };
    let handled = match (route.area, plane.handler(route, call.method())) {
        (AdminArea::Core, _) => core::answer(call).await,
        (_, Some(handler)) => handler.handle(call).await,
        (_, None) => unconfigured::answer(route, call.method().as_str()),
    };
    handled.map(Answer::Response)
}

/// An answer of the plane; the pipeline formats the refusals.
pub(crate) enum Answer {
    /// A complete response.
    Response(Response),
    /// 404, as for any unknown path.
    NotFound,
    /// 405 in the form of an error, with the allowed methods.
    MethodNotAllowed(&'static str),
    /// 405 without a body, with the allowed methods.
    BareMethodNotAllowed(&'static str),
}

/// Returns the error of an area for a route that is in its table but not in its handler.
pub(crate) fn unhandled(call: &AdminCall<'_>) -> LunoraError {
    LunoraError::internal(format!("no handler for {} {}", call.method(), call.request.path()))
}

//! `/_lunora/admin/*` and its neighbours: the Worker around the [plane](crate::admin).

use futures::future::LocalBoxFuture;
use http::Method;

use super::{Lunora, answers};
use crate::{
    admin::{self, AdminHost, Answer},
    backup::Backups,
    coordinator::{ShardAdmin, Sharding},
    errors::LunoraError,
    jobs::CronJob,
    message::{Request, Response},
    platform::{
        Clock, Deadline, Environment, ExecutionContext, QueueBatch, QueueDecision, ResolvedShard,
        ScheduledEvent,
    },
    wire::{AdminToken, ShardKey, paths},
};

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    request: Request,
    env: &E,
    execution: &dyn ExecutionContext,
) -> Result<Response, LunoraError> {
    let settings = &app.settings;
    let (gate, plane) = (&settings.admin_gate, &settings.admin);
    let token = gate.token(settings.admin_token.as_ref(), env);
    let host = Host { app, env, execution };
    let context = admin::Context { gate, token, plane, host: &host, env };
    let is_head = *request.method() == Method::HEAD;
    let answer = match request.path() {
        paths::OPERATOR_PAGE => admin::page(plane, request.method()),
        paths::HEALTH | paths::HEALTH_READY => admin::health(&context, request).await?,
        paths::SCHEDULER_DISPATCH if *request.method() != Method::POST => {
            Answer::MethodNotAllowed("POST")
        }
        paths::SCHEDULER_DISPATCH => {
            Answer::Response(admin::dispatch::answer(&context, request).await?)
        }
        _ => admin::answer(&context, request).await?,
    };
    Ok(match answer {
        Answer::Response(response) if is_head => answers::without_body(response),
        Answer::Response(response) => response,
        Answer::NotFound => answers::not_found(),
        Answer::MethodNotAllowed(allow) => answers::method_not_allowed(allow),
        Answer::BareMethodNotAllowed(allow) => answers::bare_method_not_allowed(allow),
    })
}

struct Host<'a, E> {
    app: &'a Lunora<E>,
    env: &'a E,
    execution: &'a dyn ExecutionContext,
}

impl<E: Environment> AdminHost for Host<'_, E> {
    fn env(&self) -> &dyn Environment {
        self.env
    }

    fn execution(&self) -> &dyn ExecutionContext {
        self.execution
    }

    fn trusts_origin(&self, request: &Request) -> bool {
        self.app.edge(self.env).guard_upgrade(request).is_ok()
    }

    fn clock(&self) -> &dyn Clock {
        &*self.app.settings.clock
    }

    fn shard(&self, key: ShardKey) -> ResolvedShard {
        self.app.shard(key)
    }

    fn deadline(&self) -> Deadline<'_> {
        self.app.deadline()
    }

    fn default_shard_key(&self) -> &ShardKey {
        &self.app.settings.default_shard_key
    }

    fn backups(&self, token: &AdminToken) -> Option<Backups> {
        let (config, _) = self.app.settings.backup.as_ref()?;
        self.app.backups_by(config, token)
    }

    fn shard_admin(&self, token: &AdminToken) -> Option<ShardAdmin> {
        let coordinator = self.app.settings.query_coordinator.clone()?;
        Some(self.app.shard_admin(coordinator, token))
    }

    fn sharding(&self) -> &Sharding {
        &self.app.settings.sharding
    }

    fn cron_jobs(&self) -> &[CronJob] {
        self.app.settings.cron_jobs.list()
    }

    fn run_cron_job<'a>(&'a self, job: &'a CronJob) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        self.app.settings.cron_jobs.run(self.app, job, None)
    }

    fn queues(&self) -> Vec<&str> {
        self.app.settings.queues.iter().map(|queue| &*queue.name).collect()
    }

    fn run_queue<'a>(
        &'a self,
        batch: &'a QueueBatch,
    ) -> Option<LocalBoxFuture<'a, Vec<QueueDecision>>> {
        self.app.run_own_queue(batch, self.env, self.execution)
    }

    fn run_trigger(&self, event: ScheduledEvent) -> LocalBoxFuture<'_, Result<(), LunoraError>> {
        Box::pin(async move {
            let ran = self.app.scheduled(event, self.env, self.execution).await;
            ran.map_err(LunoraError::internal)
        })
    }
}

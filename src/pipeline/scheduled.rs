//! Cron triggers.

use std::{fmt, marker::PhantomData};

use futures::{
    StreamExt,
    future::{FutureExt, LocalBoxFuture, join_all, ready},
    stream,
};

use super::{
    Lunora,
    backup::BackupTask,
    functions::Caller,
    hooks::{IntoOutcome, RouteContext},
};
use crate::{
    errors::{Code, LunoraError},
    jobs::CronJob,
    log,
    platform::{CronExpression, Environment, ExecutionContext, ScheduledEvent},
    wire::ShardKey,
};

impl<E: Environment> Lunora<E> {
    /// Runs everything that is registered for the trigger of `event`, concurrently.
    ///
    /// One failure hides no other: all handlers run to their end. A trigger without a registration
    /// is a warning in the log that lists the registered ones.
    ///
    /// # Errors
    /// Every failure, together. [`serve!`](crate::serve) rejects with it, so that the platform
    /// shows the invocation as failed.
    pub async fn scheduled(
        &self,
        event: ScheduledEvent,
        env: &E,
        ctx: &dyn ExecutionContext,
    ) -> Result<(), ScheduledError> {
        self.span_of_event(env).run(self.run_trigger(event, env, ctx)).await
    }

    async fn run_trigger(
        &self,
        event: ScheduledEvent,
        env: &E,
        ctx: &dyn ExecutionContext,
    ) -> Result<(), ScheduledError> {
        let caller = Caller::server(self, env);
        let ctx = RouteContext::of_server(ctx, &caller);
        let handlers = self.settings.crons.matching(&event);
        let mut runs: Vec<LocalBoxFuture<'_, Result<(), LunoraError>>> =
            handlers.map(|job| job.run(event.clone(), env, &ctx)).collect();
        runs.extend(self.cron_jobs_of(&event));
        if let Some((config, run)) = &self.settings.backup {
            let tasks = BackupTask::of_trigger(config, event.cron());
            runs.extend(tasks.map(|task| run(self, config, task, &event)));
        }
        if let Some(host) = self.settings.host_job.as_ref().filter(|_| !self.has_triggers()) {
            runs.push(host.run(event.clone(), env, &ctx));
        }
        if runs.is_empty() {
            log::warn(&self.unknown_trigger(&event));
            return Ok(());
        }
        let outcomes = join_all(runs).await;
        let failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(ScheduledError { cron: event.cron().to_owned(), failures })
        }
    }

    /// Returns the runs of every job that the trigger starts; each failure names its job.
    fn cron_jobs_of<'a>(
        &'a self,
        event: &ScheduledEvent,
    ) -> impl Iterator<Item = LocalBoxFuture<'a, Result<(), LunoraError>>> {
        let (cron, due_ms) = (event.cron().to_owned(), event.scheduled_time_ms());
        let jobs = &self.settings.cron_jobs;
        let due = jobs.list().iter().filter(move |job| job.cron().as_str() == cron);
        due.map(move |job| {
            let ended = jobs.run(self, job, Some(due_ms));
            let named = |error| {
                let message = format!("the cron job `{}` failed", job.name());
                LunoraError::new(Code::CronJobFailed, message).with_source(error)
            };
            ended.map(move |outcome| outcome.map_err(named)).boxed_local()
        })
    }

    /// Returns whether any handler, job or backup is registered for a trigger.
    fn has_triggers(&self) -> bool {
        let settings = &self.settings;
        settings.crons.expressions().next().is_some()
            || !settings.cron_jobs.list().is_empty()
            || settings.backup.is_some()
    }

    fn unknown_trigger(&self, event: &ScheduledEvent) -> String {
        let mut known: Vec<&str> = self.settings.crons.expressions().collect();
        known.extend(self.settings.cron_jobs.list().iter().map(|job| job.cron().as_str()));
        if let Some((config, _)) = &self.settings.backup {
            known.push(config.cron().as_str());
            known.extend(config.resume().map(CronExpression::as_str));
            known.extend(config.drill().map(CronExpression::as_str));
        }
        format!(
            "the trigger `{}` fired and nothing is registered for it; registered are: {}",
            event.cron(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )
    }
}

/// The jobs of an application, and what runs them.
pub(crate) struct CronJobs<E> {
    list: Vec<CronJob>,
    /// Chosen with the first job, so that a Worker without one does not link it.
    run: CronJobRunner<E>,
}

/// Runs a job, with the time at which its trigger was due, if that is why it runs.
type CronJobRunner<E> = for<'a> fn(
    &'a Lunora<E>,
    &'a CronJob,
    Option<i64>,
) -> LocalBoxFuture<'a, Result<(), LunoraError>>;

impl<E> CronJobs<E> {
    /// Adds a job, in the place of one with the same name.
    pub(crate) fn push(&mut self, job: CronJob) {
        self.list.retain(|known| known.name() != job.name());
        self.list.push(job);
        self.run = |app, job, due_ms| Box::pin(app.run_cron_job(job, due_ms));
    }

    pub(super) fn list(&self) -> &[CronJob] {
        &self.list
    }

    /// Runs one of the jobs.
    pub(super) fn run<'a>(
        &self,
        app: &'a Lunora<E>,
        job: &'a CronJob,
        due_ms: Option<i64>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        (self.run)(app, job, due_ms)
    }
}

impl<E> Default for CronJobs<E> {
    fn default() -> Self {
        Self { list: Vec::new(), run: |_, _, _| Box::pin(ready(Ok(()))) }
    }
}

impl<E> Lunora<E> {
    async fn run_cron_job(&self, job: &CronJob, due_ms: Option<i64>) -> Result<(), LunoraError> {
        let default_key = &self.settings.default_shard_key;
        let run = async |key| job.run(due_ms, key, &|key| self.shard(key), self.deadline()).await;
        let Some(table) = job.table() else { return run(default_key).await };
        let Some(coordinator) = &self.settings.query_coordinator else {
            let message = "a job on each shard needs the list of shards: call `.query_coordinator(..)` on the builder";
            return Err(LunoraError::new(Code::Misconfigured, message));
        };
        let keys = coordinator.shards_of(table, default_key).await?;
        let run = &run;
        let runs = keys.iter().map(|key| async move { (key, run(key).await) });
        let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(ABREAST).collect().await;
        failure_of(job, outcomes)
    }
}

/// The shards on which a job runs at a time.
const ABREAST: usize = 16;

/// Logs every failure of a job on several shards, and returns the first.
fn failure_of(
    job: &CronJob,
    outcomes: Vec<(&ShardKey, Result<(), LunoraError>)>,
) -> Result<(), LunoraError> {
    let shards = outcomes.len();
    let failures: Vec<(&ShardKey, LunoraError)> =
        outcomes.into_iter().filter_map(|(key, outcome)| Some((key, outcome.err()?))).collect();
    for (key, error) in &failures {
        log::error(&format!(
            "the cron job `{}` on {:?}: {}",
            job.name(),
            key.as_str(),
            error.to_log_line()
        ));
    }
    let failed = failures.len();
    let Some((key, error)) = failures.into_iter().next() else { return Ok(()) };
    let message = format!("it failed on {failed} of {shards} shards, first on {:?}", key.as_str());
    Err(LunoraError::new(Code::CronJobFailed, message).with_source(error))
}

/// The failures of every handler of a scheduled run.
#[derive(Debug)]
pub struct ScheduledError {
    cron: String,
    failures: Vec<LunoraError>,
}

impl ScheduledError {
    /// Returns each failure, in the order in which the handlers were registered.
    #[must_use]
    pub fn failures(&self) -> &[LunoraError] {
        &self.failures
    }
}

impl fmt::Display for ScheduledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trigger `{}` failed", self.cron)?;
        for failure in &self.failures {
            write!(f, "; {}", failure.to_log_line())?;
        }
        Ok(())
    }
}

impl std::error::Error for ScheduledError {}

/// The cron handlers of an application.
pub(crate) struct CronTable<E>(Vec<(CronExpression, Box<dyn Job<E>>)>);

impl<E: 'static> CronTable<E> {
    pub(crate) fn push<F, R>(&mut self, cron: CronExpression, handler: F)
    where
        F: AsyncFn(ScheduledEvent, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoOutcome + 'static,
    {
        self.0.push((cron, Box::new(JobFn(handler, PhantomData))));
    }
}

impl<E> CronTable<E> {
    fn matching(&self, event: &ScheduledEvent) -> impl Iterator<Item = &dyn Job<E>> {
        self.0.iter().filter(|(cron, _)| cron.as_str() == event.cron()).map(|(_, job)| &**job)
    }

    fn expressions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(cron, _)| cron.as_str())
    }
}

impl<E> Default for CronTable<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E> fmt::Debug for CronTable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.expressions()).finish()
    }
}

/// A cron handler without the type of its closure.
pub(crate) trait Job<E> {
    fn run<'a>(
        &'a self,
        event: ScheduledEvent,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

struct JobFn<F, R>(F, PhantomData<fn() -> R>);

impl<E, F, R> Job<E> for JobFn<F, R>
where
    E: 'static,
    F: AsyncFn(ScheduledEvent, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoOutcome + 'static,
{
    fn run<'a>(
        &'a self,
        event: ScheduledEvent,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move { (self.0)(event, env, ctx).await.into_outcome() })
    }
}

//! The setters of cron triggers.

use super::{Builder, state::State};
use crate::{
    jobs::CronJob,
    pipeline::{hooks::RouteContext, scheduled::IntoOutcome},
    platform::{CronExpression, ScheduledEvent},
};

/// What runs on a cron.
impl<S: State, E: 'static> Builder<S, E> {
    /// Runs `handler` when the trigger `cron` fires. May be called once per handler; all that match
    /// run, and one failure hides no other.
    ///
    /// The expression is compared with the trigger's as text, so it must equal the one of
    /// `triggers.crons` in `wrangler.jsonc`.
    pub fn cron<F, R>(mut self, cron: CronExpression, handler: F) -> Self
    where
        F: AsyncFn(ScheduledEvent, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoOutcome + 'static,
    {
        self.settings.crons.push(cron, handler);
        self
    }

    /// Runs a named job when its trigger fires: a function of a shard, or a workflow. May be called
    /// once per job; all that match run beside the handlers of [`cron`](Self::cron), and one
    /// failure hides no other.
    ///
    /// Of two jobs with the same name the later replaces the earlier.
    ///
    /// ```
    /// use lunora::{Response, cron, schedule::CronJob, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .cron_job(CronJob::function("sweep", cron!("0 * * * *"), "messages:sweep"))
    ///     .build();
    /// # let _ = app;
    /// ```
    pub fn cron_job(mut self, job: CronJob) -> Self {
        self.settings.cron_jobs.retain(|known| known.name() != job.name());
        self.settings.cron_jobs.push(job);
        self
    }

    /// Adds several [jobs](Self::cron_job).
    pub fn cron_jobs(self, jobs: impl IntoIterator<Item = CronJob>) -> Self {
        jobs.into_iter().fold(self, Self::cron_job)
    }
}

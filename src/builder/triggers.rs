//! The setters of cron triggers, queues and e-mails.

use std::rc::Rc;

use super::{
    Builder,
    state::{SetEmail, State, once},
};
use crate::{
    jobs::CronJob,
    pipeline::{
        events,
        hooks::{EmailFn, IntoOutcome, QueueFn, RouteContext},
    },
    platform::{CronExpression, Email, Environment, QueueBatch, ScheduledEvent},
};

/// Handlers of events that are no requests.
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
        self.settings.cron_jobs.push(job);
        self
    }

    /// Adds several [jobs](Self::cron_job).
    pub fn cron_jobs(self, jobs: impl IntoIterator<Item = CronJob>) -> Self {
        jobs.into_iter().fold(self, Self::cron_job)
    }

    /// Handles the batches of the queue `name`. May be called once per queue.
    ///
    /// The handler decides on each message: [`ack`](crate::events::QueueMessage::ack),
    /// [`retry`](crate::events::QueueMessage::retry) or
    /// [`retry_after`](crate::events::QueueMessage::retry_after). A message without a decision is
    /// acknowledged if the handler succeeds. If it fails, each message that it did not acknowledge is
    /// delivered again; a panic delivers the whole batch again. So a handler must tolerate a message
    /// that it has seen before.
    ///
    /// The platform delivers to `serve!(app, queue)`, see [`serve!`](crate::serve). Operators deliver
    /// to `POST /_lunora/queue`. Of two handlers of the same queue the later replaces the earlier.
    ///
    /// ```
    /// use lunora::{LunoraError, Response, function, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .queue("thumbnails", async |batch, _env, ctx| {
    ///         for message in batch.messages() {
    ///             let made = ctx.run_mutation::<()>(function!("images:thumbnail"), message.body());
    ///             match made.await {
    ///                 Ok(()) => message.ack(),
    ///                 Err(_) => message.retry(),
    ///             }
    ///         }
    ///     })
    ///     .build();
    /// # let _ = app;
    /// ```
    pub fn queue<F, R>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        E: Environment,
        F: AsyncFn(&QueueBatch, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoOutcome + 'static,
    {
        let name = name.into();
        let queues = &mut self.settings.queues;
        queues.retain(|known| known.name != name);
        let handler = Box::new(QueueFn::new(handler));
        queues.push(events::Queue { name, handler, run: events::run::<E> });
        #[cfg(feature = "admin")]
        {
            use crate::admin::{AdminArea, Queues};

            self.settings.admin.attach(AdminArea::Queues, Queues);
        }
        self
    }

    /// Handles the e-mails that Email Routing sends to the Worker.
    ///
    /// An e-mail that is neither [forwarded](Email::forward) nor [rejected](Email::reject) is accepted
    /// and dropped. If the handler fails, its sender gets a temporary error. The platform delivers to
    /// `serve!(app, email)`, see [`serve!`](crate::serve).
    ///
    /// ```
    /// use lunora::{LunoraError, Response, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .email(async |email, _env, _ctx| match email.header("subject") {
    ///         Some(_) => email.forward("inbox@example.com").await,
    ///         None => email.reject("a subject is required").await,
    ///     })
    ///     .build();
    /// # let _ = app;
    /// ```
    pub fn email<F, R>(mut self, handler: F) -> Builder<SetEmail<S>, E>
    where
        F: AsyncFn(Email, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoOutcome + 'static,
        S::Email: once::Email,
    {
        self.settings.email = Some(Rc::new(EmailFn::new(handler)));
        self.advance()
    }
}

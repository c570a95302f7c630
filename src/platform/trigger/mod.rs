//! The events of the platform beside requests: cron triggers, batches of queues, e-mails.

mod cron;
mod email;
mod queue;

pub use self::{
    cron::{CronError, CronExpression},
    email::{Email, EmailHost},
    queue::{QueueBatch, QueueDecision, QueueMessage},
};

/// The event of a trigger that fired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScheduledEvent {
    cron: String,
    scheduled_time_ms: i64,
}

impl ScheduledEvent {
    /// Returns the event of the trigger `cron` for `scheduled_time_ms`, in milliseconds since 1970.
    pub fn new(cron: impl Into<String>, scheduled_time_ms: i64) -> Self {
        Self { cron: cron.into(), scheduled_time_ms }
    }

    /// Returns the expression of the trigger, as `triggers.crons` of `wrangler.jsonc` has it.
    #[must_use]
    pub fn cron(&self) -> &str {
        &self.cron
    }

    /// Returns when the trigger was due, in milliseconds since 1970. The run may be later.
    #[must_use]
    pub fn scheduled_time_ms(&self) -> i64 {
        self.scheduled_time_ms
    }
}

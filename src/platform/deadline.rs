//! The time that a Durable Object has to answer.

use std::time::Duration;

use super::{Clock, within};
use crate::errors::{Code, LunoraError};

/// The time that a Durable Object has to answer the Worker: `shard_timeout` of the builder.
#[derive(Clone, Copy)]
pub(crate) struct Deadline<'a> {
    clock: &'a dyn Clock,
    timeout: Duration,
    /// The start of the time, in milliseconds since 1970; each request starts its own if absent.
    began_ms: Option<u64>,
}

impl<'a> Deadline<'a> {
    pub(crate) fn new(clock: &'a dyn Clock, timeout: Duration) -> Self {
        Self { clock, timeout, began_ms: None }
    }

    /// Returns the deadline with its time running, for several requests that share it.
    pub(crate) fn starting_now(self) -> Self {
        Self { began_ms: Some(self.clock.now_ms()), ..self }
    }

    /// Runs a request to `object` until the time is up, and drops it then, which aborts it. After
    /// that time it does not run.
    ///
    /// # Errors
    /// `SHARD_UNAVAILABLE` after the deadline, and not `SHARD_TIMEOUT`: clients repeat a queued
    /// write on the former and drop it on the latter.
    pub(crate) async fn run<T>(
        self,
        object: &str,
        request: impl Future<Output = T>,
    ) -> Result<T, LunoraError> {
        let left = self.timeout.saturating_sub(self.elapsed());
        if left.is_zero() && self.began_ms.is_some() {
            return Err(Self::not_asked(object, self.timeout));
        }
        match within(self.clock, left, request).await {
            Some(output) => Ok(output),
            None => Err(Self::passed(object, self.timeout)),
        }
    }

    /// Returns the error of a request to `object` that was not sent, because the time was up.
    pub(crate) fn not_asked(object: &str, timeout: Duration) -> LunoraError {
        let limit = timeout.as_millis();
        let message = format!(
            "{object} was not asked: requests before it took {limit} ms; send the call again"
        );
        LunoraError::new(Code::ShardUnavailable, message)
    }

    /// Returns the error of a request to `object` that was not answered in time.
    pub(crate) fn passed(object: &str, timeout: Duration) -> LunoraError {
        let limit = timeout.as_millis();
        let message = format!(
            "{object} timed out after {limit} ms: the call may have run; repeat a mutation with the same id"
        );
        LunoraError::new(Code::ShardUnavailable, message)
    }

    fn elapsed(self) -> Duration {
        // Reading the clock costs a crossing into JavaScript.
        let Some(began_ms) = self.began_ms else { return Duration::ZERO };
        Duration::from_millis(self.clock.now_ms().saturating_sub(began_ms))
    }
}

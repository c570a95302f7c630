//! The time that a Durable Object has to answer.

use std::time::Duration;

use super::{Clock, within};
use crate::errors::{Code, LunoraError};

/// The time that a Durable Object has to answer the Worker: `shard_timeout` of the builder.
#[derive(Clone, Copy)]
pub(crate) struct Deadline<'a> {
    clock: &'a dyn Clock,
    timeout: Duration,
}

impl<'a> Deadline<'a> {
    pub(crate) fn new(clock: &'a dyn Clock, timeout: Duration) -> Self {
        Self { clock, timeout }
    }

    /// Runs a request to `object` until the time is up, and drops it then, which aborts it.
    ///
    /// # Errors
    /// `SHARD_UNAVAILABLE` after the deadline, and not `SHARD_TIMEOUT`: clients repeat a queued
    /// write on the former and drop it on the latter.
    pub(crate) async fn run<T>(
        self,
        object: &str,
        request: impl Future<Output = T>,
    ) -> Result<T, LunoraError> {
        match within(self.clock, self.timeout, request).await {
            Some(output) => Ok(output),
            None => Err(Self::passed(object, self.timeout)),
        }
    }

    /// Returns the error of a request to `object` that was not answered in time.
    pub(crate) fn passed(object: &str, timeout: Duration) -> LunoraError {
        let limit = timeout.as_millis();
        let message = format!(
            "{object} timed out after {limit} ms: the call may have run; repeat a mutation with the same id"
        );
        LunoraError::new(Code::ShardUnavailable, message)
    }
}

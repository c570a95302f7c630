//! Calls that crash the instance: a client repeats a write that got a plain 500, so one that crashes
//! every time would be repeated for ever, and every write behind it would wait.
//!
//! The host counts how often an instance died while a call with an id was running. After
//! [`MAX_CRASHES`] the call does not run, and is answered with a coded error, which is final for a
//! client.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use super::replies::Replay;
use crate::{
    errors::{Code, LunoraError},
    platform::ShardHost,
};

/// The crashes of one isolate after which a call is not run again.
const MAX_CRASHES: u32 = 3;

/// A call with an id, whose crashes the host counts.
pub(crate) struct Counted<'a> {
    host: &'a dyn ShardHost,
    key: Option<String>,
}

impl<'a> Counted<'a> {
    pub(crate) fn new(host: &'a dyn ShardHost, replay: Option<&Replay>) -> Self {
        Self { host, key: replay.and_then(Replay::key) }
    }

    /// Runs `work`, unless the call crashed too often.
    ///
    /// # Errors
    /// 500 `INTERNAL` for a call that crashed too often; else the error of `work`.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        let Some(key) = &self.key else { return work() };
        let crashes = self.host.begin_call(key);
        let result = if crashes < MAX_CRASHES { work() } else { Err(crashed(crashes)) };
        self.host.end_call();
        result
    }

    /// Runs a future, as [`run`](Self::run) does: it can crash only during a poll.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) async fn run_future<T>(
        &self,
        work: impl Future<Output = Result<T, LunoraError>>,
    ) -> Result<T, LunoraError> {
        let mut work = pin!(work);
        poll_fn(|context| {
            let mut polled = None;
            let ran = self.run(|| {
                polled = Some(work.as_mut().poll(context));
                Ok(())
            });
            match (ran, polled) {
                (Err(error), _) => std::task::Poll::Ready(Err(error)),
                (Ok(()), Some(polled)) => polled,
                (Ok(()), None) => std::task::Poll::Pending,
            }
        })
        .await
    }
}

fn crashed(crashes: u32) -> LunoraError {
    LunoraError::new(
        Code::Internal,
        format!(
            "the call crashed the instance {crashes} times and is not run again: find the panic in the log, and deploy a function without it"
        ),
    )
}

//! The clock of the host.

use std::{future::Future, pin::pin, time::Duration};

use futures::future::{Either, LocalBoxFuture, select};

/// A clock: a Worker reads the time from its host.
///
/// `std::time` panics in wasm. On the real runtime the clock stands still between two I/O
/// operations.
pub trait Clock: 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;
}

/// Returns a time in whole milliseconds, the unit of [`Clock::now_ms`].
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Waits for `call`; after `limit` it drops the call, which aborts it, and returns `None`.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    call: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(call), clock.sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

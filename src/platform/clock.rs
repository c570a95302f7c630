//! The time, which a Worker has to ask its host for.

use std::{future::Future, pin::pin, time::Duration};

use futures::future::{Either, LocalBoxFuture, select};

/// The time: what a Worker has to ask its host for.
///
/// `std::time` panics in wasm. On the real runtime the clock stands still between two I/O
/// operations.
pub trait Clock: 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;
}

/// Waits for `call` until `limit` has passed, and drops it then, which aborts it: `None`.
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

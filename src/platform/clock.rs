//! The time, which a Worker has to ask its host for.

use std::time::Duration;

use futures::future::LocalBoxFuture;

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

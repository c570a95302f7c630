//! Keeps rare work out of functions that every request runs.

use futures::future::LocalBoxFuture;

/// Boxes the future of a rare branch.
///
/// A future that is awaited in place becomes part of the function that awaits it. V8 compiles a
/// function of wasm whole when it is first called, so that the first request would wait for code
/// that it does not run.
#[inline(never)]
pub(crate) fn rare<'a, T>(future: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, T> {
    Box::pin(future)
}

//! Work that outlives its request.

use futures::future::LocalBoxFuture;

/// The context of one invocation: it keeps work alive after the response is sent.
pub trait ExecutionContext {
    /// Keeps the invocation alive until `task` is done. The response does not wait for it.
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>);

    /// Lets the origin answer if the Worker throws, on hosts that support it.
    fn pass_through_on_exception(&self) {}
}

/// Lets the host keep the current event alive until `task` is done.
pub(super) fn keep_alive(task: LocalBoxFuture<'static, ()>) {
    #[cfg(target_arch = "wasm32")]
    super::cloudflare::keep_alive(task);
    #[cfg(not(target_arch = "wasm32"))]
    drop(task);
}

/// An [`ExecutionContext`] for callers that have none.
///
/// Its tasks never run, because nothing would keep them alive.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoopExecutionContext;

impl ExecutionContext for NoopExecutionContext {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        drop(task);
    }
}

//! Work that outlives its request.

use futures::future::LocalBoxFuture;

/// The host's hold on one invocation: it keeps work alive after the answer is sent.
pub trait ExecutionContext {
    /// Keeps the invocation alive until `task` is done. The answer does not wait for it.
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>);

    /// Lets the origin answer when the Worker throws, where the host can.
    fn pass_through_on_exception(&self) {}
}

/// An [`ExecutionContext`] for callers that have none.
///
/// A task handed to it never runs: there is nothing that would keep it alive.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoopExecutionContext;

impl ExecutionContext for NoopExecutionContext {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        drop(task);
    }
}

//! Work that outlives its request, until a test runs it.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    mem,
    rc::Rc,
    task::Poll,
};

use futures::{
    future::LocalBoxFuture,
    stream::{FuturesUnordered, StreamExt},
};

use crate::platform::ExecutionContext;

/// An [`ExecutionContext`] that keeps its tasks until a test [finishes](Self::finish) them.
///
/// A clone shares the tasks.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use lunora::{platform::ExecutionContext, testing::MemoryContext};
///
/// # futures::executor::block_on(async {
/// let ctx = MemoryContext::new();
/// let written = Rc::new(Cell::new(false));
/// let flag = written.clone();
/// ctx.wait_until(Box::pin(async move { flag.set(true) }));
/// assert!(!written.get()); // the answer does not wait for it
///
/// ctx.finish().await;
/// assert!(written.get());
/// # });
/// ```
#[derive(Clone, Default)]
pub struct MemoryContext {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    tasks: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    passes_through: Cell<bool>,
}

impl MemoryContext {
    /// Returns a context without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of tasks that wait to be [finished](Self::finish).
    #[must_use]
    pub fn pending(&self) -> usize {
        self.state.tasks.borrow().len()
    }

    /// Returns whether requests pass through to the origin if the Worker throws.
    #[must_use]
    pub fn passes_through(&self) -> bool {
        self.state.passes_through.get()
    }

    /// Runs every task to its end, concurrently, including tasks that they add.
    pub async fn finish(&self) {
        let mut running = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                running.extend(mem::take(&mut *self.state.tasks.borrow_mut()));
                let polled = running.poll_next_unpin(context);
                match polled {
                    Poll::Ready(Some(())) => {}
                    _ if self.pending() > 0 => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

impl ExecutionContext for MemoryContext {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        self.state.tasks.borrow_mut().push(task);
    }

    fn pass_through_on_exception(&self) {
        self.state.passes_through.set(true);
    }
}

impl fmt::Debug for MemoryContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryContext")
            .field("pending", &self.pending())
            .field("passes_through", &self.passes_through())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::{channel::oneshot, executor::block_on};

    use super::*;

    #[test]
    fn runs_what_a_task_adds_even_when_the_task_waits_for_it() {
        let context = MemoryContext::new();
        let inner = context.clone();
        let done = Rc::new(Cell::new(false));
        let flag = done.clone();
        context.wait_until(Box::pin(async move {
            let (sender, receiver) = oneshot::channel::<()>();
            inner.wait_until(Box::pin(async move {
                let _ = sender.send(());
            }));
            let _ = receiver.await;
            flag.set(true);
        }));
        block_on(context.finish());
        assert!(done.get());
        assert_eq!(context.pending(), 0);
    }

    #[test]
    fn remembers_that_the_origin_was_asked_for() {
        let context = MemoryContext::new();
        assert!(!context.passes_through());
        context.pass_through_on_exception();
        assert!(context.passes_through());
    }
}

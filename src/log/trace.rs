//! The trace that log lines and calls of shards belong to.

use std::{cell::Cell, future::poll_fn, pin::pin};

use futures::{
    StreamExt,
    stream::{self, LocalBoxStream},
};

use crate::wire::headers::Trace;

thread_local! {
    /// The trace of the future that is being polled.
    static CURRENT: Cell<Option<Trace>> = const { Cell::new(None) };
}

/// Returns the trace of the future that is being polled.
pub(crate) fn current_trace() -> Option<Trace> {
    let current = CURRENT.take();
    CURRENT.set(current.clone());
    current
}

/// Runs `future`; each line that is logged while it is polled ends with the id of its trace, and each
/// call of a shard carries the trace.
pub(crate) async fn in_trace<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    let (mut trace, mut future) = (trace, pin!(future));
    // Requests take turns between polls, so each poll sets the trace and restores the one before.
    poll_fn(|context| {
        let _entered = Entered::enter(&mut trace);
        future.as_mut().poll(context)
    })
    .await
}

/// Runs `log`; each line that it logs ends with the id of the trace.
pub(crate) fn now_in_trace<T>(mut trace: Option<Trace>, log: impl FnOnce() -> T) -> T {
    let _entered = Entered::enter(&mut trace);
    log()
}

/// Keeps `stream` in the current trace when it is polled after the future that made it.
pub(crate) fn stay_in_trace<T: 'static>(
    mut stream: LocalBoxStream<'static, T>,
) -> LocalBoxStream<'static, T> {
    let mut trace = current_trace();
    if trace.is_none() {
        return stream;
    }
    stream::poll_fn(move |context| {
        let _entered = Entered::enter(&mut trace);
        stream.poll_next_unpin(context)
    })
    .boxed_local()
}

/// Returns the line with the id of the current trace.
pub(super) fn traced(line: &str) -> String {
    match current_trace() {
        Some(trace) => [line, " [trace ", trace.trace_id(), "]"].concat(),
        None => line.to_owned(),
    }
}

/// Exchanges the current trace, and restores the one before, also where the poll panics.
struct Entered<'a>(&'a mut Option<Trace>);

impl<'a> Entered<'a> {
    fn enter(trace: &'a mut Option<Trace>) -> Self {
        *trace = CURRENT.replace(trace.take());
        Self(trace)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.0 = CURRENT.replace(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, future::join};

    use super::*;
    use crate::log;

    #[test]
    fn names_the_trace_of_each_of_two_requests_that_take_turns() {
        let logs = log::capture_logs();
        let request = |id: char, line: &'static str| async move {
            let id = id.to_string().repeat(32);
            let work = async {
                for _ in 0..2 {
                    log::error(line);
                    let mut waited = false;
                    poll_fn(|context| {
                        context.waker().wake_by_ref();
                        if std::mem::replace(&mut waited, true) {
                            std::task::Poll::Ready(())
                        } else {
                            std::task::Poll::Pending
                        }
                    })
                    .await;
                }
            };
            let trace = Trace::from_parent(&format!("00-{id}-{}-01", "1".repeat(16)));
            in_trace(trace, work).await;
        };
        block_on(async {
            join(request('a', "first"), request('b', "second")).await;
            log::warn("neither");
        });
        let (a, b) = ("a".repeat(32), "b".repeat(32));
        let (first, second) =
            (format!("error: first [trace {a}]"), format!("error: second [trace {b}]"));
        let expected = [&*first, &second, &first, &second, "warning: neither"];
        assert_eq!(logs.lines(), expected);
    }
}

//! The trace that a line of the log belongs to.

use std::{cell::Cell, future::poll_fn, pin::pin};

/// The id of a trace: 32 digits of ASCII.
type TraceId = [u8; 32];

thread_local! {
    /// The trace of the future that is being polled.
    static CURRENT: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Runs `future`; each line that is logged while it is polled ends with the id of its trace.
pub(crate) async fn in_trace<F: Future>(trace_id: &str, future: F) -> F::Output {
    let trace_id = TraceId::try_from(trace_id.as_bytes()).ok();
    let mut future = pin!(future);
    // Requests take turns between polls, so each poll sets the trace and restores the one before.
    poll_fn(|context| {
        let _entered = Entered(CURRENT.replace(trace_id));
        future.as_mut().poll(context)
    })
    .await
}

/// Runs `log`; each line that it logs ends with the id of the trace.
pub(crate) fn now_in_trace<T>(trace_id: &str, log: impl FnOnce() -> T) -> T {
    let _entered = Entered(CURRENT.replace(TraceId::try_from(trace_id.as_bytes()).ok()));
    log()
}

/// Returns the line with the id of the current trace.
pub(super) fn traced(line: &str) -> String {
    match CURRENT.get().as_ref().map(|id| str::from_utf8(id)) {
        Some(Ok(id)) => [line, " [trace ", id, "]"].concat(),
        _ => line.to_owned(),
    }
}

/// Restores the trace before, also where the poll panics.
struct Entered(Option<TraceId>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
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
            in_trace(&id, work).await;
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

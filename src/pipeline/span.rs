//! What one request or event is in its trace.

use std::{cell::RefCell, time::Duration};

use http::HeaderMap;

use super::{Lunora, record::Facts};
use crate::{
    log,
    message::{Request, Response},
    platform::{Environment, ExecutionContext},
    wire::headers::Trace,
};

/// The span of one request or event in this Worker. Every call to a shard names it as its parent.
///
/// Its ids decide nothing: a caller may choose the trace that its request belongs to.
pub(super) struct Span {
    trace: Trace,
    /// What the record of the request will say, if a setting wants one.
    facts: Option<RefCell<Facts>>,
}

impl Span {
    /// Runs `future` in the trace: its log lines name the trace, and its calls of shards carry it.
    pub(super) fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        log::in_trace(Some(self.trace.clone()), future)
    }

    /// Returns the value of `traceparent`.
    pub(super) fn parent(&self) -> &str {
        self.trace.parent()
    }

    /// Sets the trace headers of a request, in place of those that it has.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        self.trace.write(headers);
    }

    /// Adds to the record of the request, if there is one.
    pub(super) fn note(&self, note: impl FnOnce(&mut Facts)) {
        if let Some(facts) = &self.facts {
            note(&mut facts.borrow_mut());
        }
    }
}

impl<E: Environment> Lunora<E> {
    /// Begins a span in the trace of the caller if `headers` have a valid one, else in the current
    /// trace, as for an event that an operator replays, else in a new one.
    pub(super) fn span(&self, headers: &HeaderMap, env: &E) -> Span {
        self.numbers.seed(|| env.random_seed());
        let random = || self.numbers.draw();
        let trace = match Trace::of(headers).or_else(log::current_trace) {
            Some(trace) => trace.next(random),
            None => Trace::start(random),
        };
        Span { trace, facts: None }
    }

    /// Begins the span of an event, which has no headers.
    pub(super) fn span_of_event(&self, env: &E) -> Span {
        self.span(&HeaderMap::new(), env)
    }

    /// Begins the span of a request of [`fetch`](Lunora::fetch), which a record may be made of.
    pub(super) fn span_of(&self, request: &Request, env: &E, is_preflight: bool) -> Span {
        let mut span = self.span(request.headers(), env);
        if self.settings.records_requests() {
            let started_ms = self.settings.clock.now_ms();
            span.facts = Some(RefCell::new(Facts::begin(request, is_preflight, started_ms)));
        }
        span
    }

    /// Gives the record of a request to the log and to the sink. The sink begins after the response
    /// was handed over.
    pub(super) fn record(&self, span: &Span, response: &Response, ctx: &dyn ExecutionContext) {
        let Some(facts) = &span.facts else { return };
        let settings = &self.settings;
        let ids = (span.trace.trace_id(), span.trace.span_id());
        let status = response.status().as_u16();
        let record = facts.borrow().finish(status, settings.clock.now_ms(), ids);
        if let Some(log) = settings.log_requests {
            log(&record);
        }
        if let Some(sink) = &settings.on_request {
            let (sink, clock) = (sink.clone(), settings.clock.clone());
            ctx.wait_until(Box::pin(async move {
                // A timer: a sink that panics or is slow must not hold up the response.
                clock.sleep(Duration::from_millis(1)).await;
                sink.receive(record).await;
            }));
        }
    }
}

//! What one request is in its trace.

use http::HeaderMap;

use super::Lunora;
use crate::{
    platform::Environment,
    wire::headers::{TraceParent, TraceState, set_trace},
};

/// The span of one request in this Worker. Every call to a shard names it as its parent.
///
/// Its ids decide nothing: a caller may choose the trace that its request belongs to.
pub(super) struct Span {
    parent: TraceParent,
    state: Option<TraceState>,
}

impl Span {
    /// Returns the id of the trace.
    pub(super) fn trace_id(&self) -> &str {
        self.parent.trace_id()
    }

    /// Sets the trace headers of a request, in place of those that it has.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        set_trace(headers, &self.parent, self.state.as_ref());
    }
}

impl<E: Environment> Lunora<E> {
    /// Begins a span: in the trace of the caller if `headers` have a valid one, else in a new one.
    pub(super) fn span(&self, headers: &HeaderMap, env: &E) -> Span {
        self.random.seed(|| env.random_seed());
        let random = self.random.draw();
        match TraceParent::of(headers) {
            Some(caller) => Span { parent: caller.next(&random), state: TraceState::of(headers) },
            None => Span { parent: TraceParent::start(&random), state: None },
        }
    }
}

//! The setters of the records of requests.

use std::rc::Rc;

use super::{
    Builder,
    state::{SetLogRequests, SetOnRequest, State, once},
};
use crate::pipeline::record::{RequestRecord, log_request};

/// The record of each request.
impl<S: State, E: 'static> Builder<S, E> {
    /// Logs the [record](RequestRecord) of each request as one line of JSON. Default: off.
    pub fn log_requests(mut self) -> Builder<SetLogRequests<S>, E>
    where
        S::LogRequests: once::LogRequests,
    {
        self.settings.log_requests = Some(log_request);
        self.advance()
    }

    /// Gives the [record](RequestRecord) of each request to `sink`. Default: no record is made.
    ///
    /// The sink begins after the response was handed over, by a timer of the
    /// [`clock`](Self::clock), and runs in the execution context of the request. So it changes no
    /// response, however long it takes and even if it panics.
    ///
    /// ```
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// use futures::executor::block_on;
    /// use lunora::{Request, Response, routing::RequestRecord, testing};
    /// use lunora::testing::{ManualClock, MemoryContext, MemoryEnvironment, MemoryNamespace};
    ///
    /// let seen = Rc::new(RefCell::new(Vec::new()));
    /// let (sink, clock) = (seen.clone(), ManualClock::new(0));
    /// let app = testing::builder()
    ///     .shard_do(MemoryNamespace::new(async |_, _| Response::raw_json("{}")))
    ///     .clock(clock.clone())
    ///     .on_request(async move |record: RequestRecord| sink.borrow_mut().push(record.status))
    ///     .build();
    ///
    /// let ctx = MemoryContext::new();
    /// let request = Request::get("https://app.example.com/_lunora/status");
    /// block_on(app.fetch(request, &MemoryEnvironment::new(), &ctx));
    /// block_on(clock.run(ctx.finish()));
    /// assert_eq!(*seen.borrow(), [200]);
    /// ```
    pub fn on_request(
        mut self,
        sink: impl AsyncFn(RequestRecord) + 'static,
    ) -> Builder<SetOnRequest<S>, E>
    where
        S::OnRequest: once::OnRequest,
    {
        self.settings.on_request = Some(Rc::new(sink));
        self.advance()
    }
}

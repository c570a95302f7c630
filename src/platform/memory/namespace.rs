//! Shards in memory: one handler answers for all of them, and every call is recorded.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    future::pending,
    rc::Rc,
};

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use http::{HeaderMap, Method, Uri};

use super::shard::{MemoryShard, Script, Step};
use crate::{
    message::{IntoResponse, Request, Response, to_error_response},
    platform::{Clock, ShardAddress, ShardCallError, ShardNamespace},
};

/// A [`ShardNamespace`] in memory: one handler answers for every shard, and calls are recorded.
///
/// A clone shares everything, so that a test keeps one while the code under test owns another.
/// [`shard`](Self::shard) scripts the failures of one shard. An error of the handler is answered as
/// a shard answers it, by [`to_error_response`].
///
/// ```
/// use lunora::{Request, Response, platform::{Placement, ShardCallError, resolve_shard}};
/// use lunora::testing::MemoryNamespace;
/// use std::rc::Rc;
///
/// # futures::executor::block_on(async {
/// let namespace = MemoryNamespace::new(async |address, request| {
///     Response::text(format!("{} at {}", request.path(), address.key))
/// });
/// namespace.shard("room:1").fails_once(|key| ShardCallError::unavailable(key, "moving").retryable());
///
/// let shard = resolve_shard(&namespace.clone().into_dyn(), "room:1".parse()?, &Placement::default());
/// assert!(shard.fetch(Request::get("https://shard.internal/rpc")).await.is_err());
/// let answer = shard.fetch(Request::post("https://shard.internal/rpc", "{}")).await?;
/// assert_eq!(answer.body().as_bytes().unwrap(), "/rpc at room:1");
///
/// let calls = namespace.calls();
/// assert_eq!(calls.len(), 2);
/// assert_eq!(calls[1].text(), Some("{}"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryNamespace {
    state: Rc<State>,
}

type Handler = dyn Fn(ShardAddress, Request) -> LocalBoxFuture<'static, Response>;

pub(super) struct State {
    handler: Box<Handler>,
    pub(super) scripts: RefCell<HashMap<String, Script>>,
    pub(super) calls: RefCell<Vec<RecordedCall>>,
    pub(super) abandoned: RefCell<Vec<String>>,
    namespace_id: RefCell<Option<String>>,
    in_flight: Cell<usize>,
    max_in_flight: Cell<usize>,
}

impl MemoryNamespace {
    /// Returns a namespace whose shards all answer with `handler`, which distinguishes them by the
    /// address.
    pub fn new<R: IntoResponse>(
        handler: impl AsyncFn(ShardAddress, Request) -> R + 'static,
    ) -> Self {
        let handler = Rc::new(handler);
        let handler = move |address: ShardAddress, request: Request| {
            let handler = handler.clone();
            async move {
                let answer = handler(address, request).await.into_response();
                answer.unwrap_or_else(|error| to_error_response(&error))
            }
            .boxed_local()
        };
        Self {
            state: Rc::new(State {
                handler: Box::new(handler),
                scripts: RefCell::default(),
                calls: RefCell::default(),
                abandoned: RefCell::default(),
                namespace_id: RefCell::default(),
                in_flight: Cell::default(),
                max_in_flight: Cell::default(),
            }),
        }
    }

    /// Sets the identity that distinguishes the namespace from that of another deployment. Default:
    /// no identity.
    #[must_use]
    pub fn with_namespace_id(self, id: impl Into<String>) -> Self {
        *self.state.namespace_id.borrow_mut() = Some(id.into());
        self
    }

    /// Returns the namespace as [`resolve_shard`](crate::platform::resolve_shard) takes it.
    #[must_use]
    pub fn into_dyn(self) -> Rc<dyn ShardNamespace> {
        Rc::new(self)
    }

    /// Returns one shard, to script its failures and to read its calls.
    #[must_use]
    pub fn shard(&self, key: impl Into<String>) -> MemoryShard {
        MemoryShard::new(key.into(), self.state.clone())
    }

    /// Returns every call so far, in the order in which they began.
    ///
    /// As on the real platform a call begins when it is made, not when its future is first polled.
    #[must_use]
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.state.calls.borrow().clone()
    }

    /// Returns the number of abandoned calls: begun, and dropped before they had an answer.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.state.abandoned.borrow().len()
    }

    /// Returns the largest number of calls that were in flight at once.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.state.max_in_flight.get()
    }
}

impl ShardNamespace for MemoryNamespace {
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        let (state, address) = (self.state.clone(), address.clone());
        let call = CallGuard::begin(&state, &address, &request);
        let (delay, step) = state.script(&address);
        let delay = delay.map(|(clock, duration)| clock.sleep(duration));
        async move {
            if let Some(delay) = delay {
                delay.await;
            }
            let outcome = match step {
                Step::Handle => Ok((state.handler)(address, request).await),
                Step::Answer(response) => Ok(*response),
                Step::Fail(error) => Err(error(address.key)),
                Step::Hang => pending().await,
            };
            call.end();
            outcome
        }
        .boxed_local()
    }

    fn namespace_id(&self) -> Option<String> {
        self.state.namespace_id.borrow().clone()
    }
}

impl State {
    fn script(&self, address: &ShardAddress) -> (super::shard::Delay, Step) {
        match self.scripts.borrow_mut().get_mut(address.key.as_str()) {
            Some(script) => script.next(),
            None => (None, Step::Handle),
        }
    }
}

impl fmt::Debug for MemoryNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNamespace")
            .field("calls", &self.state.calls.borrow().len())
            .field("abandoned", &self.abandoned())
            .finish_non_exhaustive()
    }
}

/// One call in flight; dropped before its [end](Self::end), it is abandoned.
struct CallGuard {
    state: Rc<State>,
    key: Option<String>,
}

impl CallGuard {
    fn begin(state: &Rc<State>, address: &ShardAddress, request: &Request) -> Self {
        let call = RecordedCall::new(address, request);
        state.calls.borrow_mut().push(call);
        let in_flight = state.in_flight.get() + 1;
        state.in_flight.set(in_flight);
        state.max_in_flight.set(state.max_in_flight.get().max(in_flight));
        Self { state: state.clone(), key: Some(address.key.as_str().to_owned()) }
    }

    fn end(mut self) {
        self.key = None;
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.state.in_flight.set(self.state.in_flight.get() - 1);
        if let Some(key) = self.key.take() {
            self.state.abandoned.borrow_mut().push(key);
        }
    }
}

/// A call as the shard got it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The shard.
    pub address: ShardAddress,
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, empty if the call had no body; `None` if it was a stream, which is not read here.
    pub body: Option<Bytes>,
}

impl RecordedCall {
    fn new(address: &ShardAddress, request: &Request) -> Self {
        let body = request.body();
        Self {
            address: address.clone(),
            method: request.method().clone(),
            url: request.uri().clone(),
            headers: request.headers().clone(),
            body: if body.is_empty() { Some(Bytes::new()) } else { body.as_bytes().cloned() },
        }
    }

    /// Returns the path of the URL.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Returns a header's first value, if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as text, if it is in memory and is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(self.body.as_ref()?).ok()
    }
}

//! One request, step by step. [`Lunora::fetch`] is the whole order on one screen.

#[cfg(feature = "admin")]
mod admin;
mod admission;
mod answers;
pub(crate) mod backup;
mod batch;
mod dispatch;
pub(crate) mod edge;
pub(crate) mod events;
pub(crate) mod fan_out;
mod functions;
pub(crate) mod hooks;
pub(crate) mod hop;
pub(crate) mod plan;
pub(crate) mod rare;
pub(crate) mod record;
pub(crate) mod route;
mod rpc;
pub(crate) mod scheduled;
mod server_query;
pub(crate) mod settings;
mod span;
mod websocket;

use std::{cell::OnceCell, fmt, rc::Rc};

use http::Method;

use self::{
    edge::{Edge, RequestFacts, Security},
    functions::Caller,
    hooks::{EmailHandler, Handler, QueueHandler, RouteContext},
    rare::rare,
    record::RequestKind,
    scheduled::Job,
    settings::Settings,
    span::Span,
};
use crate::{
    errors::LunoraError,
    log,
    message::{Request, Response},
    platform::{Env, Environment, ExecutionContext, Numbers, ShardNamespace},
    wire::paths,
};

/// A Worker that is a backend: what [`Builder::build`](crate::builder::Builder::build) makes.
///
/// It holds no state of any request. Build it once per isolate, as [`serve!`](crate::serve) does,
/// and pass every event to it.
///
/// `E` is the environment that hooks and handlers receive: `worker::Env` on the real platform,
/// [`MemoryEnvironment`](crate::testing::MemoryEnvironment) in tests.
pub struct Lunora<E = Env> {
    shards: Rc<dyn ShardNamespace>,
    settings: Box<Settings<E>>,
    edge: OnceCell<Edge>,
    /// For the ids of traces.
    numbers: Numbers,
}

impl<E: Environment> Lunora<E> {
    /// Answers one request.
    ///
    /// It never fails: an error becomes a response in the form of the wire, and an error that is
    /// the server's fault is logged, once.
    ///
    /// A batch (`POST /_lunora/rpc-batch`) has at most 500 calls. Its shards may answer 16 MiB
    /// together; the slots of a shard whose answer does not fit are 429 `TOO_MANY_REQUESTS`. Their
    /// calls may have run: repeat a mutation with its id.
    pub async fn fetch(&self, request: Request, env: &E, ctx: &dyn ExecutionContext) -> Response {
        let edge = self.edge(env);
        let facts = RequestFacts::of(&request);
        let preflight = edge.preflight(&request);
        let span = self.span_of(&request, env, preflight.is_some());
        let mut response = match preflight {
            Some(preflight) => preflight,
            None => {
                let answer = async {
                    let answer = self.answer(edge, request, env, ctx, &span).await;
                    answer.unwrap_or_else(|error| {
                        span.note(|facts| facts.set_error(&error));
                        answers::error(&error)
                    })
                };
                span.run(answer).await
            }
        };
        edge.decorate(&facts, &mut response);
        self.record(&span, &response, ctx);
        response
    }

    async fn answer(
        &self,
        edge: &Edge,
        request: Request,
        env: &E,
        ctx: &dyn ExecutionContext,
        span: &Span,
    ) -> Result<Response, LunoraError> {
        if let Some(refused) = self.refuse(edge, &request).await? {
            return Ok(refused);
        }
        if !paths::is_reserved(request.path().as_bytes()) {
            return self.answer_application(edge, request, env, ctx, span).await;
        }
        match request.path() {
            paths::RPC => rpc::answer(self, request, env, span).await,
            paths::RPC_BATCH => rare(batch::answer(self, request, env, span)).await,
            paths::WS => rare(websocket::answer(self, edge, request, env, span)).await,
            paths::STATUS => Ok(answers::status(&request)),
            #[cfg(feature = "admin")]
            path if crate::admin::owns(path) => rare(admin::answer(self, request, env, ctx)).await,
            _ => Ok(answers::not_found()),
        }
    }

    /// Refuses a request by what its head alone tells: before its body is read, and before anybody is
    /// asked who sent it.
    async fn refuse(
        &self,
        edge: &Edge,
        request: &Request,
    ) -> Result<Option<Response>, LunoraError> {
        if let Err(refused) = edge.guard(request) {
            return Ok(Some(answers::forbidden_origin(&refused)));
        }
        check_declared_length(request)?;
        if let Some(limit) = &self.settings.rate_limit {
            rare(limit.check(request, &*self.settings.clock)).await?;
        }
        Ok(None)
    }

    /// Answers paths that are not reserved: the routes of the application, then its router.
    async fn answer_application(
        &self,
        edge: &Edge,
        mut request: Request,
        env: &E,
        ctx: &dyn ExecutionContext,
        span: &Span,
    ) -> Result<Response, LunoraError> {
        if request.is_upgrade()
            && let Err(refused) = edge.guard_upgrade(&request)
        {
            return Ok(answers::forbidden_origin(&refused));
        }
        // A handler that calls further passes the trace on.
        span.write(request.headers_mut());
        let caller = Caller::of(self, env, &request);
        let ctx = RouteContext::new(ctx, &caller);
        let routes = &self.settings.routes;
        if let Some(route) = routes.find(&request) {
            let head = *request.method() == Method::HEAD;
            let response = route.handle(request, env, &ctx).await?;
            return Ok(if head { answers::without_body(response) } else { response });
        }
        match &self.settings.http_router {
            // The router may serve other methods of the path.
            Some(router) => {
                span.note(|facts| facts.set_kind(RequestKind::Fallback));
                Ok(answers::shielded(router.handle(request, env, &ctx).await))
            }
            None => Ok(match routes.allowed(request.path()) {
                Some(allowed) => answers::method_not_allowed(&allowed),
                None => answers::not_found(),
            }),
        }
    }

    /// Returns the edge from the code's settings, with the environment for the settings that the
    /// code leaves open.
    fn edge(&self, env: &E) -> &Edge {
        self.edge.get_or_init(|| {
            let (edge, warnings) = Edge::resolve(&self.settings.security, &|name| env.var(name));
            for warning in warnings {
                log::warn(&warning);
            }
            edge
        })
    }
}

impl<E> Lunora<E> {
    pub(crate) fn new(shards: Rc<dyn ShardNamespace>, settings: Box<Settings<E>>) -> Self {
        Self { shards, settings, edge: OnceCell::new(), numbers: Numbers::default() }
    }

    /// Sets `host` for requests that nothing else answers, and for the triggers, queues and e-mails
    /// that nothing here handles.
    pub(crate) fn set_host<H>(&mut self, host: Rc<H>)
    where
        H: Handler<E> + Job<E> + QueueHandler<E> + EmailHandler<E>,
    {
        self.settings.http_router = Some(host.clone());
        self.settings.host_job = Some(host.clone());
        self.settings.host_queue = Some(host.clone());
        if self.settings.email.is_none() {
            self.settings.email = Some(host);
        }
    }
}

/// Refuses a body on the framework's plane whose declared length is over the limit.
///
/// A body with an absent or a false length is counted while it is read.
fn check_declared_length(request: &Request) -> Result<(), LunoraError> {
    let over = matches!(*request.method(), Method::POST | Method::PUT)
        && request.path().starts_with(paths::PLANE)
        && request.content_length().is_some_and(|length| length > max_body(request.path()) as u64);
    if over { Err(answers::too_large()) } else { Ok(()) }
}

/// Returns the largest body of a path on the framework's plane, in bytes.
#[cfg(feature = "admin")]
fn max_body(path: &str) -> usize {
    crate::admin::max_body(path)
}

#[cfg(not(feature = "admin"))]
fn max_body(_path: &str) -> usize {
    paths::MAX_BODY
}

impl<E> fmt::Debug for Lunora<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lunora").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Returns the response to an error before the application was built, behind the default edge.
#[cold]
#[inline(never)]
pub(crate) fn edge_only(error: &LunoraError) -> Response {
    let mut response = answers::error(error);
    let (edge, _) = Edge::resolve(&Security::default(), &|_| None);
    edge.decorate(&RequestFacts::default(), &mut response);
    response
}

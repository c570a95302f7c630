//! A backend as a `tower::Service`.

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{future::LocalBoxFuture, stream};
use http::{Uri, uri::PathAndQuery};
use http_body::{Frame, SizeHint};
use worker::{
    Env,
    send::{SendFuture, SendWrapper},
};

use crate::{
    compose::LunoraHandler,
    errors::LunoraError,
    message::{Body, BodyError, Request, Response},
    pipeline::edge_only,
};

/// A backend as a [`tower::Service`](tower_service::Service), for axum's router and the like.
/// Feature `tower`.
///
/// `nest_service` strips the prefix from the path before the service sees it;
/// [`nested_at`](Self::nested_at) restores it. A fallback or a `route_service` needs no such call.
///
/// ```ignore
/// thread_local! {
///     static LUNORA: LunoraHandler = create_lunora_handler(());
/// }
///
/// #[event(fetch)]
/// async fn fetch(
///     request: HttpRequest,
///     env: Env,
///     ctx: worker::Context,
/// ) -> worker::Result<http::Response<axum::body::Body>> {
///     let lunora = LUNORA.with(|lunora| LunoraService::new(lunora, &env)).with_context(ctx);
///     let mut router = axum::Router::new()
///         .route("/", get(async || "pages"))
///         .nest_service("/_lunora", lunora.nested_at("/_lunora"));
///     Ok(router.call(request).await?)
/// }
/// ```
///
/// A 101 passes with its socket, for which the crate `worker` needs its feature `http`.
#[derive(Clone)]
pub struct LunoraService {
    // A Worker has one thread.
    inner: SendWrapper<Inner>,
}

#[derive(Clone)]
struct Inner {
    handler: LunoraHandler,
    env: Env,
    ctx: Option<Rc<worker::Context>>,
    prefix: &'static str,
}

impl LunoraService {
    /// Returns the service of a handler, in an invocation with this environment.
    #[must_use]
    pub fn new(handler: &LunoraHandler, env: &Env) -> Self {
        let inner = Inner { handler: handler.clone(), env: env.clone(), ctx: None, prefix: "" };
        Self { inner: SendWrapper::new(inner) }
    }

    /// Lets handlers run on after the answer.
    #[must_use]
    pub fn with_context(mut self, ctx: worker::Context) -> Self {
        self.inner.0.ctx = Some(Rc::new(ctx));
        self
    }

    /// Prepends `prefix` to each path, for a router that strips it.
    #[must_use]
    pub fn nested_at(mut self, prefix: &'static str) -> Self {
        self.inner.0.prefix = prefix;
        self
    }
}

impl<B> tower_service::Service<http::Request<B>> for LunoraService
where
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    type Response = http::Response<ServiceBody>;
    type Error = Infallible;
    type Future = SendFuture<LocalBoxFuture<'static, Result<Self::Response, Infallible>>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Inner { handler, env, ctx, prefix } = self.inner.0.clone();
        SendFuture::new(Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let response = match prefixed(head.uri, prefix) {
                Ok(uri) => {
                    head.uri = uri;
                    let body = if body.is_end_stream() { Body::empty() } else { streamed(body) };
                    let request = Request::from(http::Request::from_parts(head, body));
                    let ctx = ctx.as_deref().map(|ctx| ctx as _);
                    handler.handle(request, &env, ctx).await
                }
                Err(error) => edge_only(&error),
            };
            Ok(outgoing(response))
        }))
    }
}

impl fmt::Debug for LunoraService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LunoraService")
            .field("prefix", &self.inner.0.prefix)
            .finish_non_exhaustive()
    }
}

fn prefixed(uri: Uri, prefix: &str) -> Result<Uri, LunoraError> {
    if prefix.is_empty() {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    let path = PathAndQuery::try_from([prefix, path].concat());
    parts.path_and_query = Some(path.map_err(LunoraError::internal)?);
    Uri::from_parts(parts).map_err(LunoraError::internal)
}

/// Converts another crate's body into ours.
fn streamed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    Body::from_stream(stream::unfold(Box::pin(body), async |mut body| {
        loop {
            let piece = match poll_fn(|context| body.as_mut().poll_frame(context)).await? {
                Ok(frame) => match frame.into_data() {
                    Ok(bytes) => Ok(bytes),
                    // Trailers.
                    Err(_) => continue,
                },
                Err(error) => Err(BodyError::Broken(Box::new(error))),
            };
            return Some((piece, body));
        }
    }))
}

/// Converts the response; the socket of a 101 is passed on in the form of the crate `worker`.
fn outgoing(response: Response) -> http::Response<ServiceBody> {
    if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers().clone();
        let socket =
            worker::Response::try_from(response).ok().and_then(worker::Response::websocket);
        let mut answer = http::Response::new(ServiceBody(SendWrapper::new(Body::empty())));
        *answer.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        *answer.headers_mut() = headers;
        if let Some(socket) = socket {
            answer.extensions_mut().insert(socket);
        }
        return answer;
    }
    response.into_http().map(|body| ServiceBody(SendWrapper::new(body)))
}

/// The body of an answer of a [`LunoraService`].
pub struct ServiceBody(SendWrapper<Body>);

impl http_body::Body for ServiceBody {
    type Data = Bytes;
    type Error = ServiceBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ServiceBodyError>>> {
        let body = Pin::new(&mut self.0.0);
        body.poll_frame(context).map_err(|error| ServiceBodyError(error.to_string()))
    }

    fn is_end_stream(&self) -> bool {
        self.0.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.0.size_hint()
    }
}

impl fmt::Debug for ServiceBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBody").finish_non_exhaustive()
    }
}

/// The error of a body that ended early.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServiceBodyError(String);

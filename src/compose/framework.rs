//! A framework's Worker behind the builder.

use std::{future::Future, marker::PhantomData, rc::Rc};

use futures::future::LocalBoxFuture;

use crate::{
    builder::{
        Builder,
        requirements::{
            AdminTokenForBackup, AdminTokenForOperatorPage, AnnouncedForBackup,
            CoordinatorForBackup, CoordinatorForFanOut, CoordinatorForOperatorPage, HasShardDo,
            JurisdictionOfShards,
        },
        state::{State, once},
    },
    errors::{Code, LunoraError},
    log,
    message::{IntoResponse, Request, Response},
    pipeline::{
        Lunora,
        hooks::{EmailHandler, Handler, QueueHandler, RouteContext},
        scheduled::Job,
    },
    platform::{Email, Environment, QueueBatch, ScheduledEvent},
};

/// The Worker of a framework: it renders pages, and may have triggers of its own.
///
/// An `async fn` is one that renders pages and has no triggers; pass a closure to
/// [`compose_worker`].
///
/// ```
/// use lunora::{
///     LunoraError, Request, Response, compose::FrameworkWorker, routing::RouteContext,
///     schedule::ScheduledEvent, testing::MemoryEnvironment,
/// };
///
/// struct Site;
///
/// impl FrameworkWorker<MemoryEnvironment> for Site {
///     async fn fetch(
///         &self,
///         request: Request,
///         _env: &MemoryEnvironment,
///         _ctx: &RouteContext<'_>,
///     ) -> Result<Response, LunoraError> {
///         Ok(Response::html(format!("<h1>{}</h1>", request.path())))
///     }
///
///     async fn scheduled(
///         &self,
///         _event: ScheduledEvent,
///         _env: &MemoryEnvironment,
///         _ctx: &RouteContext<'_>,
///     ) -> Result<(), LunoraError> {
///         Ok(())
///     }
/// }
/// # let _ = Site;
/// ```
pub trait FrameworkWorker<E, Marker = ()>: 'static {
    /// Answers every request that the backend does not.
    fn fetch(
        &self,
        request: Request,
        env: &E,
        ctx: &RouteContext<'_>,
    ) -> impl Future<Output = Result<Response, LunoraError>>;

    /// Runs when a trigger fires, unless the backend has handlers, jobs or a backup of its own. By
    /// default it logs that nothing ran.
    fn scheduled(
        &self,
        event: ScheduledEvent,
        env: &E,
        ctx: &RouteContext<'_>,
    ) -> impl Future<Output = Result<(), LunoraError>> {
        let _ = (env, ctx);
        log::warn(&format!(
            "the trigger `{}` fired, and nothing is registered for any trigger",
            event.cron()
        ));
        async { Ok(()) }
    }

    /// Handles the batches of the queues that the backend has no handler for. By default it fails, so
    /// that the batch is delivered again.
    fn queue(
        &self,
        batch: &QueueBatch,
        env: &E,
        ctx: &RouteContext<'_>,
    ) -> impl Future<Output = Result<(), LunoraError>> {
        let _ = (env, ctx);
        let name = batch.queue();
        let unhandled = LunoraError::new(
            Code::Misconfigured,
            format!(
                "no handler for the queue `{name}`: call `.queue(\"{name}\", ..)` on the builder, or implement `FrameworkWorker::queue`"
            ),
        );
        async { Err(unhandled) }
    }

    /// Handles e-mails, unless the backend has a handler. By default it fails, so that the sender gets
    /// a temporary error.
    fn email(
        &self,
        email: Email,
        env: &E,
        ctx: &RouteContext<'_>,
    ) -> impl Future<Output = Result<(), LunoraError>> {
        let _ = (email, env, ctx);
        let unhandled = LunoraError::new(
            Code::Misconfigured,
            "no handler for e-mails: call `.email(..)` on the builder, or implement `FrameworkWorker::email`",
        );
        async { Err(unhandled) }
    }
}

impl<E, F, R> FrameworkWorker<E, fn() -> R> for F
where
    F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoResponse,
{
    async fn fetch(
        &self,
        request: Request,
        env: &E,
        ctx: &RouteContext<'_>,
    ) -> Result<Response, LunoraError> {
        self(request, env, ctx).await.into_response()
    }
}

/// Returns the backend of `builder` in front of the pages of `ssr`.
///
/// It combines [`Builder::http_router`] and [`Builder::build`]: calls, sockets, the admin plane and
/// routes come first, and everything else goes to `ssr`. A failed render is a plain 500, and
/// affects nothing else.
///
/// ```
/// use lunora::{Response, compose::compose_worker, testing};
///
/// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
/// let app = compose_worker(testing::builder().shard_do(shards), async |request, _env, _ctx| {
///     Response::html(format!("<h1>{}</h1>", request.path()))
/// });
/// # let _ = app;
/// ```
pub fn compose_worker<S, E, F, R>(builder: Builder<S, E>, ssr: F) -> Lunora<E>
where
    S: State,
    S::HttpRouter: once::HttpRouter,
    S::ShardDo: HasShardDo,
    S::Announcing: AnnouncedForBackup<S::Backup, S::ShardDo>,
    S::Jurisdiction: JurisdictionOfShards<S::ClassOfShards>,
    S::QueryCoordinator: CoordinatorForBackup<S::Backup>
        + CoordinatorForFanOut<S::AuthorizeFanOut>
        + CoordinatorForOperatorPage<S::OperatorPage>,
    S::AdminToken: AdminTokenForBackup<S::Backup> + AdminTokenForOperatorPage<S::OperatorPage>,
    E: Environment,
    F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoResponse + 'static,
{
    with_framework_worker::<_, _, _, fn() -> R>(ssr, builder)
}

/// Returns the backend of `builder` around the Worker of a framework.
///
/// Unlike [`compose_worker`], it takes a host that may have triggers of its own: its
/// [`scheduled`](FrameworkWorker::scheduled) runs if the backend has no handler, no job and no
/// backup, and the backend's runs otherwise. Its [`queue`](FrameworkWorker::queue) takes the queues
/// that the backend has no handler for, and its [`email`](FrameworkWorker::email) the e-mails if the
/// backend has no handler for them.
///
/// ```
/// use lunora::{
///     Request, Response, compose::with_framework_worker, routing::RouteContext,
///     testing::{self, MemoryEnvironment},
/// };
///
/// async fn pages(request: Request, _env: &MemoryEnvironment, _ctx: &RouteContext<'_>) -> Response {
///     Response::html(format!("<h1>{}</h1>", request.path()))
/// }
///
/// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
/// let app = with_framework_worker(pages, testing::builder().shard_do(shards));
/// # let _ = app;
/// ```
pub fn with_framework_worker<S, E, W, Marker>(host: W, builder: Builder<S, E>) -> Lunora<E>
where
    S: State,
    S::HttpRouter: once::HttpRouter,
    S::ShardDo: HasShardDo,
    S::Announcing: AnnouncedForBackup<S::Backup, S::ShardDo>,
    S::Jurisdiction: JurisdictionOfShards<S::ClassOfShards>,
    S::QueryCoordinator: CoordinatorForBackup<S::Backup>
        + CoordinatorForFanOut<S::AuthorizeFanOut>
        + CoordinatorForOperatorPage<S::OperatorPage>,
    S::AdminToken: AdminTokenForBackup<S::Backup> + AdminTokenForOperatorPage<S::OperatorPage>,
    E: Environment,
    W: FrameworkWorker<E, Marker>,
    Marker: 'static,
{
    let host = Rc::new(Host { worker: host, marker: PhantomData });
    let mut lunora = builder.build();
    lunora.set_host(host);
    lunora
}

/// A framework's Worker, without its type.
struct Host<W, Marker> {
    worker: W,
    marker: PhantomData<fn() -> Marker>,
}

impl<E, W, Marker> Handler<E> for Host<W, Marker>
where
    W: FrameworkWorker<E, Marker>,
    Marker: 'static,
{
    fn handle<'a>(
        &'a self,
        request: Request,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(self.worker.fetch(request, env, ctx))
    }
}

impl<E, W, Marker> Job<E> for Host<W, Marker>
where
    W: FrameworkWorker<E, Marker>,
{
    fn run<'a>(
        &'a self,
        event: ScheduledEvent,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(self.worker.scheduled(event, env, ctx))
    }
}

impl<E, W, Marker> QueueHandler<E> for Host<W, Marker>
where
    W: FrameworkWorker<E, Marker>,
{
    fn handle<'a>(
        &'a self,
        batch: &'a QueueBatch,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(self.worker.queue(batch, env, ctx))
    }
}

impl<E, W, Marker> EmailHandler<E> for Host<W, Marker>
where
    W: FrameworkWorker<E, Marker>,
{
    fn handle<'a>(
        &'a self,
        email: Email,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(self.worker.email(email, env, ctx))
    }
}

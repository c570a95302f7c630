//! Handlers of routes.

use std::{future::Future, marker::PhantomData};

use futures::future::LocalBoxFuture;

use crate::{
    errors::LunoraError,
    message::{IntoResponse, Request, Response},
    platform::ExecutionContext,
};

/// Answers a request. An async closure is one, see [`Builder::route`](crate::Builder::route).
pub trait Handler<E>: 'static {
    /// Answers `request`.
    fn handle<'a>(
        &'a self,
        request: Request,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>>;
}

/// What a handler can do beside answering.
pub struct RouteContext<'a> {
    execution: &'a dyn ExecutionContext,
}

impl<'a> RouteContext<'a> {
    pub(crate) fn new(execution: &'a dyn ExecutionContext) -> Self {
        Self { execution }
    }

    /// Lets `task` run on after the answer is sent.
    pub fn wait_until(&self, task: impl Future<Output = ()> + 'static) {
        self.execution.wait_until(Box::pin(task));
    }

    /// The host's own hold on the invocation.
    #[must_use]
    pub fn execution(&self) -> &'a dyn ExecutionContext {
        self.execution
    }
}

impl std::fmt::Debug for RouteContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteContext").finish_non_exhaustive()
    }
}

/// A closure as a handler.
pub(crate) struct HandlerFn<F, R>(F, PhantomData<fn() -> R>);

impl<F, R> HandlerFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<E, F, R> Handler<E> for HandlerFn<F, R>
where
    E: 'static,
    F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoResponse + 'static,
{
    fn handle<'a>(
        &'a self,
        request: Request,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move { (self.0)(request, env, ctx).await.into_response() })
    }
}

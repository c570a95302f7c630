//! Handlers of routes.

use std::{future::Future, marker::PhantomData};

use futures::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use super::{Functions, functions::FunctionHost};
use crate::{
    errors::LunoraError,
    functions::FunctionRef,
    log,
    message::{IntoResponse, Request, Response},
    platform::ExecutionContext,
    wire::ShardKey,
};

/// Answers a request. An async closure is one, see [`Builder::route`](crate::builder::Builder::route).
pub trait Handler<E>: 'static {
    /// Answers `request`.
    fn handle<'a>(
        &'a self,
        request: Request,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>>;
}

/// The services that a handler can use beside its response.
pub struct RouteContext<'a> {
    execution: &'a dyn ExecutionContext,
    functions: Functions<'a>,
}

impl<'a> RouteContext<'a> {
    pub(crate) fn new(execution: &'a dyn ExecutionContext, host: &'a dyn FunctionHost) -> Self {
        Self { execution, functions: Functions::new(host) }
    }

    /// Returns a context as [`new`](Self::new) does, for an event without a request.
    pub(crate) fn of_server(
        execution: &'a dyn ExecutionContext,
        host: &'a dyn FunctionHost,
    ) -> Self {
        Self { execution, functions: Functions::new(host).as_server() }
    }

    /// Lets `task` run on after the answer is sent, in the trace of the request or the event.
    pub fn wait_until(&self, task: impl Future<Output = ()> + 'static) {
        self.execution.wait_until(Box::pin(log::in_trace(log::current_trace(), task)));
    }

    /// Returns the host's execution context of the invocation.
    #[must_use]
    pub fn execution(&self) -> &'a dyn ExecutionContext {
        self.execution
    }

    /// Returns the functions of the default shard, called as the caller; see [`Functions`] for
    /// others.
    #[must_use]
    pub fn functions(&self) -> &Functions<'a> {
        &self.functions
    }

    /// Returns the functions of the shard `key`.
    #[must_use]
    pub fn for_shard(&self, key: ShardKey) -> Functions<'a> {
        self.functions.for_shard(key)
    }

    /// Calls a query of the default shard; see [`Functions::run_query`].
    ///
    /// # Errors
    /// As for that method.
    pub async fn run_query<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.functions.run_query(function, args).await
    }

    /// Calls a mutation of the default shard; see [`Functions::run_mutation`].
    ///
    /// # Errors
    /// As for that method.
    pub async fn run_mutation<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.functions.run_mutation(function, args).await
    }

    /// Calls an action of the default shard; see [`Functions::run_action`].
    ///
    /// # Errors
    /// As for that method.
    pub async fn run_action<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.functions.run_action(function, args).await
    }
}

impl std::fmt::Debug for RouteContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteContext").field("functions", &self.functions).finish_non_exhaustive()
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

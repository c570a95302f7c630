//! Handlers of queues and e-mails.

use std::marker::PhantomData;

use futures::future::LocalBoxFuture;

use super::{IntoOutcome, RouteContext};
use crate::{
    errors::LunoraError,
    platform::{Email, QueueBatch},
};

/// A handler of queues without the type of its closure.
pub(crate) trait QueueHandler<E> {
    fn handle<'a>(
        &'a self,
        batch: &'a QueueBatch,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// A handler of e-mails without the type of its closure.
pub(crate) trait EmailHandler<E> {
    fn handle<'a>(
        &'a self,
        email: Email,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// A closure as a handler of a queue.
pub(crate) struct QueueFn<F, R>(F, PhantomData<fn() -> R>);

impl<F, R> QueueFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<E, F, R> QueueHandler<E> for QueueFn<F, R>
where
    E: 'static,
    F: AsyncFn(&QueueBatch, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoOutcome + 'static,
{
    fn handle<'a>(
        &'a self,
        batch: &'a QueueBatch,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move { (self.0)(batch, env, ctx).await.into_outcome() })
    }
}

/// A closure as the handler of e-mails.
pub(crate) struct EmailFn<F, R>(F, PhantomData<fn() -> R>);

impl<F, R> EmailFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<E, F, R> EmailHandler<E> for EmailFn<F, R>
where
    E: 'static,
    F: AsyncFn(Email, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoOutcome + 'static,
{
    fn handle<'a>(
        &'a self,
        email: Email,
        env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move { (self.0)(email, env, ctx).await.into_outcome() })
    }
}

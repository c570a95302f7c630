//! The gates of shards.

use std::marker::PhantomData;

use futures::future::LocalBoxFuture;

#[cfg(feature = "admin")]
use super::{RouteContext, functions::NoFunctions};
use crate::{
    errors::LunoraError,
    wire::{Identity, ShardKey},
};
#[cfg(feature = "admin")]
use crate::{message::Request, platform::ExecutionContext};

/// A caller's request to reach one shard, by a call or by a live connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShardAccess {
    /// The caller; `None` without credentials.
    pub identity: Option<Identity>,
    /// The requested shard.
    pub shard_key: ShardKey,
}

/// A caller's request to query across the shards of a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FanOutAccess {
    /// The caller; `None` without credentials.
    pub identity: Option<Identity>,
    /// The table whose shards are queried.
    pub table: String,
    /// The function that would run on each of them.
    pub function_path: String,
}

/// A gate for one shard. An async closure is one, see
/// [`Builder::authorize_shard`](crate::builder::Builder::authorize_shard).
pub trait ShardAuthorizer: 'static {
    /// Decides the request. Only `Ok(true)` grants; an error denies and is logged.
    fn authorize<'a>(
        &'a self,
        access: &'a ShardAccess,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;
}

/// A gate for queries across shards. An async closure is one, see
/// [`Builder::authorize_fan_out`](crate::builder::Builder::authorize_fan_out).
pub trait FanOutAuthorizer: 'static {
    /// Decides the request. Only `Ok(true)` grants; an error denies and is logged.
    fn authorize<'a>(
        &'a self,
        access: &'a FanOutAccess,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;
}

/// A value that a gate may return: `bool`, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a gate returns",
    label = "return `bool` or `Result<bool, LunoraError>`",
    note = "only `true` grants; an error denies and is logged"
)]
pub trait IntoGrant {
    /// Returns the decision.
    ///
    /// # Errors
    /// The error of the gate, on which the pipeline denies.
    fn into_grant(self) -> Result<bool, LunoraError>;
}

impl IntoGrant for bool {
    fn into_grant(self) -> Result<bool, LunoraError> {
        Ok(self)
    }
}

impl<E: Into<LunoraError>> IntoGrant for Result<bool, E> {
    fn into_grant(self) -> Result<bool, LunoraError> {
        self.map_err(Into::into)
    }
}

/// A closure as a gate.
pub(crate) struct GrantFn<F, R>(F, PhantomData<fn() -> R>);

impl<F, R> GrantFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

/// A closure as the gate of the admin plane.
#[cfg(feature = "admin")]
pub(crate) struct AdminGateFn<F, R>(F, PhantomData<fn() -> R>);

#[cfg(feature = "admin")]
impl<F, R> AdminGateFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

#[cfg(feature = "admin")]
impl<E, F, R> crate::admin::AdminGate<E> for AdminGateFn<F, R>
where
    E: 'static,
    F: AsyncFn(&Request, &E, &RouteContext<'_>) -> R + 'static,
    R: IntoGrant + 'static,
{
    fn admit<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
        ctx: &'a dyn ExecutionContext,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        Box::pin(async move {
            (self.0)(request, env, &RouteContext::new(ctx, &NoFunctions)).await.into_grant()
        })
    }
}

impl<F, R> ShardAuthorizer for GrantFn<F, R>
where
    F: AsyncFn(&ShardAccess) -> R + 'static,
    R: IntoGrant + 'static,
{
    fn authorize<'a>(
        &'a self,
        access: &'a ShardAccess,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        Box::pin(async move { (self.0)(access).await.into_grant() })
    }
}

impl<F, R> FanOutAuthorizer for GrantFn<F, R>
where
    F: AsyncFn(&FanOutAccess) -> R + 'static,
    R: IntoGrant + 'static,
{
    fn authorize<'a>(
        &'a self,
        access: &'a FanOutAccess,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        Box::pin(async move { (self.0)(access).await.into_grant() })
    }
}

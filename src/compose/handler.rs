//! Mounts a backend, as one function of a request, inside an existing Worker.

use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::{
    builder::{Builder, state::SetShardDo},
    errors::{Code, LunoraError},
    message::{Request, Response},
    pipeline::{Lunora, edge_only},
    platform::{Env, ExecutionContext, NoopExecutionContext, PerIsolate},
    wire::RpcEnvelope,
};

/// A source of the settings of a mounted backend.
///
/// A function of the environment builds the backend; `()` is a backend with the default settings,
/// whose shards are those of the binding `SHARD`; and a built backend is used as it is.
pub trait LunoraOptions: 'static {
    /// Builds the backend. Called once per isolate, and again after an error.
    ///
    /// # Errors
    /// If a binding is missing. The response is 500.
    fn build(&self, env: &Env) -> Result<Rc<Lunora>, LunoraError>;
}

impl LunoraOptions for () {
    fn build(&self, env: &Env) -> Result<Rc<Lunora>, LunoraError> {
        Ok(Rc::new(resolve_lunora_options(env)?.build()))
    }
}

impl LunoraOptions for Rc<Lunora> {
    fn build(&self, _env: &Env) -> Result<Rc<Lunora>, LunoraError> {
        Ok(self.clone())
    }
}

impl<F: Fn(&Env) -> Result<Lunora, LunoraError> + 'static> LunoraOptions for F {
    fn build(&self, env: &Env) -> Result<Rc<Lunora>, LunoraError> {
        self(env).map(Rc::new)
    }
}

/// Returns a builder whose shards are those of the binding `SHARD`.
///
/// # Errors
/// 500 `MISCONFIGURED` that names the binding if it is missing.
pub fn resolve_lunora_options(env: &Env) -> Result<Builder<SetShardDo>, LunoraError> {
    const BINDING: &str = "SHARD";

    let shards = env.durable_object(BINDING).map_err(|_| {
        LunoraError::new(Code::Misconfigured, "the shards are not bound").with_source(format!(
            "there is no Durable Object namespace `{BINDING}`: add it to \
             `durable_objects.bindings` in wrangler.jsonc, or call `.shard_do(..)` with another"
        ))
    })?;
    Ok(Lunora::builder().shard_do(shards))
}

/// Returns a backend to mount in an existing Worker: a function of a request.
///
/// Keep it in a `thread_local!`, where it lives as long as the isolate; `options` builds the
/// backend once.
///
/// ```no_run
/// use lunora::{
///     compose::{LunoraHandler, create_lunora_handler, resolve_lunora_options},
///     prelude::*,
/// };
/// use worker::{Context, event};
///
/// thread_local! {
///     static LUNORA: LunoraHandler = create_lunora_handler(|env: &Env| {
///         Ok(resolve_lunora_options(env)?
///             .authorize_shard(async |access| access.identity.is_some())
///             .build())
///     });
/// }
///
/// #[event(fetch)]
/// async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response, LunoraError> {
///     if request.path().starts_with("/_lunora/") {
///         let lunora = LUNORA.with(Clone::clone);
///         return Ok(lunora.handle(request, &env, Some(&ctx)).await);
///     }
///     Ok(Response::text("something else"))
/// }
/// # fn main() {}
/// ```
///
/// # In the router of the crate `worker`
///
/// ```no_run
/// # use lunora::compose::{LunoraHandler, create_lunora_handler};
/// # thread_local! { static LUNORA: LunoraHandler = create_lunora_handler(()); }
/// use worker::{Request, Response, Router};
///
/// let router = Router::new().or_else_any_method_async("/_lunora/*path", |request, route| async move {
///     let lunora = LUNORA.with(Clone::clone);
///     let answer = lunora.handle(request.try_into()?, &route.env, None).await;
///     Response::try_from(answer)
/// });
/// # let _ = router;
/// ```
pub fn create_lunora_handler(options: impl LunoraOptions) -> LunoraHandler {
    LunoraHandler(Rc::new(Inner { options: Box::new(options), app: PerIsolate::new() }))
}

/// A handler made by [`create_lunora_handler`]. Clones share one backend.
#[derive(Clone)]
pub struct LunoraHandler(Rc<Inner>);

struct Inner {
    options: Box<dyn LunoraOptions>,
    app: PerIsolate<Rc<Lunora>>,
}

impl LunoraHandler {
    /// Answers a request; a 101 is the same response object that the shard returned.
    ///
    /// Without a `ctx` no work continues after the response.
    pub async fn handle(
        &self,
        request: Request,
        env: &Env,
        ctx: Option<&dyn ExecutionContext>,
    ) -> Response {
        match self.0.app.get_or_build(|| self.0.options.build(env)) {
            Ok(app) => app.fetch(request, env, ctx.unwrap_or(&NoopExecutionContext)).await,
            Err(error) => edge_only(&error),
        }
    }

    /// Calls a function as the caller that sent `request`; see [`Lunora::server_query`].
    ///
    /// For the loader of a page that the router in front answers.
    ///
    /// # Errors
    /// As [`Lunora::server_query`]; 500 `MISCONFIGURED` if the backend cannot be built.
    pub async fn server_query<T: DeserializeOwned>(
        &self,
        request: &Request,
        env: &Env,
        call: &RpcEnvelope,
    ) -> Result<T, LunoraError> {
        let app = self.0.app.get_or_build(|| self.0.options.build(env))?;
        app.server_query(request, env, call).await
    }
}

impl std::fmt::Debug for LunoraHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LunoraHandler").finish_non_exhaustive()
    }
}

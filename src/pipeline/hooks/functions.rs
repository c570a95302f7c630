//! Calls to functions from handlers.

use futures::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    errors::LunoraError,
    functions::FunctionRef,
    jobs,
    message::Response,
    wire::{RpcEnvelope, ShardKey, define_rpc_envelope},
};

/// Calls functions of shards for a handler, as the caller of the request or as the server.
///
/// As the caller, the identity is the request's and the gates decide, as if the client had called;
/// internal functions are not callable. [`as_server`](Self::as_server) skips the gates,
/// opens internal functions, and passes no user to the function: use it for webhooks and the like,
/// whose sender the handler has checked itself. A cron handler has no caller and calls as the
/// server.
///
/// ```
/// use lunora::{Request, Response, function, route, testing};
///
/// # let shards = testing::MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":2}"#));
/// let app = testing::builder()
///     .shard_do(shards)
///     .route(route!("GET /count"), async |_request, _env, ctx| {
///         let count: u64 = ctx.run_query(function!("messages:count"), &()).await?;
///         Ok::<_, lunora::LunoraError>(Response::text(count.to_string()))
///     })
///     .route(route!("POST /webhook"), async |_request, _env, ctx| {
///         // After its signature was checked.
///         let server = ctx.functions().as_server().for_shard("inbox".parse()?);
///         server.run_mutation::<()>(function!("inbox:receive"), &()).await?;
///         Ok::<_, lunora::LunoraError>(Response::empty())
///     })
///     .build();
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct Functions<'a> {
    host: &'a dyn FunctionHost,
    shard: Option<ShardKey>,
    as_server: bool,
}

/// A host that can call functions: the Worker around a handler.
pub(crate) trait FunctionHost {
    /// Calls a function; `as_server` is whether the server itself is the caller.
    fn call<'a>(
        &'a self,
        call: &'a RpcEnvelope,
        as_server: bool,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>>;
}

/// For gates, which decide before anything is called.
#[cfg(feature = "admin")]
pub(super) struct NoFunctions;

#[cfg(feature = "admin")]
impl FunctionHost for NoFunctions {
    fn call<'a>(
        &'a self,
        _call: &'a RpcEnvelope,
        _in_server_name: bool,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async { Err(LunoraError::internal("a gate cannot call functions")) })
    }
}

impl<'a> Functions<'a> {
    pub(super) fn new(host: &'a dyn FunctionHost) -> Self {
        Self { host, shard: None, as_server: false }
    }

    /// Returns the functions of the shard `key`. Default: those of the default shard.
    #[must_use]
    pub fn for_shard(&self, key: ShardKey) -> Self {
        Self { shard: Some(key), ..self.clone() }
    }

    /// Returns functions that are called as the server: no gate runs, and internal functions are
    /// callable.
    #[must_use]
    pub fn as_server(&self) -> Self {
        Self { as_server: true, ..self.clone() }
    }

    /// Calls a query and reads its result.
    ///
    /// `args` is an object in JSON, or `&()` for none.
    ///
    /// # Errors
    /// The error of the gate or the function; if the shard does not answer; 500 if the result is
    /// not a `T`.
    pub async fn run_query<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.run(function, args).await
    }

    /// Calls a mutation and reads its result.
    ///
    /// # Errors
    /// As [`run_query`](Self::run_query). If the shard did not answer, the mutation may have been
    /// applied.
    pub async fn run_mutation<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.run(function, args).await
    }

    /// Calls an action and reads its result.
    ///
    /// # Errors
    /// As [`run_mutation`](Self::run_mutation).
    pub async fn run_action<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.run(function, args).await
    }

    async fn run<T: DeserializeOwned>(
        &self,
        function: FunctionRef,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        self.run_named(function.path(), args).await
    }

    /// Calls a function by its path.
    pub(crate) async fn run_named<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        let mut call = define_rpc_envelope(path, args)?;
        if let Some(key) = &self.shard {
            call = call.with_shard_key(key.clone());
        }
        jobs::result_of(self.host.call(&call, self.as_server).await?).await
    }
}

impl std::fmt::Debug for Functions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Functions")
            .field("shard", &self.shard)
            .field("as_server", &self.as_server)
            .finish_non_exhaustive()
    }
}

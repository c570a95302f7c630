//! The setters of the application's own paths and of the HTTP edge.

use std::rc::Rc;

use super::{
    Builder,
    state::{SetHttpRouter, SetSecurity, State, once},
};
use crate::{
    functions::FunctionList,
    message::{IntoResponse, Request},
    pipeline::{
        edge::Security,
        hooks::{HandlerFn, RouteContext},
        route::{Rest, Route, RoutePattern},
    },
};

/// Routes, the router behind them, and the edge around both.
impl<S: State, E: 'static> Builder<S, E> {
    /// Adds a route of the application's own. May be called once per route.
    ///
    /// A route cannot be under the reserved prefix `/_lunora/`. `"METHOD /path"` comes before `"/path"`, and of
    /// two equal patterns the later counts. `HEAD` is answered by the route of `GET`, without the
    /// body. Another method on the path of a route goes to the router, or is 405 without one.
    pub fn route<F, R>(self, pattern: RoutePattern, handler: F) -> Self
    where
        F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoResponse + 'static,
    {
        self.routes([Route::new(pattern, handler)])
    }

    /// Adds several routes.
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route<E>>) -> Self {
        for route in routes {
            self.settings.routes.push(route);
        }
        self
    }

    /// Serves functions by plain HTTP, at the routes that the part `rest` of [`shard!`](crate::shard!) names.
    ///
    /// A function is called as the caller, with the gates asked, as over `POST /_lunora/rpc`. Its arguments are the
    /// segments in braces, and beside them the query of a `GET`, or the JSON object in the body; `shardKey` names the
    /// shard. The answer is the result alone. A route of the application comes first. Another method on the path
    /// goes to the router, or is 405 without one.
    ///
    /// ```
    /// use lunora::{Response, functions::{FunctionInfo, FunctionKind}, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":[]}"#));
    /// // For shards of `shard!` it is `.rest(Room::definition())`.
    /// let page = FunctionInfo::new("messages:page", FunctionKind::Query)
    ///     .at("GET /channels/{shardKey}/messages".parse()?);
    /// let app = testing::builder().shard_do(shards).rest(vec![page]).build();
    /// # let _ = app;
    /// # Ok::<(), lunora::functions::RestRouteError>(())
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "as `functions` takes them")]
    pub fn rest(mut self, functions: impl FunctionList) -> Self {
        let all = functions.functions().into_iter().flat_map(Rest::each_of).collect();
        self.settings.routes.expose(all);
        self
    }

    /// Sets the handler for all unclaimed paths, such as an SSR framework or a router.
    ///
    /// If it fails, the response is a plain 500 that reveals nothing of the error, which is logged.
    /// Default: 404.
    pub fn http_router<F, R>(mut self, router: F) -> Builder<SetHttpRouter<S>, E>
    where
        F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoResponse + 'static,
        S::HttpRouter: once::HttpRouter,
    {
        self.settings.http_router = Some(Rc::new(HandlerFn::new(router)));
        self.advance()
    }

    /// Sets headers, CORS and CSRF. Default: every protection on, no foreign origin allowed.
    pub fn security(mut self, security: Security) -> Builder<SetSecurity<S>, E>
    where
        S::Security: once::Security,
    {
        self.settings.security = security;
        self.advance()
    }
}

//! Routes of the application's own: exact patterns, each with its handler, and functions behind plain HTTP.

mod pattern;
mod rest;

use std::fmt;

use http::Method;

pub use self::pattern::{RoutePattern, RoutePatternError};
pub(crate) use self::rest::Rest;
use self::rest::RestTable;
use super::hooks::{Handler, HandlerFn, RouteContext};
use crate::message::{IntoResponse, Request};

/// A pattern with its handler.
///
/// ```
/// use lunora::{Request, Response, route, routing::Route, testing::MemoryEnvironment};
///
/// let route: Route<MemoryEnvironment> =
///     Route::new(route!("GET /healthz"), async |_request, _env, _ctx| Response::text("ok"));
/// assert_eq!(route.pattern().path(), "/healthz");
/// ```
pub struct Route<E> {
    pattern: RoutePattern,
    handler: Box<dyn Handler<E>>,
}

impl<E: 'static> Route<E> {
    /// Answers requests that match `pattern` with an async closure.
    pub fn new<F, R>(pattern: RoutePattern, handler: F) -> Self
    where
        F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoResponse + 'static,
    {
        Self::with_handler(pattern, HandlerFn::new(handler))
    }

    /// Answers requests that match `pattern` with a [`Handler`].
    pub fn with_handler(pattern: RoutePattern, handler: impl Handler<E>) -> Self {
        Self { pattern, handler: Box::new(handler) }
    }

    /// Returns the pattern.
    #[must_use]
    pub fn pattern(&self) -> &RoutePattern {
        &self.pattern
    }
}

impl<E> fmt::Debug for Route<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.pattern).finish()
    }
}

/// The routes of an application.
pub(crate) struct RouteTable<E> {
    exact: Vec<Route<E>>,
    /// Functions at routes with arguments; linked only where there are some.
    functions: Option<Box<dyn FunctionRoutes<E>>>,
}

/// Functions at routes with arguments.
pub(crate) trait FunctionRoutes<E> {
    /// Adds functions, which are asked after those before them.
    fn add(&mut self, functions: Vec<Rest>);

    /// Returns the function at the path of a request.
    fn find(&self, request: &Request) -> Option<&dyn Handler<E>>;

    /// Returns the methods of a path.
    fn methods(&self, path: &str) -> Vec<&str>;
}

impl<E> RouteTable<E> {
    pub(crate) fn push(&mut self, route: Route<E>) {
        self.exact.push(route);
    }

    /// Adds functions at their routes.
    pub(crate) fn expose(&mut self, functions: Vec<Rest>) {
        let routes = || -> Box<dyn FunctionRoutes<E>> { Box::<RestTable>::default() };
        self.functions.get_or_insert_with(routes).add(functions);
    }

    /// Returns the handler for `request`: that of `"METHOD /path"` before that of `"/path"`, and of
    /// two equal patterns the later. `HEAD` is served by the route of `GET` unless it has its own.
    pub(super) fn find(&self, request: &Request) -> Option<&dyn Handler<E>> {
        let method = request.method();
        let of = |method: Option<&str>| {
            self.on_path(request.path()).find(|route| route.pattern.method() == method)
        };
        of(Some(method.as_str()))
            .or_else(|| if *method == Method::HEAD { of(Some("GET")) } else { None })
            .or_else(|| of(None))
            .map(|route| &*route.handler)
            .or_else(|| self.functions.as_ref()?.find(request))
    }

    /// Returns the methods of the routes of `path`, as `Allow` lists them; `None` for a path
    /// without routes.
    pub(super) fn allowed(&self, path: &str) -> Option<String> {
        let functions = self.functions.iter().flat_map(|functions| functions.methods(path));
        let methods = self.on_path(path).filter_map(|route| route.pattern.method());
        let mut methods = crate::sort::set(methods.chain(functions));
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        (!methods.is_empty()).then(|| methods.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// Returns the routes of `path`, the last one first.
    fn on_path(&self, path: &str) -> impl Iterator<Item = &Route<E>> {
        self.exact.iter().rev().filter(move |route| route.pattern.path() == path)
    }
}

impl<E> Default for RouteTable<E> {
    fn default() -> Self {
        Self { exact: Vec::new(), functions: None }
    }
}

impl<E> fmt::Debug for RouteTable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.exact.iter().map(|route| &route.pattern)).finish()
    }
}

//! Routes of the application's own: exact patterns, each with its handler.

mod pattern;

use std::fmt;

pub use self::pattern::{RoutePattern, RoutePatternError};
use super::hooks::{Handler, HandlerFn, RouteContext};
use crate::message::{IntoResponse, Request};

/// A pattern and what answers it.
///
/// ```
/// use lunora::{Request, Response, Route, route, testing::MemoryEnvironment};
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
    /// Answers what `pattern` matches with an async closure.
    pub fn new<F, R>(pattern: RoutePattern, handler: F) -> Self
    where
        F: AsyncFn(Request, &E, &RouteContext<'_>) -> R + 'static,
        R: IntoResponse + 'static,
    {
        Self::with_handler(pattern, HandlerFn::new(handler))
    }

    /// Answers what `pattern` matches with a [`Handler`].
    pub fn with_handler(pattern: RoutePattern, handler: impl Handler<E>) -> Self {
        Self { pattern, handler: Box::new(handler) }
    }

    /// The pattern.
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
pub(crate) struct RouteTable<E>(Vec<Route<E>>);

impl<E> RouteTable<E> {
    pub(crate) fn push(&mut self, route: Route<E>) {
        self.0.push(route);
    }

    /// What answers `request`: `"METHOD /path"` before `"/path"`, of two equal patterns the later.
    pub(super) fn find(&self, request: &Request) -> Option<&dyn Handler<E>> {
        let (path, method) = (request.path(), request.method().as_str());
        let on_path = || self.0.iter().rev().filter(|route| route.pattern.path() == path);
        on_path()
            .find(|route| route.pattern.method() == Some(method))
            .or_else(|| on_path().find(|route| route.pattern.method().is_none()))
            .map(|route| &*route.handler)
    }
}

impl<E> Default for RouteTable<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E> fmt::Debug for RouteTable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|route| &route.pattern)).finish()
    }
}

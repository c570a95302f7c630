//! Resolvers that identify the caller, and combinations of resolvers.

use std::marker::PhantomData;

use futures::future::LocalBoxFuture;

use crate::{errors::LunoraError, message::Request, wire::Identity};

/// A resolver that identifies the caller. An async closure is one, see
/// [`Builder::resolve_identity`](crate::builder::Builder::resolve_identity).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not resolve identities",
    label = "expected a resolver, such as `resolver(async |request, env| ..)` or `first_match()`",
    note = "an `async` closure goes into `.resolve_identity(..)`"
)]
pub trait IdentityResolver<E>: 'static {
    /// Finds out who sent `request`.
    ///
    /// Resolves the identity; `Ok(None)` is an anonymous caller. An error refuses the request:
    /// invalid credentials never make a caller anonymous.
    fn resolve<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<Option<Identity>, LunoraError>>;
}

/// A value that a resolver may return: an identity, an optional one, or a `Result` of either.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a resolver of identities returns",
    label = "return `Option<Identity>`, `Result<Option<Identity>, LunoraError>` or `Result<Identity, LunoraError>`",
    note = "`Identity::user(id)` makes an identity; `None` is a caller without credentials"
)]
pub trait IntoIdentity {
    /// Returns the identity.
    ///
    /// # Errors
    /// The error of the resolver, with which the pipeline refuses the request.
    fn into_identity(self) -> Result<Option<Identity>, LunoraError>;
}

impl IntoIdentity for Option<Identity> {
    fn into_identity(self) -> Result<Option<Identity>, LunoraError> {
        Ok(self)
    }
}

impl<E: Into<LunoraError>> IntoIdentity for Result<Option<Identity>, E> {
    fn into_identity(self) -> Result<Option<Identity>, LunoraError> {
        self.map_err(Into::into)
    }
}

impl<E: Into<LunoraError>> IntoIdentity for Result<Identity, E> {
    fn into_identity(self) -> Result<Option<Identity>, LunoraError> {
        self.map(Some).map_err(Into::into)
    }
}

/// Returns a resolver made of an async closure, to combine with others.
pub fn resolver<E, F, R>(function: F) -> impl IdentityResolver<E>
where
    E: 'static,
    F: AsyncFn(&Request, &E) -> R + 'static,
    R: IntoIdentity + 'static,
{
    ResolverFn::new(function)
}

/// Tries one resolver after another; the first identity wins.
///
/// If a resolver finds no identity, the next one runs. If one fails, the request is refused: a
/// valid cookie does not make up for a forged token.
///
/// ```
/// use lunora::{
///     Identity, LunoraError, Request, Response,
///     access::{first_match, resolver},
///     testing,
/// };
///
/// # let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
/// let app = testing::builder()
///     .shard_do(namespace)
///     .resolve_identity_with(
///         first_match()
///             .or(resolver(async |request: &Request, _env: &testing::MemoryEnvironment| {
///                 match request.bearer() {
///                     None => Ok(None),
///                     Some("t0ken") => Ok(Some(Identity::user("ada"))),
///                     Some(_) => Err(LunoraError::unauthorized("the token is not valid")),
///                 }
///             }))
///             .or(resolver(async |request: &Request, _env: &testing::MemoryEnvironment| {
///                 request.cookie("guest").map(Identity::user)
///             })),
///     )
///     .build();
/// # let _ = app;
/// ```
#[must_use]
pub fn first_match<E>() -> FirstMatch<E> {
    FirstMatch { resolvers: Vec::new() }
}

/// Resolvers in their order; see [`first_match`].
pub struct FirstMatch<E> {
    resolvers: Vec<Box<dyn IdentityResolver<E>>>,
}

impl<E> FirstMatch<E> {
    /// Adds a resolver that runs if the ones before it find no identity.
    #[must_use]
    pub fn or(mut self, resolver: impl IdentityResolver<E>) -> Self {
        self.resolvers.push(Box::new(resolver));
        self
    }
}

impl<E: 'static> IdentityResolver<E> for FirstMatch<E> {
    fn resolve<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<Option<Identity>, LunoraError>> {
        Box::pin(async move {
            for resolver in &self.resolvers {
                if let Some(identity) = resolver.resolve(request, env).await? {
                    return Ok(Some(identity));
                }
            }
            Ok(None)
        })
    }
}

/// Chooses the resolver by the path of the request.
///
/// A caller on a path without a matching entry is anonymous.
#[must_use]
pub fn per_route<E>() -> PerRoute<E> {
    PerRoute { routes: Vec::new() }
}

/// Resolvers by path; see [`per_route`].
pub struct PerRoute<E> {
    routes: Vec<(String, Box<dyn IdentityResolver<E>>)>,
}

impl<E> PerRoute<E> {
    /// Uses `resolver` for `path` and everything below it; the longest matching path wins.
    ///
    /// `"/"` and `"*"` match every path, and `"/api/*"` is `"/api"`.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>, resolver: impl IdentityResolver<E>) -> Self {
        let path = path.into();
        let prefix = path.trim_end_matches('*').trim_end_matches('/').to_owned();
        self.routes.push((prefix, Box::new(resolver)));
        self
    }

    fn find(&self, path: &str) -> Option<&dyn IdentityResolver<E>> {
        self.routes
            .iter()
            .filter(|(prefix, _)| is_below(path, prefix))
            .max_by_key(|(prefix, _)| prefix.len())
            .map(|(_, resolver)| &**resolver)
    }
}

/// Returns whether `path` is `prefix` or lies below it, by whole segments.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl<E: 'static> IdentityResolver<E> for PerRoute<E> {
    fn resolve<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<Option<Identity>, LunoraError>> {
        match self.find(request.path()) {
            Some(resolver) => resolver.resolve(request, env),
            None => Box::pin(async { Ok(None) }),
        }
    }
}

/// A closure as a resolver.
pub(crate) struct ResolverFn<F, R>(F, PhantomData<fn() -> R>);

impl<F, R> ResolverFn<F, R> {
    pub(crate) fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<E, F, R> IdentityResolver<E> for ResolverFn<F, R>
where
    E: 'static,
    F: AsyncFn(&Request, &E) -> R + 'static,
    R: IntoIdentity + 'static,
{
    fn resolve<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<Option<Identity>, LunoraError>> {
        Box::pin(async move { (self.0)(request, env).await.into_identity() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn constant(user: Option<&'static str>) -> impl IdentityResolver<()> {
        resolver(async move |_: &Request, (): &()| user.map(Identity::user))
    }

    fn failing() -> impl IdentityResolver<()> {
        resolver(async |_: &Request, (): &()| -> Result<Option<Identity>, LunoraError> {
            Err(LunoraError::unauthorized("no"))
        })
    }

    fn ask(resolver: &impl IdentityResolver<()>, path: &str) -> Result<Option<String>, String> {
        let request = Request::get(format!("https://x.test{path}"));
        block_on(resolver.resolve(&request, &()))
            .map(|identity| identity.and_then(|identity| identity.user_id().map(str::to_owned)))
            .map_err(|error| error.code().to_owned())
    }

    #[test]
    fn the_first_identity_counts() {
        let chain =
            first_match().or(constant(None)).or(constant(Some("a"))).or(constant(Some("b")));
        assert_eq!(ask(&chain, "/"), Ok(Some("a".into())));
        assert_eq!(ask(&first_match(), "/"), Ok(None));
    }

    #[test]
    fn a_failing_resolver_is_not_saved_by_a_later_one() {
        let chain = first_match().or(failing()).or(constant(Some("a")));
        assert_eq!(ask(&chain, "/"), Err("UNAUTHORIZED".into()));
    }

    #[test]
    fn the_longest_path_decides_by_whole_segments() {
        let routes = per_route()
            .on("/api", constant(Some("api")))
            .on("/api/admin/", constant(Some("admin")))
            .on("/broken", failing());
        assert_eq!(ask(&routes, "/api"), Ok(Some("api".into())));
        assert_eq!(ask(&routes, "/api/x"), Ok(Some("api".into())));
        assert_eq!(ask(&routes, "/api/admin/x"), Ok(Some("admin".into())));
        assert_eq!(ask(&routes, "/apix"), Ok(None));
        assert_eq!(ask(&routes, "/"), Ok(None));
        assert_eq!(ask(&routes, "/broken"), Err("UNAUTHORIZED".into()));
    }

    #[test]
    fn the_root_matches_every_path() {
        for rest in ["/", "*", "/*"] {
            let routes =
                per_route().on(rest, constant(Some("a"))).on("/api/*", constant(Some("api")));
            assert_eq!(ask(&routes, "/any/path"), Ok(Some("a".into())), "{rest}");
            assert_eq!(ask(&routes, "/api"), Ok(Some("api".into())), "{rest}");
            assert_eq!(ask(&routes, "/api/x"), Ok(Some("api".into())), "{rest}");
        }
    }
}

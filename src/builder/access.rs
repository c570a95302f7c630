//! The setters of identity, authorization and rate limits.

use super::{
    Builder,
    state::{
        SetAuthorizeFanOut, SetAuthorizeShard, SetIdentityContract, SetOpenShards, SetRateLimit,
        SetResolveIdentity, State, once,
    },
};
use crate::{
    errors::LunoraError,
    message::Request,
    pipeline::hooks::{
        FanOutAccess, GrantFn, IdentityContract, IdentityResolver, IntoGrant, IntoIdentity,
        InvalidIdentity, RateLimit, ResolverFn, ShardAccess,
    },
    wire::Identity,
};

/// Who calls, and what they may do.
impl<S: State, E: 'static> Builder<S, E> {
    /// Identifies the caller. Default: every caller is anonymous.
    ///
    /// `None` is a caller without credentials; an error refuses the request with the error's own
    /// status, so that invalid credentials never count as absent. The request's body is empty: it
    /// was already read as the envelope.
    pub fn resolve_identity<F, R>(self, resolver: F) -> Builder<SetResolveIdentity<S>, E>
    where
        F: AsyncFn(&Request, &E) -> R + 'static,
        R: IntoIdentity + 'static,
        S::ResolveIdentity: once::ResolveIdentity,
    {
        self.resolve_identity_with(ResolverFn::new(resolver))
    }

    /// Identifies the caller with an [`IdentityResolver`] instead of a closure, such as
    /// [`first_match`](crate::access::first_match) or [`per_route`](crate::access::per_route) of several.
    pub fn resolve_identity_with(
        mut self,
        resolver: impl IdentityResolver<E>,
    ) -> Builder<SetResolveIdentity<S>, E>
    where
        S::ResolveIdentity: once::ResolveIdentity,
    {
        self.settings.resolve_identity = Some(Box::new(resolver));
        self.advance()
    }

    /// Checks every resolved identity before any gate is asked, whichever resolver found it. Default:
    /// every identity is valid.
    ///
    /// `invalid` says what becomes of a caller whose identity fails the check. An expired identity is
    /// refused 401 `TOKEN_EXPIRED` before the check.
    ///
    /// ```
    /// use lunora::{Identity, LunoraError, Response, access::InvalidIdentity, testing};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .resolve_identity(async |request, _env| request.cookie("user").map(Identity::user))
    ///     .identity_contract(InvalidIdentity::Refuse, |identity| match identity.claim("tenant") {
    ///         Some(tenant) if tenant.is_string() => Ok(()),
    ///         _ => Err(LunoraError::unauthorized("the claim `tenant` is missing")),
    ///     })
    ///     .build();
    /// # let _ = app;
    /// ```
    pub fn identity_contract(
        mut self,
        invalid: InvalidIdentity,
        check: impl Fn(&Identity) -> Result<(), LunoraError> + 'static,
    ) -> Builder<SetIdentityContract<S>, E>
    where
        S::IdentityContract: once::IdentityContract,
    {
        self.settings.identity_contract = Some(IdentityContract::new(invalid, check));
        self.advance()
    }

    /// Decides which callers may reach a shard, by calls and by live connections, including the
    /// default shard. Only `true` grants; an error denies and is logged.
    ///
    /// Default: the default shard is open to every caller, and every other shard is closed.
    pub fn authorize_shard<F, R>(mut self, gate: F) -> Builder<SetAuthorizeShard<S>, E>
    where
        F: AsyncFn(&ShardAccess) -> R + 'static,
        R: IntoGrant + 'static,
        S::AuthorizeShard: once::AuthorizeShard,
    {
        self.settings.authorize_shard = Some(Box::new(GrantFn::new(gate)));
        self.advance()
    }

    /// Decides which callers may query across the shards of a table. Only `true` grants; an error
    /// denies and is logged.
    ///
    /// Default: denied. [`authorize_shard`](Self::authorize_shard) is never used instead.
    pub fn authorize_fan_out<F, R>(mut self, gate: F) -> Builder<SetAuthorizeFanOut<S>, E>
    where
        F: AsyncFn(&FanOutAccess) -> R + 'static,
        R: IntoGrant + 'static,
        S::AuthorizeFanOut: once::AuthorizeFanOut,
    {
        self.settings.authorize_fan_out = Some(Box::new(GrantFn::new(gate)));
        self.advance()
    }

    /// Opens every shard, and queries across them, to every caller if no gate is configured.
    ///
    /// For deployments without users, such as a public read-only board. Default: closed.
    pub fn allow_unauthenticated_shard_access(mut self) -> Builder<SetOpenShards<S>, E>
    where
        S::OpenShards: once::OpenShards,
    {
        self.settings.allow_unauthenticated_shard_access = true;
        self.advance()
    }

    /// Limits the rate of calls, batches, upgrades and requests to the application's own paths. Calls
    /// of operators, and of handlers within the Worker, are not limited. Default: no limit.
    pub fn rate_limit(mut self, limit: RateLimit) -> Builder<SetRateLimit<S>, E>
    where
        S::RateLimit: once::RateLimit,
    {
        self.settings.rate_limit = Some(limit);
        self.advance()
    }
}

//! Admission: every check between a request of the public and a shard, in one place.
//!
//! A call in a caller's name goes through the same steps by whichever way it came: the operator's
//! token for an admin operation, else the identity, the expected subject and the gate; then the
//! headers of the hop and the minted identity (docs/wire.md, "Authorization" and "Headers to a
//! shard"). Only these functions make an [`Admitted`], and a call in a caller's name needs one, so
//! that no way can leave out a step.

use headers::HeaderMapExt;
use http::HeaderMap;

use super::{
    Lunora,
    hooks::{FanOutAccess, ShardAccess},
    hop,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::Request,
    platform::Environment,
    wire::{AdminToken, FanOut, Identity, ShardKey, headers::WantErrorDetail, identity, paths},
};

/// The headers of a call that passed every check.
#[derive(Clone)]
pub(super) struct Admitted(HeaderMap);

impl Admitted {
    pub(super) fn into_headers(self) -> HeaderMap {
        self.0
    }

    /// Returns whether the caller is an operator who wants the unredacted errors of a batch.
    pub(super) fn wants_error_detail(&self) -> bool {
        self.0.typed_get::<WantErrorDetail>().is_some()
    }
}

/// The headers of a request that pass to a shard; one of [`hop`]'s functions.
type Hop = fn(&Request) -> HeaderMap;

/// A caller at the door: the request, and the Worker that it came to.
pub(super) struct Admission<'a, E> {
    app: &'a Lunora<E>,
    request: &'a Request,
    env: &'a E,
}

impl<'a, E: Environment> Admission<'a, E> {
    pub(super) fn new(app: &'a Lunora<E>, request: &'a Request, env: &'a E) -> Self {
        Self { app, request, env }
    }

    /// Admits a call of a function on one shard.
    pub(super) async fn call(&self, path: &str, key: &ShardKey) -> Result<Admitted, LunoraError> {
        self.call_by(hop::for_rpc, path, key).await
    }

    /// Admits a call that a handler makes in the name of its own caller.
    ///
    /// The ids that a client sent are for one mutation, and a handler may call several.
    pub(super) async fn nested_call(
        &self,
        path: &str,
        key: &ShardKey,
    ) -> Result<Admitted, LunoraError> {
        self.call_by(hop::for_batch, path, key).await
    }

    async fn call_by(&self, hop: Hop, path: &str, key: &ShardKey) -> Result<Admitted, LunoraError> {
        if path.starts_with(paths::RELATION_PREFIX) {
            return Err(LunoraError::new(Code::Forbidden, "Relation reads run across shards only"));
        }
        if self.is_operator(path)? {
            return Ok(self.mint(hop, None));
        }
        let identity = self.identify().await?;
        self.authorize_shard(identity.as_ref(), key).await?;
        Ok(self.mint(hop, identity.as_ref()))
    }

    /// Admits a batch to all of its shards, or to none of them: a refused batch has no effects.
    ///
    /// A batch holds neither admin operations nor relation reads; its parser refuses them. An
    /// operator who wants the unredacted errors has no identity, and the gate for shards does not
    /// decide on it.
    pub(super) async fn batch<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k ShardKey>,
    ) -> Result<Admitted, LunoraError> {
        if self.wants_error_detail() {
            let mut admitted = self.mint(hop::for_batch, None);
            admitted.0.typed_insert(WantErrorDetail);
            return Ok(admitted);
        }
        let identity = self.identify().await?;
        for key in keys {
            self.authorize_shard(identity.as_ref(), key).await?;
        }
        Ok(self.mint(hop::for_batch, identity.as_ref()))
    }

    /// Admits a query across the shards of a table.
    pub(super) async fn fan_out(&self, path: &str, spec: &FanOut) -> Result<Admitted, LunoraError> {
        if self.is_operator(path)? {
            return Ok(self.mint(hop::for_rpc, None));
        }
        let identity = self.identify().await?;
        self.authorize_fan_out(identity.as_ref(), spec, path).await?;
        Ok(self.mint(hop::for_rpc, identity.as_ref()))
    }

    /// Admits a live connection to one shard. An operator's connection has no identity, and the gate
    /// for shards does not decide on it; the shard checks the operator's credential as well.
    pub(super) async fn upgrade(&self, key: &ShardKey) -> Result<Admitted, LunoraError> {
        if self.is_operators_socket() {
            return Ok(self.mint(hop::for_upgrade, None));
        }
        let identity = self.identify().await?;
        self.authorize_shard(identity.as_ref(), key).await?;
        Ok(self.mint(hop::for_upgrade, identity.as_ref()))
    }

    /// Returns whether the call is an admin operation, whose bearer is the admin token. Identity
    /// hooks do not know that token, and gates do not decide on it.
    ///
    /// A shard checks the token as well. The check here comes first, since asking a shard creates
    /// its object.
    fn is_operator(&self, path: &str) -> Result<bool, LunoraError> {
        if !path.starts_with(paths::ADMIN_PREFIX) {
            return Ok(false);
        }
        self.with_admin_token(|token| {
            if AdminToken::is_bearer(token, self.request.bearer()) {
                return Ok(true);
            }
            let message = "admin operation requires the admin token as a bearer";
            Err(AdminToken::refusal(token, Code::AdminForbidden, message))
        })
    }

    /// Returns whether an operator asks for unredacted errors. The header of any other caller means
    /// nothing.
    fn wants_error_detail(&self) -> bool {
        let headers = self.request.headers();
        headers.typed_get::<WantErrorDetail>().is_some()
            && self.with_admin_token(|token| AdminToken::is_bearer(token, self.request.bearer()))
    }

    /// Returns whether the bearer is the admin token, or the URL has a socket token of it.
    fn is_operators_socket(&self) -> bool {
        self.with_admin_token(|token| {
            if AdminToken::is_bearer(token, self.request.bearer()) {
                return true;
            }
            #[cfg(feature = "admin")]
            if let (Some(token), Some(presented)) = (token, self.request.query("token")) {
                let settings = &self.app.settings;
                let (gate, clock) = (&settings.admin_gate, &*settings.clock);
                return gate.accepts_in_url(token, &presented, self.env, clock);
            }
            false
        })
    }

    fn with_admin_token<T>(&self, check: impl FnOnce(Option<&AdminToken>) -> T) -> T {
        let settings = &self.app.settings;
        #[cfg(feature = "admin")]
        let token = settings.admin_gate.token(settings.admin_token.as_ref(), self.env);
        #[cfg(not(feature = "admin"))]
        let from_env =
            self.env.var(AdminToken::VARIABLE).and_then(|token| AdminToken::new(token).ok());
        #[cfg(not(feature = "admin"))]
        let token = settings.admin_token.as_ref().or(from_env.as_ref());
        check(token)
    }

    /// Returns who calls: a valid identity, whose user is the one that the client expects.
    async fn identify(&self) -> Result<Option<Identity>, LunoraError> {
        let settings = &self.app.settings;
        #[cfg(feature = "sessions")]
        let in_session = match &settings.session_identity {
            Some(sessions) => sessions.resolve(self.request, self.env).await?,
            None => None,
        };
        #[cfg(not(feature = "sessions"))]
        let in_session = None;
        let identity = match (in_session, &settings.resolve_identity) {
            (None, Some(resolver)) => resolver.resolve(self.request, self.env).await?,
            (identity, _) => identity,
        };
        // The clock is read only for an identity that can expire.
        let expired = |identity: &Identity| {
            identity.expiry_ms().is_some() && identity.is_expired(settings.clock.now_ms())
        };
        if identity.as_ref().is_some_and(expired) {
            return Err(identity::expired());
        }
        let identity = match (identity, &settings.identity_contract) {
            (Some(identity), Some(contract)) => contract.admit(identity)?,
            (identity, _) => identity,
        };
        identity::check_expected_subject(self.request.headers(), identity.as_ref())?;
        Ok(identity)
    }

    /// Admits a caller to one shard, or returns the refusal.
    ///
    /// With a gate, the gate decides, for the default shard too. Without one, the default shard is
    /// open and every other shard is closed.
    async fn authorize_shard(
        &self,
        identity: Option<&Identity>,
        key: &ShardKey,
    ) -> Result<(), LunoraError> {
        let settings = &self.app.settings;
        let granted = match &settings.authorize_shard {
            Some(gate) => {
                let access = ShardAccess { identity: identity.cloned(), shard_key: key.clone() };
                granted(gate.authorize(&access).await)
            }
            None => {
                settings.allow_unauthenticated_shard_access || *key == settings.default_shard_key
            }
        };
        let denied = || LunoraError::new(Code::ForbiddenShard, "Not allowed to reach this shard");
        if granted { Ok(()) } else { Err(denied()) }
    }

    /// Admits a query across shards, or returns the refusal. The gate for one shard never covers
    /// this.
    ///
    /// Relation reads always need the gate: their data is not meant for the public.
    async fn authorize_fan_out(
        &self,
        identity: Option<&Identity>,
        spec: &FanOut,
        path: &str,
    ) -> Result<(), LunoraError> {
        let settings = &self.app.settings;
        let granted = match &settings.authorize_fan_out {
            Some(gate) => {
                let access = FanOutAccess {
                    identity: identity.cloned(),
                    table: spec.table().to_owned(),
                    function_path: path.to_owned(),
                };
                granted(gate.authorize(&access).await)
            }
            None => {
                settings.allow_unauthenticated_shard_access
                    && !path.starts_with(paths::RELATION_PREFIX)
            }
        };
        let denied =
            || LunoraError::new(Code::ForbiddenFanout, "Not allowed to query across shards");
        if granted { Ok(()) } else { Err(denied()) }
    }

    /// Makes the headers of the call. An operator has no identity.
    fn mint(&self, hop: Hop, identity: Option<&Identity>) -> Admitted {
        let mut headers = hop(self.request);
        if let Some(identity) = identity {
            identity.mint(&mut headers);
        }
        Admitted(headers)
    }
}

/// Denies if the gate fails; only the log records why.
fn granted(decision: Result<bool, LunoraError>) -> bool {
    decision.unwrap_or_else(|error| {
        log::error(&format!("an authorization gate failed and denied: {}", error.to_log_line()));
        false
    })
}

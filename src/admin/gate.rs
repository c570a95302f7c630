//! The single gate of the plane (docs/wire.md, "Admin gate").

use std::cell::OnceCell;

use futures::future::LocalBoxFuture;

use super::{Context, table::AdminRoute};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::Request,
    platform::{Clock, Environment, ExecutionContext},
    wire::{AdminToken, signature},
};

/// Admits operators by other means than the admin token. An async closure implements it, see
/// [`Builder::admin_gate`](crate::builder::Builder::admin_gate).
pub trait AdminGate<E>: 'static {
    /// Returns `Ok(true)` to admit the request. Anything else rejects it, an error included; the
    /// error is logged.
    fn admit<'a>(
        &'a self,
        request: &'a Request,
        env: &'a E,
        ctx: &'a dyn ExecutionContext,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;
}

/// The gate of a deployment: its token, and its own gate if it has one.
pub(crate) struct Gate<E> {
    pub(crate) custom: Option<Box<dyn AdminGate<E>>>,
    /// The setting of
    /// [`Builder::require_ephemeral_ws_token`](crate::builder::Builder::require_ephemeral_ws_token); if
    /// absent, the environment decides.
    pub(crate) require_ephemeral: Option<bool>,
    from_env: OnceCell<Option<AdminToken>>,
}

impl<E> Default for Gate<E> {
    fn default() -> Self {
        Self { custom: None, require_ephemeral: None, from_env: OnceCell::new() }
    }
}

impl<E: Environment> Gate<E> {
    /// Returns the admin token: the one set in code, else the one of the environment.
    pub(crate) fn token<'a>(
        &'a self,
        configured: Option<&'a AdminToken>,
        env: &E,
    ) -> Option<&'a AdminToken> {
        configured.or_else(|| self.from_env.get_or_init(|| token_of_env(env)).as_ref())
    }

    /// Returns whether a credential in the URL of a socket is an operator's.
    pub(crate) fn accepts_in_url(
        &self,
        token: &AdminToken,
        presented: &str,
        env: &E,
        clock: &dyn Clock,
    ) -> bool {
        let variable = || env.var(signature::REQUIRE_EPHEMERAL);
        let requires_ephemeral = self
            .require_ephemeral
            .unwrap_or_else(|| signature::requires_ephemeral(variable().as_deref()));
        signature::accepts_in_url(token, presented, clock.now_ms(), requires_ephemeral)
    }
}

impl<E: Environment> Context<'_, E> {
    /// Returns whether the request may pass: its bearer is the token, or the deployment's own gate
    /// returns exactly `Ok(true)`.
    pub(crate) async fn admits(&self, request: &Request) -> bool {
        if presents_token(self.token, request) {
            return true;
        }
        // A browser may send the credential of such a gate, a cookie or a client certificate, for a
        // foreign page too. Requests are checked before they arrive here; sockets are not.
        if request.is_upgrade() && !self.host.trusts_origin(request) {
            return false;
        }
        match &self.gate.custom {
            Some(gate) => {
                gate.admit(request, self.env, self.host.execution()).await.unwrap_or_else(|error| {
                    log::error(&format!(
                        "the admin gate failed and denied: {}",
                        error.to_log_line()
                    ));
                    false
                })
            }
            None => false,
        }
    }

    /// Works like [`admits`](Self::admits), for a route that also accepts its credential in the
    /// URL.
    pub(crate) fn admits_socket(&self, request: &Request) -> bool {
        let (Some(token), Some(presented)) = (self.token, request.query("token")) else {
            return false;
        };
        self.gate.accepts_in_url(token, &presented, self.env, self.host.clock())
    }
}

/// Returns whether the bearer of a request is the admin token.
pub(crate) fn presents_token(token: Option<&AdminToken>, request: &Request) -> bool {
    AdminToken::is_bearer(token, request.bearer())
}

/// Returns the response to a request that may not pass.
pub(crate) fn refusal(token: Option<&AdminToken>, route: Option<&AdminRoute>) -> LunoraError {
    let (code, message) = match route.map(|route| route.forbidden) {
        Some(Code::Forbidden) => (Code::Forbidden, "Admin auth required"),
        _ => (Code::AdminForbidden, "admin endpoint requires a valid admin bearer"),
    };
    AdminToken::refusal(token, code, message)
}

fn token_of_env(env: &impl Environment) -> Option<AdminToken> {
    let token = AdminToken::new(env.var(AdminToken::VARIABLE)?);
    token
        .inspect_err(|error| {
            log::warn(&format!(
                "{} is unusable, so that no bearer is accepted: {error}",
                AdminToken::VARIABLE
            ));
        })
        .ok()
}

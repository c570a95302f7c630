//! Admission of operators: the Worker checks the admin token before it calls a shard.

use super::Lunora;
use crate::{
    errors::{Code, LunoraError},
    message::Request,
    platform::Environment,
    wire::{AdminToken, paths},
};

/// Refuses an admin operation unless the bearer of `request` is the admin token.
///
/// A shard checks the token as well. The check here comes first, since asking a shard creates its
/// object.
pub(super) fn check_operator<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
    function_path: &str,
) -> Result<(), LunoraError> {
    if !function_path.starts_with(paths::ADMIN_PREFIX) {
        return Ok(());
    }
    #[cfg(feature = "admin")]
    let token = app.settings.admin_gate.token(app.settings.admin_token.as_ref(), env);
    #[cfg(not(feature = "admin"))]
    let from_env = env.var(AdminToken::VARIABLE).and_then(|token| AdminToken::new(token).ok());
    #[cfg(not(feature = "admin"))]
    let token = app.settings.admin_token.as_ref().or(from_env.as_ref());
    match (token, request.bearer()) {
        (Some(token), Some(bearer)) if token.matches(bearer) => Ok(()),
        _ => {
            let message = "admin operation requires the admin token as a bearer";
            Err(AdminToken::refusal(token, Code::AdminForbidden, message))
        }
    }
}

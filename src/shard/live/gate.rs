//! Decides who may open a socket.

use subtle::ConstantTimeEq;

use crate::{
    errors::{Code, LunoraError},
    message::Request,
    platform::ShardHost,
    wire::{AdminToken, identity, signature},
};

/// Lets a socket in: with the fingerprint of the admin token, if that is what let it in.
///
/// The Worker has asked its own gate before. What a shard asks beyond is in its variables:
/// `LUNORA_ALLOWED_ORIGINS`, `LUNORA_WS_BEARER`, and the admin token. A token in the URL must be one
/// that was made for it, unless `LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN` is off: URLs end up in logs.
///
/// # Errors
/// 401 `TOKEN_EXPIRED` if the minted identity has expired; 403 `FORBIDDEN` for an origin or a token
/// that is not accepted.
pub(crate) fn admit(
    request: &Request,
    host: &dyn ShardHost,
) -> Result<Option<String>, LunoraError> {
    identity::check_minted_expiry(request.headers(), host.now_ms())?;
    let forbidden = || LunoraError::new(Code::Forbidden, "Forbidden");
    if let Some(allowed) = host.var("LUNORA_ALLOWED_ORIGINS") {
        let origin = request.header("origin").ok_or_else(forbidden)?;
        let mut allowed = allowed.split(',').map(str::trim);
        if !allowed.any(|allowed| allowed == "*" || allowed == origin) {
            return Err(forbidden());
        }
    }
    let in_url = request.query("token");
    let admin = admin_fingerprint(request.bearer(), in_url.as_deref(), host);
    if admin.is_none()
        && let Some(expected) = host.var("LUNORA_WS_BEARER")
    {
        let presented = [request.bearer(), in_url.as_deref()];
        let is_it = |text: &str| bool::from(text.as_bytes().ct_eq(expected.as_bytes()));
        if !presented.into_iter().flatten().any(is_it) {
            return Err(forbidden());
        }
    }
    Ok(admin)
}

/// What a socket keeps of the admin token, to be told when it changes.
pub(super) fn fingerprint(token: &AdminToken) -> String {
    signature::sign(token.expose().as_bytes(), b"v1.admin-socket-binding")
}

/// The admin token of the shard.
pub(super) fn admin_token(host: &dyn ShardHost) -> Option<AdminToken> {
    AdminToken::new(host.var(AdminToken::VARIABLE)?).ok()
}

fn admin_fingerprint(
    bearer: Option<&str>,
    in_url: Option<&str>,
    host: &dyn ShardHost,
) -> Option<String> {
    let token = admin_token(host)?;
    let by_header = bearer.is_some_and(|bearer| token.matches(bearer));
    let by_url = in_url.is_some_and(|presented| {
        signature::verify_ws_token(&token, presented, host.now_ms())
            || (!requires_ephemeral(host) && token.matches(presented))
    });
    (by_header || by_url).then(|| fingerprint(&token))
}

fn requires_ephemeral(host: &dyn ShardHost) -> bool {
    let knob = host.var("LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN").unwrap_or_default();
    !matches!(&*knob.trim().to_ascii_lowercase(), "0" | "disabled" | "false" | "no" | "off")
}

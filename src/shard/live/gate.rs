//! Decides who may open a socket.

use std::time::Duration;

use http::Uri;
use subtle::ConstantTimeEq;

use crate::{
    errors::{Code, LunoraError},
    message::Request,
    platform::ShardHost,
    shard::admin::admin_token,
    wire::{AdminToken, identity, signature},
};

/// Admits a socket, and returns the fingerprint of the admin token if the token admitted it.
///
/// The Worker's own gate has already run. The further checks of a shard are set by its variables:
/// `LUNORA_ALLOWED_ORIGINS`, `LUNORA_WS_BEARER`, and the admin token. An empty one checks nothing,
/// and the Worker's own origin need not be listed. A token in the URL must be one that was made for
/// it, unless `LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN` is off: URLs end up in logs.
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
    let allowed = host.var("LUNORA_ALLOWED_ORIGINS").unwrap_or_default();
    let mut allowed = allowed.split(',').map(str::trim).filter(|word| !word.is_empty()).peekable();
    if allowed.peek().is_some() {
        let origin = request.header("origin").ok_or_else(forbidden)?;
        let is_own = is_origin_of(origin, request.uri());
        if !is_own && !allowed.any(|allowed| allowed == "*" || allowed == origin) {
            return Err(forbidden());
        }
    }
    let in_url = request.query("token");
    let admin = admin_fingerprint(request.bearer(), in_url.as_deref(), host);
    if admin.is_none()
        && let Some(expected) = host.var("LUNORA_WS_BEARER").filter(|it| !it.trim().is_empty())
    {
        let presented = [request.bearer(), in_url.as_deref()];
        let is_it = |text: &str| bool::from(text.as_bytes().ct_eq(expected.as_bytes()));
        if !presented.into_iter().flatten().any(is_it) {
            return Err(forbidden());
        }
    }
    Ok(admin)
}

/// Returns whether a browser at `uri` sends this `Origin`.
fn is_origin_of(origin: &str, uri: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().or(Some(if is_https(uri) { 443 } else { 80 }));
    // An origin is a scheme, a host and a port; anything more is invalid.
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let Ok(parsed) = origin.parse::<Uri>() else { return false };
    !authority.contains(['/', '?', '#', '@'])
        && matches!(scheme, "http" | "https")
        && parsed.scheme() == uri.scheme()
        && parsed.host().zip(uri.host()).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        && port(&parsed) == port(uri)
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// The variable for the maximum number of sockets of a shard.
const LIMIT_VARIABLE: &str = "LUNORA_SOCKET_LIMIT";
/// The attachments of all sockets must fit into the 128 MB of an isolate: at 4 KiB each, these take
/// 40 MB. And one commit may send a frame to each of them.
const DEFAULT_LIMIT: usize = 10_000;
/// The platform's limit per object.
const PLATFORM_LIMIT: usize = 32_768;
/// The time after which a refused client may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Refuses a socket beyond the limit of the shard, which has `open` sockets.
///
/// # Errors
/// 503 `SHARD_UNAVAILABLE` with `Retry-After`.
pub(super) fn check_room(open: usize, host: &dyn ShardHost) -> Result<(), LunoraError> {
    let limit = host.var(LIMIT_VARIABLE).and_then(|limit| limit.trim().parse().ok());
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(PLATFORM_LIMIT);
    if open < limit {
        return Ok(());
    }
    let message = format!(
        "too many live connections to this shard: expected at most {limit}; connect again later"
    );
    Err(LunoraError::new(Code::ShardUnavailable, message).with_retry_after(RETRY_AFTER))
}

/// Returns the fingerprint of the admin token that a socket keeps, to detect a change.
pub(super) fn fingerprint(token: &AdminToken) -> String {
    signature::sign(token.expose().as_bytes(), b"v1.admin-socket-binding")
}

fn admin_fingerprint(
    bearer: Option<&str>,
    in_url: Option<&str>,
    host: &dyn ShardHost,
) -> Option<String> {
    let token = admin_token(host)?;
    let by_header = AdminToken::is_bearer(Some(&token), bearer);
    let by_url = in_url.is_some_and(|presented| {
        let variable = host.var(signature::REQUIRE_EPHEMERAL);
        let requires_ephemeral = signature::requires_ephemeral(variable.as_deref());
        signature::accepts_in_url(&token, presented, host.now_ms(), requires_ephemeral)
    });
    (by_header || by_url).then(|| fingerprint(&token))
}

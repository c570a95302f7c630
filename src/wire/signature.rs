//! HMAC-SHA256, which signs scheduler dispatches, tokens of admin sockets, and sessions.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[cfg(any(feature = "admin", feature = "shard"))]
use super::AdminToken;
use super::identity::BASE64_URL;

/// The lifetime of an admin socket token, in milliseconds (docs/wire.md, "Admin gate").
#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) const WS_TOKEN_TTL_MS: u64 = 60_000;

/// Returns the signature of `message`, in base64url without padding.
pub(crate) fn sign(key: &[u8], message: &[u8]) -> String {
    BASE64_URL.encode(mac(key, message).finalize().into_bytes())
}

/// Returns whether `signature` is that of `message`, in a time that does not reveal how much of it
/// matched.
pub(crate) fn verify(key: &[u8], message: &[u8], signature: &str) -> bool {
    BASE64_URL
        .decode(signature)
        .is_ok_and(|signature| mac(key, message).verify_slice(&signature).is_ok())
}

/// Returns an admin socket token that is valid until `expires_at_ms`: it may be sent in a URL,
/// where the admin token may not.
#[cfg(feature = "admin")]
pub(crate) fn mint_ws_token(token: &AdminToken, expires_at_ms: u64) -> String {
    let claim = format!("v1.{expires_at_ms}");
    let signature = sign(token.expose().as_bytes(), claim.as_bytes());
    format!("{claim}.{signature}")
}

/// The variable that allows the admin token itself in the URL of a socket, if it is off.
#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) const REQUIRE_EPHEMERAL: &str = "LUNORA_REQUIRE_EPHEMERAL_WS_TOKEN";

/// Reads [`REQUIRE_EPHEMERAL`]: a socket needs a token made for it, unless the variable is off.
#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) fn requires_ephemeral(variable: Option<&str>) -> bool {
    let word = variable.unwrap_or_default().trim().to_ascii_lowercase();
    !matches!(&*word, "0" | "disabled" | "false" | "no" | "off")
}

/// Returns whether a credential in the URL of a socket is an operator's: always a token made for a
/// socket, the admin token itself only if no such token is required.
#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) fn accepts_in_url(
    token: &AdminToken,
    presented: &str,
    now_ms: u64,
    requires_ephemeral: bool,
) -> bool {
    verify_ws_token(token, presented, now_ms) || (!requires_ephemeral && token.matches(presented))
}

/// Returns whether `presented` is an admin socket token that is still valid at `now_ms`.
///
/// A token with a longer lifetime than any minted one was not minted here.
#[cfg(any(feature = "admin", feature = "shard"))]
pub(crate) fn verify_ws_token(token: &AdminToken, presented: &str, now_ms: u64) -> bool {
    let Some((claim, signature)) = presented.rsplit_once('.') else {
        return false;
    };
    let expiry = claim.strip_prefix("v1.").and_then(|expiry| expiry.parse::<u64>().ok());
    verify(token.expose().as_bytes(), claim.as_bytes(), signature)
        && expiry.is_some_and(|expiry| {
            expiry > now_ms && expiry <= now_ms.saturating_add(WS_TOKEN_TTL_MS)
        })
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length; the default is never used, and avoids a panic.
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(message);
    mac
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn signs_as_rfc_4231_does() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
                .collect()
        };
        let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let signature = sign(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(BASE64_URL.decode(&signature).unwrap(), expected);
        assert!(verify(b"Jefe", b"what do ya want for nothing?", &signature));
        assert!(!verify(b"Jefe", b"what do ya want for nothing!", &signature));
        assert!(!verify(b"jefe", b"what do ya want for nothing?", &signature));
        assert!(!verify(b"Jefe", b"what do ya want for nothing?", ""));
        assert!(!verify(b"Jefe", b"what do ya want for nothing?", "%%%"));
    }

    #[test]
    fn a_socket_token_is_good_until_it_expires_and_for_its_own_admin_token() {
        let admin = AdminToken::new("correct-horse-battery-staple").unwrap();
        let other = AdminToken::new("another").unwrap();
        let token = mint_ws_token(&admin, 61_000);
        assert!(token.starts_with("v1.61000."), "{token}");
        assert!(verify_ws_token(&admin, &token, 60_999));
        assert!(!verify_ws_token(&admin, &token, 61_000));
        assert!(!verify_ws_token(&other, &token, 60_000));
    }

    #[test]
    fn a_forged_socket_token_is_refused() {
        let admin = AdminToken::new("correct-horse-battery-staple").unwrap();
        let signature = sign(admin.expose().as_bytes(), b"v1.61000");
        for token in [
            String::new(),
            "v1".into(),
            "v1.61000".into(),
            "v1.61000.".into(),
            format!("v2.61000.{signature}"),
            format!("v1.61001.{signature}"),
            format!("v1.+61000.{}", sign(admin.expose().as_bytes(), b"v1.61000")),
            mint_ws_token(&admin, u64::MAX),
            admin.expose().to_owned(),
        ] {
            assert!(!verify_ws_token(&admin, &token, 60_000), "{token}");
        }
    }
}

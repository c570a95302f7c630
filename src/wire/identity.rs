//! The identity of a caller, and its form on the hop to a shard.

use std::borrow::Cow;

use ::headers::HeaderMapExt;
use base64::{
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::headers::{Claims, ExpectedSubject, IdentityExpiry, UserId};
use crate::errors::LunoraError;

/// base64url; written without padding, read with or without.
pub(crate) const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The identity of a caller, as a resolver derived it from the credentials of a request.
///
/// A shard receives it in headers that only the Worker writes; a client's own copies are stripped.
///
/// ```
/// use lunora::Identity;
///
/// let identity = Identity::user("ada")
///     .with_claim("role", "admin")
///     .expires_at_ms(1_900_000_000_000);
/// assert_eq!(identity.user_id(), Some("ada"));
/// assert_eq!(identity.claim("role").and_then(|role| role.as_str()), Some("admin"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    user_id: Option<String>,
    claims: Map<String, Value>,
}

impl Identity {
    /// Returns a user without claims other than the id. An empty id counts as absent.
    pub fn user(id: impl Into<String>) -> Self {
        Self { user_id: Some(id.into()).filter(|id| !id.is_empty()), claims: Map::new() }
    }

    /// Returns an identity from the claims of a token or a session; `userId` among them is the
    /// user's id.
    #[must_use]
    pub fn from_claims(mut claims: Map<String, Value>) -> Self {
        let user_id = match claims.remove("userId") {
            Some(Value::String(id)) if !id.is_empty() => Some(id),
            _ => None,
        };
        Self { user_id, claims }
    }

    /// Adds a claim.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Sets when the identity expires, in milliseconds since 1970. Calls are refused 401
    /// `TOKEN_EXPIRED` from then on, and a live connection ends.
    #[must_use]
    pub fn expires_at_ms(self, at: i64) -> Self {
        self.with_claim("expiresAtMs", at)
    }

    /// Returns the user's id.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// Returns a claim.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Returns every claim except the user's id.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Returns when the identity expires, in milliseconds since 1970: the claim `expiresAtMs`, else
    /// `exp` (seconds, as in a JWT).
    #[must_use]
    pub fn expiry_ms(&self) -> Option<i64> {
        let number =
            |name| self.claims.get(name).and_then(Value::as_f64).filter(|at| at.is_finite());
        // Truncation is meant: a header carries whole milliseconds.
        #[allow(
            clippy::cast_possible_truncation,
            reason = "saturates, and no real date comes near"
        )]
        number("expiresAtMs").or_else(|| Some(number("exp")? * 1000.0)).map(|at| at as i64)
    }

    /// Returns whether the identity has expired at `now_ms`, in milliseconds since 1970.
    ///
    /// ```
    /// use lunora::Identity;
    ///
    /// let identity = Identity::user("ada").expires_at_ms(1_000);
    /// assert!(!identity.is_expired(999));
    /// assert!(identity.is_expired(1_000));
    /// assert!(!Identity::user("ada").is_expired(u64::MAX));
    /// ```
    #[must_use]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        // A date before 1970 is past at any time.
        self.expiry_ms().is_some_and(|at| u64::try_from(at).map_or(true, |at| at <= now_ms))
    }

    /// Reads the identity that a Worker minted into the headers of a request to a shard.
    ///
    /// For the shard's side: there these headers can be trusted, since a Worker strips a client's
    /// copies. Unreadable claims count as absent (docs/wire.md, "Headers to a shard").
    ///
    /// ```
    /// use lunora::{Identity, Request};
    ///
    /// let request = Request::get("https://shard.internal/").with_header("x-lunora-userid", "ada");
    /// let identity = Identity::from_headers(request.headers());
    /// assert_eq!(identity.as_ref().and_then(Identity::user_id), Some("ada"));
    /// ```
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let user_id = headers.typed_get().map(|UserId(id)| id.into_owned());
        let claims = headers.typed_get().map(|Claims(claims)| claims.into_owned());
        if user_id.is_none() && claims.is_none() {
            return None;
        }
        Some(Self { user_id, claims: claims.unwrap_or_default() })
    }

    /// Writes the identity into the headers of a request to a shard (docs/wire.md, "Headers to a shard").
    pub(crate) fn mint(&self, headers: &mut HeaderMap) {
        if let Some(id) = &self.user_id {
            headers.typed_insert(UserId(Cow::Borrowed(id)));
        }
        if !self.claims.is_empty() {
            headers.typed_insert(Claims(Cow::Borrowed(&self.claims)));
        }
        if let Some(at) = self.expiry_ms() {
            headers.typed_insert(IdentityExpiry(u64::try_from(at).unwrap_or_default()));
        }
    }
}

/// Returns the error for an identity that has expired.
pub(crate) fn expired() -> LunoraError {
    LunoraError::new(
        crate::errors::Code::TokenExpired,
        "the identity has expired: sign in again and retry",
    )
}

/// Refuses a request to a shard whose minted identity has expired.
#[cfg(feature = "shard")]
pub(crate) fn check_minted_expiry(headers: &HeaderMap, now_ms: u64) -> Result<(), LunoraError> {
    match minted_expiry_ms(headers) {
        Some(at) if at <= now_ms => Err(expired()),
        _ => Ok(()),
    }
}

/// Returns when the minted identity of a request to a shard expires, in milliseconds since 1970.
///
/// Only a Worker writes the header. A value that is not a whole number of milliseconds counts as
/// past, so that an invalid one never grants access for ever.
#[cfg(feature = "shard")]
pub(crate) fn minted_expiry_ms(headers: &HeaderMap) -> Option<u64> {
    match headers.typed_try_get() {
        Ok(expiry) => expiry.map(|IdentityExpiry(at)| at),
        Err(_) => Some(0),
    }
}

/// Refuses a replay whose client expected to be another user (`x-lunora-expect-subject`;
/// docs/wire.md, "Calls").
pub(crate) fn check_expected_subject(
    inbound: &HeaderMap,
    identity: Option<&Identity>,
) -> Result<(), LunoraError> {
    let expected = match inbound.typed_try_get::<ExpectedSubject>() {
        Ok(Some(expected)) => expected,
        Ok(None) => return Ok(()),
        Err(_) => {
            return Err(LunoraError::bad_request(
                "x-lunora-expect-subject must be base64url JSON {\"subject\": string | null}",
            ));
        }
    };
    if expected.subject.as_deref() == identity.and_then(Identity::user_id) {
        return Ok(());
    }
    Err(LunoraError::new(
        crate::errors::Code::IdentityMismatch,
        "the write was queued under another identity than the one it is sent with",
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

//! The identity of a caller, and its form on the hop to a shard.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::headers;
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
        let user_id =
            headers.get(headers::USER_ID).and_then(|value| read_user_id(value.as_bytes()));
        let claims = headers.get(headers::IDENTITY).and_then(|value| read_claims(value.as_bytes()));
        if user_id.is_none() && claims.is_none() {
            return None;
        }
        Some(Self { user_id, claims: claims.unwrap_or_default() })
    }

    /// Writes the identity into the headers of a request to a shard (docs/wire.md, "Headers to a shard").
    pub(crate) fn mint(&self, headers: &mut HeaderMap) -> Result<(), LunoraError> {
        if let Some(id) = &self.user_id {
            headers.insert(headers::USER_ID, user_id_value(id)?);
        }
        if !self.claims.is_empty() {
            let json = serde_json::to_vec(&self.claims).map_err(LunoraError::internal)?;
            headers.insert(headers::IDENTITY, ascii(BASE64_URL.encode(json))?);
        }
        if let Some(at) = self.expiry_ms() {
            headers.insert(headers::IDENTITY_EXPIRY, at.max(0).into());
        }
        Ok(())
    }
}

/// Returns the id as a header value: raw if every host carries it unchanged, else `=` and
/// base64url.
///
/// A header value is its text in UTF-8, as the runtime has it.
fn user_id_value(id: &str) -> Result<HeaderValue, LunoraError> {
    let survives = !id.starts_with('=')
        && id.trim() == id
        && id.chars().all(|c| u32::from(c) <= 0xff && !c.is_control());
    if survives {
        HeaderValue::from_bytes(id.as_bytes()).map_err(LunoraError::internal)
    } else {
        ascii(format!("={}", BASE64_URL.encode(id)))
    }
}

fn read_user_id(value: &[u8]) -> Option<String> {
    let id = match value {
        [b'=', encoded @ ..] => String::from_utf8(BASE64_URL.decode(encoded).ok()?).ok()?,
        raw => String::from_utf8(raw.to_vec()).ok()?,
    };
    (!id.is_empty()).then_some(id)
}

/// Claims in base64url, or as the plain JSON that older Workers sent.
fn read_claims(value: &[u8]) -> Option<Map<String, Value>> {
    if value.starts_with(b"{") {
        return serde_json::from_slice(value).ok();
    }
    serde_json::from_slice(&BASE64_URL.decode(value).ok()?).ok()
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
    let value = headers.get(headers::IDENTITY_EXPIRY)?;
    Some(value.to_str().ok().and_then(|at| at.parse().ok()).unwrap_or_default())
}

fn ascii(text: String) -> Result<HeaderValue, LunoraError> {
    HeaderValue::try_from(text).map_err(LunoraError::internal)
}

/// Refuses a replay whose client expected to be another user (`x-lunora-expect-subject`;
/// docs/wire.md, "Calls").
pub(crate) fn check_expected_subject(
    inbound: &HeaderMap,
    identity: Option<&Identity>,
) -> Result<(), LunoraError> {
    #[derive(Deserialize)]
    struct Expected {
        #[serde(deserialize_with = "Option::deserialize")]
        subject: Option<String>,
    }

    let Some(header) = inbound.get(headers::EXPECT_SUBJECT) else {
        return Ok(());
    };
    let expected: Expected = BASE64_URL
        .decode(header.as_bytes())
        .ok()
        .filter(|json| json.starts_with(b"{"))
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| {
            LunoraError::bad_request(
                "x-lunora-expect-subject must be base64url JSON {\"subject\": string | null}",
            )
        })?;
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

//! The token of operators.

use std::fmt;

use headers::{Authorization, HeaderMapExt};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::errors::{Code, LunoraError};

/// The token of operators: its bearer may administrate the deployment.
///
/// Shards ask for it as well, before they export their rows. It is never printed.
///
/// ```
/// use lunora::AdminToken;
///
/// let token = AdminToken::new("correct-horse-battery-staple")?;
/// assert!(token.matches("correct-horse-battery-staple"));
/// assert!(!token.matches("correct-horse"));
/// assert_eq!(format!("{token:?}"), "AdminToken(..)");
/// # Ok::<(), lunora::wire::AdminTokenError>(())
/// ```
#[derive(Clone)]
pub struct AdminToken {
    token: String,
    digest: [u8; 32],
}

impl AdminToken {
    /// The environment variable that holds the token.
    pub const VARIABLE: &'static str = "LUNORA_ADMIN_TOKEN";

    /// Tokens shorter than this many characters can be guessed.
    pub const WEAK_BELOW: usize = 24;

    /// Takes `token` as the token.
    ///
    /// # Errors
    /// If it is empty, or has spaces or characters that a header cannot carry: it could never be
    /// presented.
    pub fn new(token: impl Into<String>) -> Result<Self, AdminTokenError> {
        let token = token.into();
        if token.is_empty() {
            return Err(AdminTokenError::Empty);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminTokenError::Character);
        }
        let digest = Sha256::digest(&token).into();
        Ok(Self { token, digest })
    }

    /// Returns whether `presented` is the token, in a time that does not reveal how much of it
    /// matched.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        // Digests have equal length; the time would reveal the token's length otherwise.
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.digest.ct_eq(&presented).into()
    }

    /// Returns whether the bearer of a request is the admin token; without a token, none is.
    pub(crate) fn is_bearer(token: Option<&Self>, bearer: Option<&str>) -> bool {
        matches!((token, bearer), (Some(token), Some(bearer)) if token.matches(bearer))
    }

    /// Returns whether the token is short enough to be guessed.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.token.len() < Self::WEAK_BELOW
    }

    /// Sets the token as the bearer of a request, for the hop to a shard.
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        // A token has visible ASCII only, so that a header can always carry it.
        if let Ok(bearer) = Authorization::bearer(&self.token) {
            headers.typed_insert(bearer);
        }
    }

    /// Refuses an operator. A hint distinguishes a missing configuration from a wrong token.
    pub(crate) fn refusal(
        configured: Option<&Self>,
        code: Code,
        message: &'static str,
    ) -> LunoraError {
        let error = LunoraError::new(code, message);
        match configured {
            Some(_) => error,
            None => error.with_hint("no admin token is configured: set LUNORA_ADMIN_TOKEN"),
        }
    }

    /// Returns the token itself, for the hop to a shard.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

/// The reason why a text is not an admin token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdminTokenError {
    /// It is empty.
    #[error("an admin token must not be empty")]
    Empty,
    /// It has a space, or a character that is not visible ASCII.
    #[error(
        "an admin token has visible ASCII characters only, and no spaces: it travels in a header"
    )]
    Character,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_token_that_cannot_be_presented() {
        assert_eq!(AdminToken::new("").err(), Some(AdminTokenError::Empty));
        for token in [" a", "a ", "a b", "tökén", "a\n"] {
            assert_eq!(AdminToken::new(token).err(), Some(AdminTokenError::Character), "{token:?}");
        }
    }

    #[test]
    fn matches_itself_and_nothing_else() {
        let token = AdminToken::new("secret").unwrap();
        assert!(token.matches("secret"));
        for other in ["", "secre", "secrets", "SECRET", "secret\0"] {
            assert!(!token.matches(other), "{other:?}");
        }
    }

    #[test]
    fn never_prints_itself() {
        let token = AdminToken::new("secret").unwrap();
        assert!(!format!("{token:?} {:?}", Some(&token)).contains("secret"));
    }

    #[test]
    fn is_a_bearer_that_no_log_shows() {
        let mut headers = HeaderMap::new();
        AdminToken::new("secret").unwrap().authorize(&mut headers);
        assert_eq!(headers["authorization"], "Bearer secret");
        assert!(!format!("{headers:?}").contains("secret"));
    }

    #[test]
    fn knows_a_weak_token() {
        assert!(AdminToken::new("a".repeat(23)).unwrap().is_weak());
        assert!(!AdminToken::new("a".repeat(24)).unwrap().is_weak());
    }
}

//! The secrets that sign sessions.

use std::{fmt, rc::Rc};

use crate::{
    errors::{Code, LunoraError},
    platform::Environment,
    wire::signature,
};

/// What a signature is for, so that one is never taken for another.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Code,
    Limit,
    Session,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Code => "lunora code",
            Self::Limit => "lunora limit",
            Self::Session => "lunora session",
        }
    }
}

/// The secrets of the sessions: the first signs, all of them verify. They are never printed.
///
/// ```
/// use lunora::sessions::SessionSecret;
///
/// let secret = SessionSecret::new("a new secret of at least 32 characters")?
///     .or_old("the old secret, at least 32 characters")?;
/// assert_eq!(format!("{secret:?}"), "SessionSecret(..)");
/// assert!(SessionSecret::new("too short").is_err());
/// # Ok::<(), lunora::LunoraError>(())
/// ```
#[derive(Clone)]
pub struct SessionSecret(Rc<[String]>);

impl SessionSecret {
    /// The variable that holds the secret; several are separated by commas.
    pub const VARIABLE: &'static str = "LUNORA_SESSION_SECRET";

    /// The variable that holds the secrets of before, which still verify.
    pub const OLD_VARIABLE: &'static str = "LUNORA_SESSION_SECRET_OLD";

    /// The minimum length of a secret, in characters.
    pub const MIN_LENGTH: usize = 32;

    /// Takes `secret` as the one that signs.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if it has fewer than 32 characters.
    pub fn new(secret: &str) -> Result<Self, LunoraError> {
        Ok(Self(Rc::new([checked(secret)?])))
    }

    /// Adds a secret that verifies and does not sign: the one before a rotation.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn or_old(self, secret: &str) -> Result<Self, LunoraError> {
        let mut all = self.0.to_vec();
        all.push(checked(secret)?);
        Ok(Self(all.into()))
    }

    /// Reads `LUNORA_SESSION_SECRET` and `LUNORA_SESSION_SECRET_OLD`, each of which may hold several
    /// secrets, separated by commas. The first one signs.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the first variable is not set, or a secret has fewer than 32 characters.
    pub fn from_env(env: &impl Environment) -> Result<Self, LunoraError> {
        let current = env.var(Self::VARIABLE).unwrap_or_default();
        let old = env.var(Self::OLD_VARIABLE).unwrap_or_default();
        let words = |list: &str| -> Vec<String> {
            let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let (mut all, old) = (words(&current), words(&old));
        if all.is_empty() {
            return Err(unusable(
                "LUNORA_SESSION_SECRET is not set: put it into .dev.vars, or run `npx wrangler secret put LUNORA_SESSION_SECRET`",
            ));
        }
        all.extend(old);
        for secret in &all {
            checked(secret)?;
        }
        Ok(Self(all.into()))
    }

    pub(super) fn sign(&self, purpose: Purpose, message: &str) -> String {
        let key = self.0.first().map(String::as_bytes).unwrap_or_default();
        signature::sign(key, labelled(purpose, message).as_bytes())
    }

    /// Returns whether one of the secrets made `signature`, in a time that does not reveal how much
    /// of it matched.
    pub(super) fn verifies(&self, purpose: Purpose, message: &str, signature: &str) -> bool {
        let message = labelled(purpose, message);
        let verifies =
            |key: &String| signature::verify(key.as_bytes(), message.as_bytes(), signature);
        self.0.iter().any(verifies)
    }
}

fn labelled(purpose: Purpose, message: &str) -> String {
    format!("{}\n{message}", purpose.name())
}

fn checked(secret: &str) -> Result<String, LunoraError> {
    if secret.chars().count() < SessionSecret::MIN_LENGTH {
        return Err(unusable(
            "a secret of sessions has at least 32 characters; `openssl rand -base64 32` makes one",
        ));
    }
    Ok(secret.to_owned())
}

fn unusable(source: &'static str) -> LunoraError {
    LunoraError::new(Code::Misconfigured, "the secret of the sessions is not configured")
        .with_source(source)
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

//! Variables and secrets.

use super::random_seed;
use crate::{
    errors::{Code, LunoraError},
    wire::AdminToken,
};

/// The bindings that the core reads itself: variables and secrets.
pub trait Environment: 'static {
    /// Returns a variable or a secret, if it exists and is text.
    fn var(&self, name: &str) -> Option<String>;

    /// Returns 32 random bytes, which seed the ids of traces. Default: those of the host.
    ///
    /// A simulated deployment returns bytes that its seed decides.
    fn random_seed(&self) -> [u8; 32] {
        random_seed()
    }
}

/// No variables at all.
impl Environment for () {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

impl AdminToken {
    /// Returns the token of `LUNORA_ADMIN_TOKEN`.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the variable is not set or is not a token; the source says which.
    pub fn from_env(env: &impl Environment) -> Result<Self, LunoraError> {
        let unusable = |source: Box<dyn std::error::Error>| {
            LunoraError::new(Code::Misconfigured, "the admin token is not configured")
                .with_source(source)
        };
        let token = env.var(Self::VARIABLE).ok_or_else(|| {
            unusable("LUNORA_ADMIN_TOKEN is not set: put it into .dev.vars, or run `npx wrangler secret put LUNORA_ADMIN_TOKEN`".into())
        })?;
        Self::new(token).map_err(|error| unusable(error.into()))
    }
}

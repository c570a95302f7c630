//! What the core asks of its host in every event: variables, secrets, randomness, and work that goes on
//! after the answer.

use futures::future::LocalBoxFuture;

use super::{context::keep_alive, random_seed};
use crate::{
    errors::{Code, LunoraError},
    wire::AdminToken,
};

/// The environment of an event: variables and secrets, and work that outlives the response.
pub trait Environment: 'static {
    /// Returns a variable or a secret, if it exists and is text.
    fn var(&self, name: &str) -> Option<String>;

    /// Returns 32 random bytes, which seed the ids of traces. Default: those of the host.
    ///
    /// A simulated deployment returns bytes that its seed decides.
    fn random_seed(&self) -> [u8; 32] {
        random_seed()
    }

    /// Keeps the event alive until `task` is done. The response does not wait for it.
    ///
    /// For hooks that have only the environment, such as a resolver of identities that records the use
    /// of a session. Default: by the host's `waitUntil`; natively the task is dropped, because nothing
    /// would run it.
    ///
    /// ```
    /// use lunora::{Identity, Response, platform::Environment, testing::{self, MemoryEnvironment}};
    ///
    /// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
    /// let app = testing::builder()
    ///     .shard_do(shards)
    ///     .resolve_identity(async |request, env| {
    ///         let user = request.cookie("user")?.to_owned();
    ///         env.wait_until(Box::pin(record_visit(user.clone())));
    ///         Some(Identity::user(user))
    ///     })
    ///     .build();
    /// # let _ = app;
    ///
    /// async fn record_visit(user: String) {
    ///     // …
    /// # let _ = user;
    /// }
    /// ```
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        keep_alive(task);
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

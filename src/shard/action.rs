//! The context of an action, which calls the other functions of its shard.

use std::{fmt, rc::Rc};

use futures::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    caller::{Caller, SharedCaller},
    context::{Auth, read_result},
    function::args::to_text,
    run::check_depth,
    state::State,
};
use crate::{
    errors::{Code, LunoraError},
    platform::Env,
};

/// The context of an action. It can wait for other services, and reaches the database only through
/// queries and mutations, each in its own transaction.
pub struct Action {
    shard: Rc<dyn ActionShard>,
    caller: SharedCaller,
    depth: u32,
}

/// The shard of an action: it runs each function that the action calls, as a run of its own.
pub(crate) trait ActionShard {
    /// Returns the state.
    fn state(&self) -> &State;

    /// Runs a query.
    fn query(
        &self,
        caller: &Caller,
        depth: u32,
        path: &str,
        args: &str,
    ) -> Result<String, LunoraError>;

    /// Runs a mutation in a transaction of its own.
    fn mutation(
        &self,
        caller: &Caller,
        depth: u32,
        path: &str,
        args: &str,
    ) -> Result<String, LunoraError>;

    /// Runs an action.
    fn action(
        self: Rc<Self>,
        caller: SharedCaller,
        depth: u32,
        path: &str,
        args: String,
    ) -> LocalBoxFuture<'static, Result<String, LunoraError>>;
}

impl Action {
    pub(crate) fn new(shard: Rc<dyn ActionShard>, caller: SharedCaller, depth: u32) -> Self {
        Self { shard, caller, depth }
    }

    /// Returns the caller.
    #[must_use]
    pub fn auth(&self) -> Auth<'_> {
        Auth::new(&self.caller)
    }

    /// Returns the caller's address, if the Worker knows it.
    #[must_use]
    pub fn ip(&self) -> Option<&str> {
        self.caller.ip.as_deref()
    }

    /// Returns the key of this shard.
    #[must_use]
    pub fn shard_key(&self) -> &str {
        self.shard.state().key()
    }

    /// Returns the time in milliseconds since 1970. It advances while the action waits.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.shard.state().host().now_ms()
    }

    /// Returns an unpredictable id.
    #[must_use]
    pub fn random_id(&self) -> String {
        self.shard.state().random.id()
    }

    /// Returns a variable or a secret of the deployment.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        self.shard.state().host().var(name)
    }

    /// Returns the bindings of the deployment.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` in a test, which has no bindings.
    pub fn env(&self) -> Result<&Env, LunoraError> {
        self.shard.state().host().env().ok_or_else(|| {
            LunoraError::new(Code::Misconfigured, "bindings are only there on the real platform")
        })
    }

    /// Runs a query of this shard, internal ones included.
    ///
    /// # Errors
    /// The error of that query; 404 `FUNCTION_NOT_FOUND` if the path is not a query's;
    /// `RUN_DEPTH_EXCEEDED` below 32 others.
    pub fn run_query<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        let args = to_text(args)?;
        let depth = check_depth(self.depth)?;
        read_result(path, &self.shard.query(&self.caller, depth, path, &args)?)
    }

    /// Runs a mutation of this shard, internal ones included, in a transaction of its own.
    ///
    /// # Errors
    /// As [`run_query`](Self::run_query); 500 `NESTED_TRANSACTION` while another one runs.
    pub fn run_mutation<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        let args = to_text(args)?;
        let depth = check_depth(self.depth)?;
        read_result(path, &self.shard.mutation(&self.caller, depth, path, &args)?)
    }

    /// Runs another action of this shard, internal ones included.
    ///
    /// # Errors
    /// As [`run_query`](Self::run_query).
    pub async fn run_action<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        let args = to_text(args)?;
        let depth = check_depth(self.depth)?;
        let result = self.shard.clone().action(self.caller.clone(), depth, path, args).await?;
        read_result(path, &result)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").finish_non_exhaustive()
    }
}

//! The contexts of queries and mutations: the caller, the time, and as much of the database as each
//! may use.

use std::{fmt, ops::Deref};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    caller::Caller,
    db::{Reader, Writer},
    function::args::to_text,
    run::Run,
    scheduler::Scheduler,
};
use crate::{
    errors::{Code, LunoraError},
    wire::value::integers::from_json,
};

/// The context of a query. It can only read.
///
/// A function that reads takes `&Query`, and can be called with the `&Mutation` of a mutation as
/// well.
pub struct Query<'a> {
    run: &'a Run<'a>,
}

/// The context of a mutation. All of its writes commit together if it returns `Ok`, and are rolled
/// back if it returns an error.
pub struct Mutation<'a> {
    query: Query<'a>,
}

/// The caller of a function.
#[derive(Clone, Copy)]
pub struct Auth<'a> {
    caller: &'a Caller,
}

impl<'a> Query<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self { run }
    }

    /// Returns the caller.
    #[must_use]
    pub fn auth(&self) -> Auth<'a> {
        self.run.reads().note_caller();
        Auth::new(self.run.caller)
    }

    /// Returns the caller's address, if the Worker knows it.
    #[must_use]
    pub fn ip(&self) -> Option<&'a str> {
        self.run.reads().note_caller();
        self.run.caller.ip.as_deref()
    }

    /// Returns the key of this shard.
    #[must_use]
    pub fn shard_key(&self) -> &'a str {
        self.run.state.key()
    }

    /// Returns the time in milliseconds since 1970. It stands still while the function runs.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.run.now_ms
    }

    /// Returns the documents.
    #[must_use]
    pub fn db(&self) -> Reader<'a> {
        Reader::new(self.run)
    }

    /// Runs another query of this shard, internal ones included, in the same transaction.
    ///
    /// # Errors
    /// The error of that query; 404 `FUNCTION_NOT_FOUND` if the path is not a query's;
    /// `RUN_DEPTH_EXCEEDED` below 32 others.
    pub fn run_query<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        read_result(path, &self.run.query(path, &to_text(args)?)?)
    }
}

impl<'a> Mutation<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self { query: Query::new(run) }
    }

    /// Returns the documents, to read and to write.
    #[must_use]
    pub fn db(&self) -> Writer<'a> {
        Writer::new(self.query.run)
    }

    /// Returns what has functions of this shard called later.
    #[must_use]
    pub fn scheduler(&self) -> Scheduler<'a> {
        Scheduler::new(self.query.run)
    }

    /// Returns an unpredictable id that no document has.
    #[must_use]
    pub fn random_id(&self) -> String {
        self.query.run.state.random.id()
    }

    /// Runs another mutation of this shard, internal ones included, in the same transaction.
    ///
    /// If it fails, this one can no longer succeed, however it handles the error: a transaction
    /// commits all or nothing.
    ///
    /// # Errors
    /// As [`run_query`](Query::run_query).
    pub fn run_mutation<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        read_result(path, &self.query.run.mutation(path, &to_text(args)?)?)
    }
}

impl<'a> Deref for Mutation<'a> {
    type Target = Query<'a>;

    fn deref(&self) -> &Query<'a> {
        &self.query
    }
}

impl<'a> Auth<'a> {
    pub(crate) fn new(caller: &'a Caller) -> Self {
        Self { caller }
    }

    /// Returns the user's id; `None` for an anonymous caller.
    #[must_use]
    pub fn user_id(&self) -> Option<&'a str> {
        self.caller.identity.as_ref()?.user_id()
    }

    /// Returns the user's id.
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED` for an anonymous caller.
    pub fn require_user(&self) -> Result<&'a str, LunoraError> {
        self.user_id().ok_or_else(|| LunoraError::unauthorized("sign in to do this"))
    }

    /// Returns a claim, such as a role.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&'a Value> {
        self.caller.identity.as_ref()?.claim(name)
    }

    /// Returns every claim except the user's id; `None` for an anonymous caller.
    #[must_use]
    pub fn claims(&self) -> Option<&'a Map<String, Value>> {
        self.caller.identity.as_ref().map(crate::wire::Identity::claims)
    }

    /// Returns whether the server itself calls: a cron job, an operator's tool, another object.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.caller.system
    }
}

/// Reads the answer of a function that another one called.
pub(crate) fn read_result<T: DeserializeOwned>(path: &str, result: &str) -> Result<T, LunoraError> {
    from_json(result).map_err(|error| {
        let message = format!("{path} returned another type than the caller expects");
        LunoraError::new(Code::RpcFailed, message).with_source(error)
    })
}

macro_rules! debug {
    ($($name:ident<$lifetime:lifetime>)*) => {$(
        impl fmt::Debug for $name<$lifetime> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

debug! { Query<'_> Mutation<'_> Auth<'_> }

//! A shard under test: SQLite in memory, and calls as a Worker makes them.

use std::{fmt, rc::Rc};

use futures::executor::block_on;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Caller, QueryRun, Shard, ShardClass, ShardDefinition};
pub use crate::platform::memory::SqliteHost;
use crate::{
    errors::LunoraError,
    message::{Request, Response},
    platform::{
        ShardHost, ShardNamespace,
        memory::{ManualClock, MemoryNamespace},
    },
    wire::{Identity, value::integers::from_json},
};

/// A shard under test: the real functions over SQLite in memory, under plain `cargo test`.
///
/// Needs the feature `shard-testing`, best among the `dev-dependencies`. A clone is the same shard,
/// and may have another caller.
///
/// ```
/// use lunora::{LunoraError, shard::{Document, Mutation, NoArgs, Query, ShardDefinition, Table, table}};
/// use lunora::shard::testing::TestShard;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// struct Message { author: String, text: String }
/// const MESSAGES: Table<Message> = table!("messages");
///
/// #[derive(Deserialize)]
/// struct Send { text: String }
///
/// fn send(ctx: &Mutation<'_>, args: Send) -> Result<Document<Message>, LunoraError> {
///     let author = ctx.auth().require_user()?.to_owned();
///     ctx.db().insert(MESSAGES, Message { author, text: args.text })
/// }
///
/// fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Message>>, LunoraError> {
///     ctx.db().table(MESSAGES).collect()
/// }
///
/// let room = TestShard::new(
///     ShardDefinition::new().table(MESSAGES).mutation("messages:send", send).query("messages:list", list),
/// );
/// let ada = room.user("ada");
/// let sent: Document<Message> = ada.call("messages:send", &serde_json::json!({ "text": "hello" }))?;
/// assert_eq!(sent.author, "ada");
/// let listed: Vec<Document<Message>> = room.call("messages:list", &NoArgs {})?;
/// assert_eq!(listed, [sent]);
///
/// let anonymous = room.call::<Document<Message>>("messages:send", &serde_json::json!({ "text": "x" }));
/// assert_eq!(anonymous.unwrap_err().code(), "UNAUTHORIZED");
/// # Ok::<(), LunoraError>(())
/// ```
#[derive(Clone)]
pub struct TestShard {
    shard: Shard,
    host: Rc<SqliteHost>,
    clock: ManualClock,
    caller: Caller,
    headers: Vec<(String, String)>,
}

impl TestShard {
    /// Returns a shard of this definition with the key `test`, and a clock that stands still in
    /// 2023.
    ///
    /// # Panics
    /// If SQLite cannot open a database.
    #[must_use]
    pub fn new(definition: ShardDefinition) -> Self {
        Self::named("test", definition)
    }

    /// Returns the shard of a class that [`shard!`](crate::shard!) wrote.
    ///
    /// # Panics
    /// If SQLite cannot open a database.
    #[must_use]
    pub fn of<S: ShardClass>() -> Self {
        Self::new(S::definition())
    }

    /// Returns a shard with this key.
    ///
    /// # Panics
    /// If SQLite cannot open a database.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test without its database must stop")]
    pub fn named(key: &str, definition: ShardDefinition) -> Self {
        let clock = ManualClock::new(1_700_000_000_000);
        let host = SqliteHost::new(key, clock.clone()).expect("SQLite in memory");
        accept_announcements(&host, &definition);
        let shard = Shard::new(host.clone(), definition);
        Self { shard, host, clock, caller: Caller::default(), headers: Vec::new() }
    }

    /// Returns the same object woken again: the database stays, everything in memory is gone. The
    /// definition may differ, as after a deployment.
    #[must_use]
    pub fn wake(&self, definition: ShardDefinition) -> Self {
        accept_announcements(&self.host, &definition);
        let shard = Shard::new(self.host.clone(), definition);
        Self { shard, ..self.clone() }
    }

    /// Returns the same shard, called by this user.
    #[must_use]
    pub fn user(&self, id: &str) -> Self {
        self.identity(Identity::user(id))
    }

    /// Returns the same shard, called by this identity.
    #[must_use]
    pub fn identity(&self, identity: Identity) -> Self {
        let mut other = self.clone();
        other.caller.identity = Some(identity);
        other
    }

    /// Returns the same shard, called by the server itself, which may call internal functions.
    #[must_use]
    pub fn system(&self) -> Self {
        let mut other = self.clone();
        other.caller.system = true;
        other.with_header("x-lunora-system", "1")
    }

    /// Returns the same shard, called with one more header, such as `x-lunora-mutation-id`.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// Calls a function and reads its answer.
    ///
    /// # Errors
    /// The error of the function, as a client sees it.
    pub fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        args: &impl Serialize,
    ) -> Result<T, LunoraError> {
        let answer = self.answer(path, args);
        if let Some(error) = answer.1.get("error") {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            return Err(LunoraError::custom(text("code"), answer.0, text("message")));
        }
        let result = answer.1.get("result").cloned().unwrap_or_default();
        from_json(&result.to_string()).map_err(LunoraError::internal)
    }

    /// Calls a function, and returns the status and the whole body of the response.
    #[must_use]
    pub fn answer(&self, path: &str, args: &impl Serialize) -> (u16, Value) {
        let body = json!({ "functionPath": path, "args": json!(args) }).to_string();
        self.post("/rpc", body)
    }

    /// Runs an operation of operators with the token of [`admin_token`](Self::admin_token).
    #[must_use]
    pub fn admin(&self, op: &str, args: &Value) -> (u16, Value) {
        self.answer(&format!("__lunora_admin__:{op}"), args)
    }

    /// Returns the same shard with an admin token set, called by its bearer.
    #[must_use]
    pub fn admin_token(&self, token: &str) -> Self {
        self.host.set_var("LUNORA_ADMIN_TOKEN", token);
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Posts a body to the shard, and returns the status and the body of the response; text that is
    /// not JSON is returned as a string.
    #[must_use]
    pub fn post(&self, path: &str, body: impl Into<String>) -> (u16, Value) {
        let request = Request::post(format!("https://shard.internal{path}"), body.into());
        let response = self.fetch(request);
        let status = response.status().as_u16();
        let bytes = block_on(response.into_parts().1.into_bytes(usize::MAX)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends a request, with the headers of this caller.
    #[must_use]
    pub fn fetch(&self, mut request: Request) -> Response {
        if let Some(identity) = &self.caller.identity {
            identity.mint(request.headers_mut());
        }
        for (name, value) in &self.headers {
            request = request.with_header(name, value);
        }
        block_on(self.shard.fetch(request))
    }

    /// Runs a query as a live connection does.
    ///
    /// # Errors
    /// The error of the query.
    pub fn run_query(&self, path: &str, args: &Value) -> Result<QueryRun, LunoraError> {
        self.shard.run_query(path, &args.to_string(), &self.caller)
    }

    /// Makes the scheduled calls that are due by the clock, as the object does on its own. Returns how many
    /// it made.
    ///
    /// # Errors
    /// When the database fails. The error of a call stays with it in the table `SCHEDULED`.
    pub fn run_due(&self) -> Result<usize, LunoraError> {
        block_on(self.shard.run_due())
    }

    /// Returns the shard.
    #[must_use]
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Returns the host of the shard.
    #[must_use]
    pub fn host(&self) -> &SqliteHost {
        &self.host
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Puts Durable Objects behind a binding. The registry that the definition names accepts every
    /// announcement unless a test sets another one here.
    pub fn set_namespace(&self, binding: &str, namespace: impl ShardNamespace) {
        self.host.set_namespace(binding, namespace);
    }
}

/// Lets the registry of `definition` accept every shard, unless something is bound there already.
fn accept_announcements(host: &SqliteHost, definition: &ShardDefinition) {
    if let Some(binding) = definition.registry
        && host.namespace(binding).is_err()
    {
        host.set_namespace(
            binding,
            MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"changed":true,"ok":true}"#)),
        );
    }
}

impl fmt::Debug for TestShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestShard").field("caller", &self.caller).finish_non_exhaustive()
    }
}

//! The database of sessions: a database of D1, or its stand-in in a test.

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::errors::LunoraError;

/// The rows that a statement returned, each by column.
pub type SessionRows = Vec<Map<String, Value>>;

/// A statement of SQLite, and the values of `?1`, `?2` and so on: each a text, a number or null.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionStatement {
    /// The statement. It is never made of anything that a request sent.
    pub sql: &'static str,
    /// The values.
    pub values: Vec<Value>,
}

/// The database that holds users, sessions and codes.
///
/// `worker::D1Database` is one: `env.d1("DB")?`.
#[cfg_attr(
    all(feature = "shard-testing", not(target_arch = "wasm32")),
    doc = "[`MemorySessions`](crate::testing::MemorySessions) is one for tests."
)]
pub trait SessionStore: 'static {
    /// Runs statements in one transaction, in their order, and returns the rows of each. If one
    /// fails, none has an effect.
    ///
    /// # Errors
    /// If the database fails.
    fn run(
        &self,
        statements: Vec<SessionStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<SessionRows>, LunoraError>>;
}

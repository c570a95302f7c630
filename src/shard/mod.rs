//! The shard side: a Durable Object of typed functions over documents in SQLite. Feature `shard`.
//!
//! A shard owns the data of one key. Functions read and write it: a *query* reads, a *mutation*
//! writes in one transaction, an *action* waits for others and calls the two. [`shard!`](crate::shard!)
//! makes an object out of them, in a few lines:
//!
//! ```
//! # mod room {
//! use lunora::shard::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! pub struct Message {
//!     author: String,
//!     text: String,
//! }
//!
//! const MESSAGES: Table<Message> = table!("messages").index("by_author", &["author"]);
//!
//! #[derive(Deserialize)]
//! struct Send {
//!     text: String,
//! }
//!
//! fn send(ctx: &Mutation<'_>, args: Send) -> Result<Document<Message>, LunoraError> {
//!     let author = ctx.auth().require_user()?.to_owned();
//!     ctx.db().insert(MESSAGES, Message { author, text: args.text })
//! }
//!
//! fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Message>>, LunoraError> {
//!     ctx.db().table(MESSAGES).order(Direction::Desc).take(50)
//! }
//!
//! lunora::shard! {
//!     /// One channel of the chat.
//!     pub struct Room;
//!     tables: [MESSAGES],
//!     functions: {
//!         query "messages:list" => list,
//!         mutation "messages:send" => send,
//!     },
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! A path without the form `namespace:name`, a duplicate path, and an invalid table name do not
//! compile.
//!
//! # What holds
//!
//! - **A mutation commits all or nothing.** It runs in one transaction of the platform, without
//!   interleaving; an `Err` rolls it back.
//! - **A query cannot write.** Its context has no method that writes, and raw SQL that would write
//!   is refused.
//! - **A repeated write is applied once.** The answer is kept for 24 hours in the transaction of
//!   the write, by the `x-lunora-mutation-id` of the client.
//! - **Arguments match their type**, or the client gets 400 `VALIDATION_ERROR` with the path of
//!   the invalid one. Dates, big integers and bytes come as [`wire::value`](crate::wire::value)
//!   types.
//! - **An answer is bounded.** A query or a mutation that returns more than 16 MiB is 413
//!   `PAYLOAD_TOO_LARGE`, and the mutation has written nothing. An action, whose effects stay, keeps
//!   its answer.
//! - **A batch is bounded.** Calls of one batch run one after another until their answers exceed 4 MiB;
//!   those after that are not run, and their slots are 429 `TOO_MANY_REQUESTS`. A query in a batch
//!   whose own answer exceeds 4 MiB is 413 `PAYLOAD_TOO_LARGE`.
//! - **Every write of a document is in the change log**, which feeds live queries, replicas and
//!   [`cdcSync`](crate::coordinator::ShardAdmin::sync). It keeps 64 MiB and seven days; the variable
//!   `LUNORA_CDC_LOG_RETENTION` keeps a number of rows instead. Old changes are deleted with later
//!   writes, and a reader that comes too late gets 409 `CDC_LOG_TRIMMED`.
//! - **A full shard still deletes.** Over 9 GB of the 10 GB that an object may have (the variable
//!   `LUNORA_DATABASE_LIMIT`, in bytes), a write that makes a document larger is refused with 507
//!   `SHARD_FULL`.
//! - **Live connections are bounded.** A shard accepts 10,000 sockets (the variable
//!   `LUNORA_SOCKET_LIMIT`, at most the platform's 32,768) and refuses an upgrade beyond that with 503
//!   `SHARD_UNAVAILABLE` and `Retry-After`. A socket may send 100 frames at once and 50 a second. A
//!   frame beyond that is ignored and answered with the error frame `TOO_MANY_REQUESTS`; after 100 of
//!   those the socket is closed with 1008.
//!
//! # Tests
//!
//! With the feature `shard-testing` functions run under plain `cargo test`, over SQLite in memory:
//! see `testing::TestShard`.

mod action;
mod admin;
mod announcement;
mod answer;
mod batch;
mod call;
mod caller;
mod changes;
mod class;
mod context;
mod crashes;
pub(crate) mod database;
pub(crate) mod db;
mod definition;
mod due;
mod failures;
#[doc(hidden)]
pub mod faults;
mod fetch;
mod function;
mod instance;
#[doc(hidden)]
pub mod layout;
pub(crate) mod live;
mod macros;
mod metrics;
mod migration;
mod names;
mod parts;
pub(crate) mod random;
mod recent;
mod recovery;
mod registration;
mod replies;
mod rpc;
mod run;
mod run_as;
mod scheduler;
pub(crate) mod schema;
mod sentence;
mod sql;
mod state;
mod subscriptions;
mod table;
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub mod testing;
#[cfg(all(test, feature = "shard-testing"))]
mod tests;
mod tracking;
mod watermarks;

#[cfg(feature = "schema")]
#[doc(hidden)]
pub use self::function::schemas;
pub use self::{
    action::Action,
    caller::Caller,
    class::{Announced, Announcement, ShardClass, ShardsOf, Unannounced},
    context::{Auth, Mutation, Query},
    db::{Document, IndexValue, Page, PageRequest, Reader, Sql, StoredJson, TableQuery, Writer},
    definition::{DefinitionError, ShardDefinition},
    due::SCHEDULED,
    function::{
        ActionHandler, MutationHandler, NoArgs, QueryHandler, StreamHandler, args::invalid_argument,
    },
    instance::{QueryRun, Shard},
    live::Connection,
    migration::MigrationHandler,
    scheduler::{ScheduledCall, Scheduler},
    sql::SqlValue,
    table::{Table, TableSpec},
    tracking::{Change, ChangeOp, Commit, Reads},
};
pub use crate::{
    functions::FunctionPathError,
    index,
    platform::{DurableObjectHost, ShardHost, SqlCell, SqlFailure, SqlRows},
    table,
};

#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) use self::{
    call::{parse_call, write_ids},
    db::{read_cursor, write_cursor},
    sql::statement::{Effect, Statement},
};

/// The imports of a shard's file, in one line: `use lunora::shard::prelude::*;`.
pub mod prelude {
    pub use super::{
        Action, Connection, Document, Mutation, NoArgs, Page, PageRequest, Query, SCHEDULED,
        ShardClass, StoredJson, Table, index, invalid_argument, table,
    };
    pub use crate::{Code, LunoraError, coordinator::Direction};
}

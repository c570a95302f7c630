//! A live connection, as the functions see it that run when it begins and when it ends.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::shard::caller::Caller;

/// The connection that a function of the kind `connect` or `disconnect` is about.
///
/// ```
/// use lunora::{LunoraError, shard::{Connection, Mutation, Table, table}};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Member { name: String }
///
/// const MEMBERS: Table<Member> = table!("members");
///
/// fn join(ctx: &Mutation<'_>, connection: Connection<Member>) -> Result<(), LunoraError> {
///     let Some(member) = connection.context else { return Ok(()) };
///     ctx.db().insert_with_id(MEMBERS, connection.connection_id, member).map(drop)
/// }
///
/// fn leave(ctx: &Mutation<'_>, connection: Connection<Member>) -> Result<(), LunoraError> {
///     ctx.db().delete(MEMBERS, &connection.connection_id).map(drop)
/// }
///
/// lunora::shard! {
///     pub struct Room;
///     tables: [MEMBERS],
///     functions: {
///         connect "members:join" => join,
///         disconnect "members:leave" => leave,
///     },
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Connection<C> {
    /// The id of the connection, which no other connection of any shard has.
    pub connection_id: String,
    /// The key of the shard.
    pub shard_key: String,
    /// The user of the connection, or `None` if it is anonymous.
    pub user_id: Option<String>,
    /// What the client said of itself when it connected.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub context: Option<C>,
}

/// A connection that began or ended, until its functions have run.
pub(super) struct Event {
    pub(super) ends: bool,
    pub(super) socket: Rc<str>,
    pub(super) who: Rc<Caller>,
    pub(super) context: Option<Box<RawValue>>,
}

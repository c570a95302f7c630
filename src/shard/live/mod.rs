//! Live queries: each new value of a subscribed query is sent over its socket.
//!
//! [`LiveObject`] is the shard with its sockets. It takes frames and commits; a commit only marks
//! the answers it may have changed ([`answers`]), and [`LiveObject::flush`] runs their queries after
//! the request that wrote has been answered ([`refresh`]).

mod allowance;
mod answers;
mod attachment;
mod frame;
mod gate;
mod index;
mod object;
mod on_shard;
mod receive;
mod refresh;
mod sockets;
mod subscribe;
#[cfg(all(test, feature = "shard-testing"))]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod topics;
mod whispers;

use serde_json::value::RawValue;

pub(crate) use self::{
    gate::admit,
    object::{Crash, LiveObject, Running, SocketHost},
};
use self::{on_shard::OnShard, sockets::Live};
use super::{Caller, tracking::Reads};
use crate::errors::LunoraError;

/// Returns whether a text is a frame that a client may send.
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) fn is_client_frame(text: &str) -> bool {
    frame::ClientFrame::read(text).is_some()
}

/// A socket of the host.
pub(crate) trait LiveSocket: 'static {
    /// Sends a text; a closed socket ignores it.
    fn send(&self, text: &str);
    /// Closes the socket.
    fn close(&self, code: u16, reason: &str);
    /// Stores a text with the socket that outlives hibernation. Returns whether it was stored.
    fn keep(&self, attachment: &str) -> bool;
}

/// The interface of a shard for live queries.
pub(crate) trait LiveShard {
    /// Runs a public query.
    fn run_query(&self, path: &str, args: &RawValue, caller: &Caller) -> LiveRun;
    /// Runs an admin operation that reads, for the socket of an operator.
    fn run_admin(&self, path: &str, args: &RawValue) -> LiveRun;
    /// Records which query is about to run; `None` once it has.
    fn running(&self, query: Option<&Running<'_>>);
    /// Returns the position of the change log and its epoch; `None` if the database fails.
    fn position(&self) -> At;
    /// Starts a new epoch: a client's position is ahead of the log, so the log is another one.
    fn start_epoch(&self);
    /// Returns whether the reads are unchanged after `seq`, as far as the log can tell.
    fn unchanged_since(&self, seq: u64, reads: &Reads) -> bool;
    /// Returns the number of the last mutation of a client that was applied.
    fn last_mutation(&self, caller: &Caller, client: &str) -> Option<u64>;
    /// Returns whether the admin token still has this fingerprint.
    fn is_admin(&self, fingerprint: &str) -> bool;
    /// Returns the time in milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// The outcome of a query, and its reads, whether or not it failed.
pub(crate) struct LiveRun {
    pub(crate) outcome: Result<Box<RawValue>, LunoraError>,
    pub(crate) reads: Reads,
}

/// The position of the change log, and its epoch.
type At = Option<(u64, String)>;

//! What live queries need of the host and of the shard.

use futures::future::LocalBoxFuture;
use serde_json::value::RawValue;

use crate::{
    errors::LunoraError,
    shard::{caller::Caller, tracking::Reads},
};

/// The interface of the Durable Object for live queries.
pub(crate) trait SocketHost: 'static {
    type Socket: LiveSocket;

    /// Returns the sockets that outlived the last instance: their ids and their attachments.
    fn sockets(&self) -> Vec<(String, Self::Socket, Option<String>)>;

    /// Has [`LiveObject::flush`](super::LiveObject::flush) called once the event that is being
    /// served has been answered. Returns `false` if the host cannot do that.
    fn flush_later(&self) -> bool;

    /// Runs a task beside the events of the object.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);

    /// Has [`LiveObject::alarm`](super::LiveObject::alarm) called at a time, in milliseconds since
    /// 1970, also if the object hibernates until then. It replaces the time that was set before.
    fn wake_at(&self, at_ms: u64);

    /// Records, outside of the instance, which query is about to run; `None` once none does.
    fn running(&self, query: Option<&Running<'_>>);

    /// Returns the queries under which an instance died recently.
    fn crashes(&self) -> Vec<Crash>;

    /// Returns whether this instance replaces one that crashed.
    fn is_replacement(&self) -> bool;
}

/// A live query that is about to run.
#[derive(serde::Serialize)]
pub(crate) struct Running<'a> {
    pub(crate) socket: &'a str,
    pub(crate) subscription: &'a str,
    pub(crate) query: &'a str,
}

/// A live query under which an instance died.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Crash {
    pub(crate) socket: String,
    pub(crate) subscription: String,
    pub(crate) query: String,
    /// The time, in milliseconds since 1970.
    pub(crate) at: u64,
}

/// A socket of the host.
pub(crate) trait LiveSocket: 'static {
    /// A text that many frames contain.
    type Text;

    /// Returns a text in the form in which it is sent.
    fn text(text: &str) -> Self::Text;
    /// Sends a frame with a text in the place of its only line feed; a closed socket ignores it.
    fn send_with(&self, around: &str, text: &Self::Text);
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
    /// Runs `work`, during which nothing writes: what it reads again may be kept.
    fn reading<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
    /// Records which query is about to run; `None` once none does.
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
    /// The value as JSON, or the error.
    pub(crate) outcome: Result<String, LunoraError>,
    pub(crate) reads: Reads,
}

/// The position of the change log, and its epoch.
pub(super) type At = Option<(u64, String)>;

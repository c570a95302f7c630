//! Live queries: each new value of a subscribed query is sent over its socket.
//!
//! [`LiveObject`] is the shard with its sockets. It takes frames and commits; a commit only marks
//! the answers it may have changed ([`answers`]), and [`LiveObject::flush`] runs their queries after
//! the request that wrote has been answered ([`refresh`]).

mod allowance;
mod answers;
mod attachment;
mod connection;
mod frame;
mod gate;
mod hooks;
mod index;
mod interfaces;
mod listing;
mod object;
mod on_shard;
mod outcome;
mod outline;
mod receive;
mod refresh;
mod running;
mod shapes;
mod sockets;
mod streams;
mod subscribe;
#[cfg(all(test, feature = "shard-testing"))]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod topics;
mod whispers;

pub use self::connection::Connection;
pub(crate) use self::{
    gate::admit,
    interfaces::{Crash, LiveSocket, Running, SocketHost},
    object::LiveObject,
};

/// Returns whether a text is a frame that a client may send.
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) fn is_client_frame(text: &str) -> bool {
    frame::ClientFrame::read(text).is_some()
}

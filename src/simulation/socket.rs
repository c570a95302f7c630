//! A WebSocket between a client and an object, in memory.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt,
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Inner, World};
use crate::shard::live::LiveSocket;

/// What the answer to an upgrade says of its socket.
#[derive(Clone)]
pub(super) struct Upgraded {
    pub(super) binding: String,
    pub(super) key: String,
    pub(super) id: String,
}

/// Both ends of a connection.
#[derive(Default)]
struct Pipe {
    to_client: VecDeque<SocketEvent>,
    to_server: VecDeque<Option<String>>,
    kept: Option<String>,
    closed: bool,
    /// Whether the client got the answer to its upgrade.
    accepted: bool,
    waiting: Option<Waker>,
}

/// What a client's socket hears.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SocketEvent {
    /// A frame, as JSON.
    Frame(Value),
    /// The connection is closed, with this code; 1006 if it broke off.
    Closed(u16),
}

/// The object's end. A clone is the same end.
#[derive(Clone)]
pub(super) struct ServerSocket {
    pipe: Rc<RefCell<Pipe>>,
    world: Weak<Inner>,
}

impl ServerSocket {
    pub(super) fn new(world: &Rc<Inner>) -> Self {
        Self { pipe: Rc::default(), world: Rc::downgrade(world) }
    }

    pub(super) fn kept(&self) -> Option<String> {
        self.pipe.borrow().kept.clone()
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.pipe.borrow().accepted
    }

    /// The process of the object died, or the client never got the answer to its upgrade.
    pub(super) fn break_off(&self) {
        self.end(1006);
    }

    /// Takes the next thing that the client sent: a frame, or `None` for its close.
    pub(super) fn receive(&self) -> Option<Option<String>> {
        self.pipe.borrow_mut().to_server.pop_front()
    }

    fn end(&self, code: u16) {
        let mut pipe = self.pipe.borrow_mut();
        if !pipe.closed {
            pipe.closed = true;
            pipe.to_server.clear();
            pipe.push(SocketEvent::Closed(code));
        }
    }
}

impl Pipe {
    fn push(&mut self, event: SocketEvent) {
        self.to_client.push_back(event);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

impl LiveSocket for ServerSocket {
    type Text = String;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn send_with(&self, around: &str, text: &String) {
        self.send(&around.replacen('\n', text, 1));
    }

    fn send(&self, text: &str) {
        let mut pipe = self.pipe.borrow_mut();
        if !pipe.closed {
            let frame = serde_json::from_str(text).unwrap_or(Value::Null);
            pipe.push(SocketEvent::Frame(frame));
        }
    }

    fn close(&self, code: u16, _reason: &str) {
        self.end(code);
    }

    fn keep(&self, attachment: &str) -> bool {
        // As V8 counts it; see the attachment itself.
        let wide = attachment.chars().any(|c| c > '\u{ff}');
        let bytes = attachment.encode_utf16().count() * if wide { 2 } else { 1 };
        if bytes + 4 > 16_384 {
            if let Some(world) = self.world.upgrade() {
                world.trace(|| "an attachment was not stored".to_owned());
            }
            return false;
        }
        self.pipe.borrow_mut().kept = Some(attachment.to_owned());
        true
    }
}

/// A client's WebSocket to one shard of a [`World`].
///
/// Its frames arrive in order. [`next`](Self::next) waits for one; [`take`](Self::take) returns
/// what is there.
pub struct Socket {
    world: World,
    at: Upgraded,
    pipe: Rc<RefCell<Pipe>>,
}

impl Socket {
    pub(super) fn new(world: World, at: Upgraded, server: &ServerSocket) -> Self {
        server.pipe.borrow_mut().accepted = true;
        Self { world, at, pipe: server.pipe.clone() }
    }

    /// Subscribes to a query.
    pub fn subscribe(&self, id: &str, path: &str, args: &impl Serialize) {
        let query = json!({ "functionPath": path, "args": args });
        self.send(&json!({ "type": "subscribe", "id": id, "query": query }));
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, id: &str) {
        self.send(&json!({ "type": "unsubscribe", "id": id }));
    }

    /// Sends a frame.
    pub fn send(&self, frame: &Value) {
        self.push(Some(frame.to_string()));
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.push(None);
    }

    /// Returns the next event; it waits for one.
    pub async fn next(&self) -> SocketEvent {
        poll_fn(|context| {
            let mut pipe = self.pipe.borrow_mut();
            match pipe.to_client.pop_front() {
                Some(event) => Poll::Ready(event),
                None => {
                    pipe.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Returns what arrived since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<SocketEvent> {
        self.pipe.borrow_mut().to_client.drain(..).collect()
    }

    /// Returns whether the connection is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.pipe.borrow().closed
    }

    fn push(&self, text: Option<String>) {
        if self.is_open() {
            self.pipe.borrow_mut().to_server.push_back(text);
            self.world.inner.deliver(&self.at.binding, &self.at.key, &self.at.id);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.at.id).finish_non_exhaustive()
    }
}

//! Live connections: queries whose every new value is sent (contract, section 4).

mod attachment;
mod frame;
mod gate;
mod on_shard;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use http::HeaderMap;
use serde_json::value::RawValue;

use self::{
    attachment::{Attachment, Subscription},
    frame::{ClientFrame, Position, Query, ShardFrame},
};
pub(crate) use self::{gate::admit, on_shard::OnShard};
use super::{
    Caller,
    tracking::{Commit, Reads},
};
use crate::{
    errors::{Code, LunoraError},
    wire::value,
};

/// A socket of the host's.
pub(crate) trait LiveSocket: 'static {
    /// Sends a text; a socket that is gone swallows it.
    fn send(&self, text: &str);
    /// Closes it.
    fn close(&self, code: u16, reason: &str);
    /// Keeps a text with the socket while the object sleeps.
    fn keep(&self, attachment: &str);
}

/// What live connections need of their shard.
pub(crate) trait LiveShard {
    /// Runs a public query.
    fn run_query(
        &self,
        path: &str,
        args: &RawValue,
        caller: &Caller,
    ) -> Result<LiveAnswer, LunoraError>;
    /// Runs an admin operation that reads, for the socket of an operator.
    fn run_admin(&self, path: &str, args: &RawValue) -> Result<LiveAnswer, LunoraError>;
    /// How far the change log is, and its epoch; none without a log.
    fn position(&self) -> At;
    /// Whether nothing that was read changed after `seq`, as far as the log can tell.
    fn unchanged_since(&self, seq: u64, reads: &Reads) -> bool;
    /// The last mutation of a client that was applied.
    fn last_mutation(&self, caller: &Caller, client: &str) -> Option<u64>;
    /// Whether the admin token still has this fingerprint.
    fn is_admin(&self, fingerprint: &str) -> bool;
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// A query's value, and what it read.
pub(crate) struct LiveAnswer {
    pub(crate) json: Box<RawValue>,
    pub(crate) reads: Reads,
}

/// The sockets of a shard, and what each wants.
///
/// It lives as long as the object's instance. What must outlive it is kept with each socket, and
/// read again when the object wakes.
pub(crate) struct Live<S> {
    sockets: RefCell<HashMap<String, Entry<S>>>,
    /// What each query read when it ran last, for as long as somebody waits for it.
    queries: RefCell<HashMap<QueryKey, Reads>>,
}

struct Entry<S> {
    socket: Rc<S>,
    attachment: Rc<Attachment>,
    /// The caller as one text; an operator is another than everybody else.
    caller: Rc<str>,
    /// What is known of each subscription while the object is awake, by its id.
    subscriptions: HashMap<String, Known>,
}

/// What is known of a subscription while the object is awake.
#[derive(Clone)]
struct Known {
    query: Rc<str>,
    /// The digest of the value that was sent last, so that it is not sent twice in a row.
    sent: Option<u64>,
}

/// Queries that have the same value: the same function and arguments, asked by the same caller
/// where that makes a difference.
#[derive(Clone, Eq, Hash, PartialEq)]
struct QueryKey {
    query: Rc<str>,
    caller: Option<Rc<str>>,
}

impl<S> Entry<S> {
    fn new(socket: S, attachment: Attachment) -> Self {
        let Caller { identity, ip, .. } = attachment.caller();
        let caller = format!("{identity:?} {ip:?} {:?}", attachment.admin).into();
        let known = |subscription: &Subscription| {
            (subscription.id.clone(), Known { query: query_of(subscription), sent: None })
        };
        let subscriptions = attachment.subscriptions.iter().map(known).collect();
        Self { socket: Rc::new(socket), attachment: Rc::new(attachment), caller, subscriptions }
    }
}

impl<S: LiveSocket> Live<S> {
    /// The most subscriptions of one socket (contract, section 4.6).
    const MAX_SUBSCRIPTIONS: usize = 32;
    const TOKEN_EXPIRED: u16 = 4001;
    /// RFC 6455, section 7.4.1.
    const TOO_LARGE: u16 = 1009;

    /// No sockets.
    pub(crate) fn new() -> Self {
        Self { sockets: RefCell::default(), queries: RefCell::default() }
    }

    /// Takes a socket that was just opened by `request`.
    pub(crate) fn open(&self, id: String, socket: S, request: &HeaderMap, admin: Option<String>) {
        let attachment = Attachment::of_request(request, admin);
        // Without it the socket would wake as nobody's.
        let Some(kept) = attachment.to_text() else {
            return socket
                .close(Self::TOO_LARGE, "the identity is too large for a live connection");
        };
        socket.keep(&kept);
        self.sockets.borrow_mut().insert(id, Entry::new(socket, attachment));
    }

    /// Takes a socket that slept, with what it kept.
    pub(crate) fn wake(&self, id: String, socket: S, kept: Option<&str>) {
        let entry = || Entry::new(socket, Attachment::read(kept));
        self.sockets.borrow_mut().entry(id).or_insert_with(entry);
    }

    /// Forgets a socket that is closed.
    pub(crate) fn forget(&self, id: &str) {
        self.sockets.borrow_mut().remove(id);
    }

    /// Answers a frame.
    pub(crate) fn message(&self, id: &str, text: &str, shard: &impl LiveShard) {
        let Some(socket) = self.socket(id) else { return };
        if self.expired(id, shard) {
            return;
        }
        if text.len() > ShardFrame::MAX_BYTES {
            return socket.send(&ShardFrame::of_message(None, "frame too large"));
        }
        let Some(frame) = ClientFrame::read(text) else {
            return socket.send(&ShardFrame::of_message(None, "invalid envelope"));
        };
        match frame {
            ClientFrame::Connect { client_id } => {
                let client = client_id.filter(|client| client.len() <= 256);
                self.update(id, |attachment| attachment.client = client);
            }
            ClientFrame::Subscribe { id: subscription, query } => {
                if let Err(frame) = self.subscribe(id, &subscription, query, shard) {
                    socket.send(&frame);
                }
            }
            ClientFrame::Unsubscribe { id: subscription } => {
                self.update(id, |attachment| {
                    attachment.subscriptions.retain(|known| known.id != subscription);
                });
            }
            ClientFrame::ShapeSubscribe { id } => {
                socket.send(&ShardFrame::of_code(
                    Some(&id),
                    "SHAPE_NOT_FOUND",
                    "there is no such shape",
                ));
            }
            ClientFrame::Stream { id } => {
                socket.send(&ShardFrame::of_code(
                    Some(&id),
                    "NOT_FOUND",
                    "there is no such stream",
                ));
            }
            ClientFrame::Other => {}
        }
    }

    /// Sends every new value that a commit brought about. Each query runs once, however many
    /// sockets wait for it.
    pub(crate) fn committed(&self, commit: &Commit, shard: &impl LiveShard) {
        if !commit.wrote() {
            return;
        }
        let waiting = self.waiting();
        let at = shard.position();
        // A query that nobody waits for any more is forgotten.
        self.queries.borrow_mut().retain(|key, _| waiting.contains_key(&key.query));
        for waiters in waiting.into_values() {
            self.refresh(&waiters, commit, &at, shard);
        }
    }

    fn subscribe(
        &self,
        id: &str,
        subscription: &str,
        query: Query,
        shard: &impl LiveShard,
    ) -> Result<(), String> {
        let Some((socket, attachment)) = self.entry(id) else { return Ok(()) };
        let refuse = |error: &LunoraError| ShardFrame::of_error(Some(subscription), error);
        let others = attachment.subscriptions.iter().filter(|known| known.id != subscription);
        if others.count() >= Self::MAX_SUBSCRIPTIONS {
            let message = "a socket has at most 32 subscriptions";
            return Err(refuse(&LunoraError::new(Code::TooManySubscriptions, message)));
        }
        let Query { function_path, args, since_seq, since_epoch } = query;
        let args = match args {
            Some(args) => args,
            None => RawValue::from_string("{}".to_owned()).map_err(|_| String::new())?,
        };
        if value::Value::from_wire(args.get()).is_err() {
            let message = "the arguments are no values of the wire";
            return Err(ShardFrame::of_code(Some(subscription), "BAD_SUBSCRIPTION_ARGS", message));
        }
        let new = Subscription { id: subscription.to_owned(), function_path, args };
        let caller = attachment.caller();
        let answer = match self.run(&new, &attachment, &caller, shard) {
            Ok(answer) => answer,
            Err(Refused::NoAdmin) => {
                let message = "an admin subscription needs an admin socket";
                return Err(ShardFrame::of_message(Some(subscription), message));
            }
            Err(Refused::Failed(error)) => return Err(refuse(&error)),
        };
        let kept = self.update(id, |attachment| {
            attachment.subscriptions.retain(|known| known.id != subscription);
            attachment.subscriptions.push(new.clone());
        });
        if !kept {
            let message = "the socket has no room for one more subscription";
            return Err(ShardFrame::of_code(
                Some(subscription),
                "SUBSCRIPTION_PERSIST_FAILED",
                message,
            ));
        }
        socket.send(&ShardFrame::Ack { id: subscription }.to_text());
        let position = position(&shard.position(), &attachment, shard);
        let is_held = since_epoch.is_some()
            && since_epoch == position.epoch
            && since_seq.is_some_and(|seq| {
                position.cursor.is_some_and(|cursor| seq <= cursor)
                    && shard.unchanged_since(seq, &answer.reads)
            });
        let frame = if is_held {
            ShardFrame::Resume { id: subscription, position: &position }
        } else {
            ShardFrame::Data { id: subscription, data: &answer.json, position: &position }
        };
        socket.send(&frame.to_text());
        let query = query_of(&new);
        let mut caller = None;
        if let Some(entry) = self.sockets.borrow_mut().get_mut(id) {
            caller = answer.reads.depends_on_caller().then(|| entry.caller.clone());
            let sent = Some(digest(&answer.json));
            entry.subscriptions.insert(new.id, Known { query: query.clone(), sent });
        }
        self.queries.borrow_mut().insert(QueryKey { query, caller }, answer.reads);
        Ok(())
    }

    /// Every query that somebody waits for, with who does.
    fn waiting(&self) -> HashMap<Rc<str>, Vec<Waiter<S>>> {
        let mut waiting: HashMap<Rc<str>, Vec<Waiter<S>>> = HashMap::new();
        for (id, entry) in &*self.sockets.borrow() {
            for (place, subscription) in entry.attachment.subscriptions.iter().enumerate() {
                let Some(known) = entry.subscriptions.get(&subscription.id) else { continue };
                waiting.entry(known.query.clone()).or_default().push(Waiter {
                    id: id.clone(),
                    socket: entry.socket.clone(),
                    attachment: entry.attachment.clone(),
                    caller: entry.caller.clone(),
                    place,
                    known: known.clone(),
                });
            }
        }
        waiting
    }

    /// Runs a query once a caller for all who wait for it, or once for everybody where the caller
    /// makes no difference.
    fn refresh(&self, waiters: &[Waiter<S>], commit: &Commit, at: &At, shard: &impl LiveShard) {
        let mut answers: HashMap<QueryKey, Result<LiveAnswer, Refused>> = HashMap::new();
        for waiter in waiters {
            let Some(subscription) = waiter.attachment.subscriptions.get(waiter.place) else {
                continue;
            };
            let mut key = self.key_of(waiter);
            if !answers.contains_key(&key) {
                // What is not known, since the object slept, may have been touched.
                let is_untouched =
                    self.queries.borrow().get(&key).is_some_and(|reads| !reads.touched_by(commit));
                if is_untouched {
                    continue;
                }
                if self.expired(&waiter.id, shard) {
                    continue;
                }
                let caller = waiter.attachment.caller();
                let answer = self.run(subscription, &waiter.attachment, &caller, shard);
                if let Ok(answer) = &answer {
                    if !answer.reads.depends_on_caller() {
                        key.caller = None;
                    }
                    self.queries.borrow_mut().insert(key.clone(), answer.reads.clone());
                }
                answers.insert(key.clone(), answer);
            }
            if let Some(answer) = answers.get(&key)
                && !self.expired(&waiter.id, shard)
            {
                self.tell(waiter, subscription, answer, at, shard);
            }
        }
    }

    /// The key under which a waiter's query is known.
    fn key_of(&self, waiter: &Waiter<S>) -> QueryKey {
        let shared = QueryKey { query: waiter.known.query.clone(), caller: None };
        if self.queries.borrow().contains_key(&shared) {
            return shared;
        }
        QueryKey { caller: Some(waiter.caller.clone()), ..shared }
    }

    fn tell(
        &self,
        waiter: &Waiter<S>,
        subscription: &Subscription,
        answer: &Result<LiveAnswer, Refused>,
        at: &At,
        shard: &impl LiveShard,
    ) {
        let id = &subscription.id;
        let answer = match answer {
            Ok(answer) => answer,
            Err(Refused::NoAdmin) => {
                let message = "the admin token was changed";
                return waiter.socket.send(&ShardFrame::of_code(Some(id), "FORBIDDEN", message));
            }
            Err(Refused::Failed(error)) => {
                return waiter.socket.send(&ShardFrame::of_error(Some(id), error));
            }
        };
        let position = &position(at, &waiter.attachment, shard);
        let sent = Some(digest(&answer.json));
        if waiter.known.sent == sent {
            return waiter.socket.send(&ShardFrame::Settled { id, position }.to_text());
        }
        waiter.socket.send(&ShardFrame::Data { id, data: &answer.json, position }.to_text());
        if let Some(entry) = self.sockets.borrow_mut().get_mut(&waiter.id)
            && let Some(known) = entry.subscriptions.get_mut(id)
        {
            known.sent = sent;
        }
    }

    fn run(
        &self,
        subscription: &Subscription,
        attachment: &Attachment,
        caller: &Caller,
        shard: &impl LiveShard,
    ) -> Result<LiveAnswer, Refused> {
        let Subscription { function_path, args, .. } = subscription;
        if function_path.starts_with(crate::wire::paths::ADMIN_PREFIX) {
            let is_admin = attachment.admin.as_ref().is_some_and(|admin| shard.is_admin(admin));
            if !is_admin {
                return Err(Refused::NoAdmin);
            }
            return shard.run_admin(function_path, args).map_err(Refused::Failed);
        }
        shard.run_query(function_path, args, caller).map_err(Refused::Failed)
    }

    /// Whether the socket's identity expired; if so, says it and closes (contract, section 4.7).
    fn expired(&self, id: &str, shard: &impl LiveShard) -> bool {
        let Some((socket, attachment)) = self.entry(id) else { return true };
        if attachment.expires_ms().is_none_or(|at| shard.now_ms() < at) {
            return false;
        }
        socket.send(&ShardFrame::of_code(None, "TOKEN_EXPIRED", "the token has expired"));
        socket.close(Self::TOKEN_EXPIRED, "token_expired");
        self.forget(id);
        true
    }

    /// Changes what a socket keeps; false, and no change, when it has no room for it.
    fn update(&self, id: &str, change: impl FnOnce(&mut Attachment)) -> bool {
        let mut sockets = self.sockets.borrow_mut();
        let Some(entry) = sockets.get_mut(id) else { return false };
        let mut changed = Attachment::clone(&entry.attachment);
        change(&mut changed);
        let Some(text) = changed.to_text() else { return false };
        entry.socket.keep(&text);
        entry.attachment = Rc::new(changed);
        true
    }

    fn socket(&self, id: &str) -> Option<Rc<S>> {
        self.sockets.borrow().get(id).map(|entry| entry.socket.clone())
    }

    fn entry(&self, id: &str) -> Option<(Rc<S>, Rc<Attachment>)> {
        let sockets = self.sockets.borrow();
        sockets.get(id).map(|entry| (entry.socket.clone(), entry.attachment.clone()))
    }
}

/// Who waits for a query.
struct Waiter<S> {
    id: String,
    socket: Rc<S>,
    attachment: Rc<Attachment>,
    caller: Rc<str>,
    /// Where the subscription stands in the attachment.
    place: usize,
    known: Known,
}

/// Why a query has no value.
enum Refused {
    NoAdmin,
    Failed(LunoraError),
}

/// How far the change log is, and its epoch.
type At = Option<(u64, String)>;

fn position(at: &At, attachment: &Attachment, shard: &impl LiveShard) -> Position {
    let (cursor, epoch) = at.clone().unzip();
    let client = attachment.client.as_deref();
    let last_mutation_id =
        client.and_then(|client| shard.last_mutation(&attachment.caller(), client));
    Position { cursor, epoch, last_mutation_id }
}

/// Function and arguments as one text, the same for equal arguments however they are written.
fn query_of(subscription: &Subscription) -> Rc<str> {
    let args = value::Value::from_wire(subscription.args.get());
    let args = args.ok().and_then(|args| args.stable_wire_key().ok()).unwrap_or_default();
    format!("{}::{args}", subscription.function_path).into()
}

fn digest(value: &RawValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.get().hash(&mut hasher);
    hasher.finish()
}

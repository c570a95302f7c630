//! The sockets of a shard, with their subscriptions.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    rc::Rc,
};

use http::HeaderMap;

use super::{
    allowance::{Allowance, Verdict, Whispers},
    answers::{Answers, SubscriptionKey},
    attachment::{Attachment, Subscription},
    connection::Event,
    frame::{Position, ShardFrame},
    index::AnswerId,
    interfaces::{At, LiveShard, LiveSocket},
    outline::Sent,
    running::{OpenedStream, RunningStream},
    topics::Topics,
};
use crate::{
    errors::Code,
    shard::{Caller, tracking::Commit},
    wire::value,
};

/// The sockets of a shard, with their subscriptions.
///
/// It lives as long as the object's instance. State that must outlive it is kept with each socket,
/// and read again when the object wakes.
pub(crate) struct Live<S> {
    sockets: RefCell<BTreeMap<Rc<str>, Entry<S>>>,
    pub(super) answers: RefCell<Answers>,
    /// Answers that a commit may have changed since they were sent.
    pub(super) outdated: RefCell<BTreeSet<AnswerId>>,
    /// The sockets that get the whispers of each topic.
    pub(super) topics: RefCell<Topics>,
    /// The number of subscriptions without an answer: the object hibernated since their last value.
    unanswered: Cell<usize>,
    /// `true` if the next flush also runs those without an answer.
    pub(super) refresh_unanswered: Cell<bool>,
    /// `true` once a position ahead of the log started a new epoch: older positions have another one.
    pub(super) started_epoch: Cell<bool>,
    /// Connections that began or ended, whose functions have not run; `None` if there are none.
    pub(super) hooks: Option<RefCell<VecDeque<Event>>>,
    /// Streams that were opened and do not run yet.
    pub(super) opened: RefCell<Vec<OpenedStream>>,
    /// The number of pokes that were sent.
    pub(super) pokes: Cell<u64>,
    /// Queries that crashed the instance, and until when they are refused, in milliseconds.
    pub(super) crashed: RefCell<Vec<(Rc<str>, u64)>>,
}

pub(super) struct Entry<S> {
    pub(super) socket: Rc<S>,
    pub(super) attachment: Rc<Attachment>,
    pub(super) who: Rc<Caller>,
    /// The expiry of the identity, in milliseconds since 1970.
    expires_ms: Option<u64>,
    /// The caller as one text. An operator differs from every other caller.
    pub(super) caller: Rc<str>,
    /// The state of each subscription while the object is awake, by its id.
    pub(super) subscriptions: BTreeMap<Rc<str>, Known>,
    /// The streams that run, by their ids.
    pub(super) streams: BTreeMap<Rc<str>, RunningStream>,
    /// The frames that it may send.
    allowance: Allowance,
    /// The whispers that it may send.
    pub(super) whispers: Whispers,
}

/// A socket, held without a borrow of all of them.
pub(super) struct Handle<S> {
    pub(super) socket: Rc<S>,
    pub(super) attachment: Rc<Attachment>,
    pub(super) who: Rc<Caller>,
}

impl<S> Handle<S> {
    /// Returns the position of the shard for this client.
    pub(super) fn position<'a>(&self, at: &'a At, shard: &impl LiveShard) -> Position<'a> {
        let (cursor, epoch) = at.as_ref().map(|(cursor, epoch)| (*cursor, &**epoch)).unzip();
        let client = self.attachment.client.as_deref();
        let last_mutation_id = client.and_then(|client| shard.last_mutation(&self.who, client));
        Position { cursor, epoch, last_mutation_id }
    }
}

/// The state of a subscription while the object is awake.
pub(super) struct Known {
    pub(super) query: Rc<str>,
    pub(super) answer: Option<AnswerId>,
    /// The value that the client holds; `None` if it holds an error, or is not known.
    pub(super) sent: Option<Sent>,
}

impl<S> Entry<S> {
    fn new(socket: S, attachment: Attachment) -> Self {
        let who = attachment.caller();
        let caller = format!("{:?} {:?} {:?}", who.identity, who.ip, attachment.admin).into();
        let known = |subscription: &Subscription| {
            let known = Known { query: query_of(subscription), answer: None, sent: None };
            (subscription.id.as_str().into(), known)
        };
        let subscriptions = attachment.subscriptions.iter().map(known).collect();
        Self {
            socket: Rc::new(socket),
            expires_ms: attachment.expires_ms(),
            attachment: Rc::new(attachment),
            who: Rc::new(who),
            caller,
            subscriptions,
            streams: BTreeMap::new(),
            allowance: Allowance::full(),
            whispers: Whispers::full(),
        }
    }

    fn handle(&self) -> Handle<S> {
        Handle {
            socket: self.socket.clone(),
            attachment: self.attachment.clone(),
            who: self.who.clone(),
        }
    }
}

impl<S: LiveSocket> Live<S> {
    /// The maximum number of subscriptions per socket.
    pub(super) const MAX_SUBSCRIPTIONS: usize = 32;
    const TOKEN_EXPIRED: u16 = 4001;
    /// RFC 6455, section 7.4.1.
    const POLICY_VIOLATION: u16 = 1008;
    const TOO_LARGE: u16 = 1009;

    pub(crate) fn new(has_hooks: bool) -> Self {
        Self {
            sockets: RefCell::default(),
            answers: RefCell::default(),
            outdated: RefCell::default(),
            topics: RefCell::default(),
            unanswered: Cell::default(),
            refresh_unanswered: Cell::default(),
            started_epoch: Cell::default(),
            hooks: has_hooks.then(RefCell::default),
            opened: RefCell::default(),
            pokes: Cell::default(),
            crashed: RefCell::default(),
        }
    }

    /// Adds a socket that `request` has just opened.
    pub(crate) fn open(&self, id: &str, socket: S, request: &HeaderMap, admin: Option<String>) {
        let attachment = Attachment::of_request(request, admin);
        // A socket without its attachment would be anonymous after hibernation.
        if !attachment.to_text().is_some_and(|kept| socket.keep(&kept)) {
            return socket
                .close(Self::TOO_LARGE, "the identity is too large for a live connection");
        }
        self.sockets.borrow_mut().insert(id.into(), Entry::new(socket, attachment));
    }

    /// Adds a socket that hibernated, with its attachment.
    pub(crate) fn wake(&self, id: &str, socket: S, kept: Option<&str>) {
        if self.sockets.borrow().contains_key(id) {
            return;
        }
        let entry = Entry::new(socket, Attachment::read(kept));
        self.unanswered.set(self.unanswered.get() + entry.subscriptions.len());
        let id: Rc<str> = id.into();
        for topic in &entry.attachment.topics {
            self.topics.borrow_mut().join(topic, &id);
        }
        self.sockets.borrow_mut().insert(id.clone(), entry);
        self.interrupt_streams(&id);
    }

    /// Returns at most `limit` sockets whose ids come after `id`, in the order of their ids.
    pub(super) fn after(&self, id: Option<&str>, limit: usize) -> Vec<(Rc<str>, Handle<S>)> {
        let start = id.map_or(Bound::Unbounded, Bound::Excluded);
        let sockets = self.sockets.borrow();
        let after = sockets.range::<str, _>((start, Bound::Unbounded)).take(limit);
        after.map(|(id, entry)| (id.clone(), entry.handle())).collect()
    }

    /// Returns how many sockets are open.
    pub(super) fn len(&self) -> usize {
        self.sockets.borrow().len()
    }

    /// Removes a closed socket, its subscriptions and its topics.
    pub(crate) fn forget(&self, id: &str) {
        let entry = self.sockets.borrow_mut().remove_entry(id);
        let Some((socket, entry)) = entry else { return };
        self.end(&socket, &entry.who, &entry.attachment);
        for topic in &entry.attachment.topics {
            self.topics.borrow_mut().leave(topic, &socket);
        }
        for (id, known) in entry.subscriptions {
            self.drop_answer(&SubscriptionKey { socket: socket.clone(), id }, known.answer);
        }
    }

    /// Marks the answers that a commit may have changed. Returns whether a flush is due.
    pub(crate) fn committed(&self, commit: &Commit) -> bool {
        if !commit.wrote() {
            return false;
        }
        let mut outdated = self.outdated.borrow_mut();
        self.answers.borrow().touched_by(commit, &mut outdated);
        if self.unanswered.get() > 0 {
            self.refresh_unanswered.set(true);
        }
        !outdated.is_empty() || self.refresh_unanswered.get()
    }

    /// Removes one subscription.
    pub(super) fn end_subscription(&self, socket: &str, subscription: &str) {
        self.update(socket, |attachment| {
            attachment.subscriptions.retain(|known| known.id != subscription);
        });
        let removed = self
            .sockets
            .borrow_mut()
            .get_mut(socket)
            .and_then(|entry| entry.subscriptions.remove_entry(subscription));
        if let Some((id, known)) = removed {
            self.drop_answer(&SubscriptionKey { socket: socket.into(), id }, known.answer);
        }
    }

    /// Makes a subscription wait for no answer.
    pub(super) fn drop_answer(&self, key: &SubscriptionKey, answer: Option<AnswerId>) {
        match answer {
            Some(answer) => self.answers.borrow_mut().leave(answer, key),
            None => self.unanswered.set(self.unanswered.get().saturating_sub(1)),
        }
    }

    /// Returns whether the socket's identity expired; if so, sends an error and closes the socket.
    pub(super) fn expired(&self, id: &str, shard: &impl LiveShard) -> bool {
        let entry = self.with_entry(id, |entry| (entry.socket.clone(), entry.expires_ms));
        let Some((socket, expires_ms)) = entry else { return true };
        if expires_ms.is_none_or(|at| shard.now_ms() < at) {
            return false;
        }
        socket.send(&ShardFrame::of_code(None, "TOKEN_EXPIRED", "the token has expired"));
        socket.close(Self::TOKEN_EXPIRED, "token_expired");
        self.forget(id);
        true
    }

    /// Counts a frame and returns whether it is over the allowance; if so, sends an error, and
    /// closes the socket of a client that continues.
    pub(super) fn exceeds_allowance(&self, id: &str, shard: &impl LiveShard) -> bool {
        let now_ms = shard.now_ms();
        let counted =
            self.with_entry(id, |entry| (entry.allowance.count(now_ms), entry.socket.clone()));
        let Some((verdict, socket)) = counted else { return true };
        match verdict {
            Verdict::Served => return false,
            Verdict::Refused => {
                let message = format!(
                    "too many frames: expected at most {} a second; the frame was ignored, send it again later",
                    Allowance::PER_SECOND
                );
                let code = Code::TooManyRequests.as_str();
                socket.send(&ShardFrame::of_code(None, code, &message));
            }
            Verdict::Closed => {
                socket.close(Self::POLICY_VIOLATION, "too many frames");
                self.forget(id);
            }
        }
        true
    }

    /// Closes every socket whose identity expired.
    pub(crate) fn close_expired(&self, shard: &impl LiveShard) {
        let ids: Vec<Rc<str>> = self.sockets.borrow().keys().cloned().collect();
        for id in ids {
            self.expired(&id, shard);
        }
    }

    /// Returns when the first of the open sockets expires, in milliseconds since 1970.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        self.sockets.borrow().values().filter_map(|entry| entry.expires_ms).min()
    }

    /// Changes the attachment of a socket; returns `false`, without a change, if it does not fit.
    pub(super) fn update(&self, id: &str, change: impl FnOnce(&mut Attachment)) -> bool {
        let mut sockets = self.sockets.borrow_mut();
        let Some(entry) = sockets.get_mut(id) else { return false };
        let mut changed = Attachment::clone(&entry.attachment);
        change(&mut changed);
        if !changed.to_text().is_some_and(|text| entry.socket.keep(&text)) {
            return false;
        }
        entry.attachment = Rc::new(changed);
        true
    }

    pub(super) fn entry(&self, id: &str) -> Option<Handle<S>> {
        self.with_entry(id, |entry| entry.handle())
    }

    /// Returns the subscriptions without an answer.
    pub(super) fn unanswered(&self) -> Vec<SubscriptionKey> {
        let mut keys = Vec::new();
        for (socket, entry) in &*self.sockets.borrow() {
            for (id, known) in &entry.subscriptions {
                if known.answer.is_none() {
                    keys.push(SubscriptionKey { socket: socket.clone(), id: id.clone() });
                }
            }
        }
        keys
    }

    pub(super) fn with_entry<T>(
        &self,
        id: &str,
        work: impl FnOnce(&mut Entry<S>) -> T,
    ) -> Option<T> {
        self.sockets.borrow_mut().get_mut(id).map(work)
    }

    /// Returns the counts of sockets, of subscriptions with an answer, and of answers.
    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub(super) fn held(&self) -> (usize, usize, usize) {
        let sockets = self.sockets.borrow();
        let answered = sockets
            .values()
            .flat_map(|entry| entry.subscriptions.values())
            .filter(|known| known.answer.is_some());
        (sockets.len(), answered.count(), self.answers.borrow().len())
    }
}

/// Returns function and arguments as one text, the same for equal arguments however they are
/// written.
pub(super) fn query_of(subscription: &Subscription) -> Rc<str> {
    let args = value::Value::from_wire(subscription.args.get());
    let args = args.ok().and_then(|args| args.stable_wire_key().ok()).unwrap_or_default();
    format!("{}::{args}", subscription.function_path).into()
}

//! Runs queries again that a commit may have changed, and sends the new values.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use serde_json::value::RawValue;

use super::{
    answers::{Ran, SubscriptionKey},
    attachment::Subscription,
    frame::ShardFrame,
    interfaces::{At, LiveRun, LiveShard, LiveSocket, Running},
    outline::{Outline, Sent, digest},
    sockets::{Handle, Live},
};
use crate::sort;
use crate::{errors::LunoraError, shard::tracking::Reads, wire::paths};

/// The outcome of one run, and the callers that may share it.
pub(super) struct Outcome {
    pub(super) outcome: Result<Box<RawValue>, Failure>,
    pub(super) reads: Rc<Reads>,
    /// The digest of the value; `None` for a failure.
    pub(super) digest: Option<u64>,
    outline: OnceCell<Option<Rc<Outline>>>,
    /// The changes from the value of an outline, in the name of a table; most clients hold the same.
    changes: RefCell<Option<Changes>>,
}

struct Changes {
    from: Rc<Outline>,
    table: String,
    each: Option<Rc<[Box<RawValue>]>>,
}

/// The reason why a query has no value.
pub(super) enum Failure {
    /// The query is for operators only, and the socket is not an operator's, or no longer.
    NoAdmin,
    Query(LunoraError),
}

impl Failure {
    /// Returns the frame for a subscriber.
    pub(super) fn frame(&self, id: &str) -> String {
        match self {
            Self::NoAdmin => {
                ShardFrame::of_code(Some(id), "FORBIDDEN", "the admin token was changed")
            }
            Self::Query(error) => ShardFrame::of_error(Some(id), error),
        }
    }
}

impl Outcome {
    fn new(LiveRun { outcome, reads }: LiveRun) -> Self {
        let digest = outcome.as_ref().ok().map(|json| digest(json));
        Self::of(outcome.map_err(Failure::Query), Rc::new(reads), digest)
    }

    fn failed(failure: Failure) -> Self {
        Self::of(Err(failure), Rc::default(), None)
    }

    fn of(outcome: Result<Box<RawValue>, Failure>, reads: Rc<Reads>, digest: Option<u64>) -> Self {
        Self { outcome, reads, digest, outline: OnceCell::new(), changes: RefCell::default() }
    }

    /// Returns what a client holds once it was sent the value.
    pub(super) fn sent(&self, takes_changes: bool) -> Option<Sent> {
        let outline = || self.outline().cloned();
        let digest = self.digest?;
        Some(Sent { digest, outline: takes_changes.then(outline).flatten() })
    }

    /// Returns the table of the rows, if only one was read; else `name`.
    pub(super) fn table<'a>(&'a self, name: &'a str) -> &'a str {
        match self.reads.tables().as_deref() {
            Some([table]) => table,
            _ => name,
        }
    }

    pub(super) fn outline(&self) -> Option<&Rc<Outline>> {
        let outline = || self.outcome.as_ref().ok().and_then(|value| Outline::of(value));
        self.outline.get_or_init(|| outline().map(Rc::new)).as_ref()
    }

    /// Returns the changes for a client that holds `from`; `None` if it is to be sent the whole value.
    fn changes(&self, from: &Rc<Outline>, table: &str) -> Option<Rc<[Box<RawValue>]>> {
        let mut changes = self.changes.borrow_mut();
        if let Some(known) = &*changes
            && Rc::ptr_eq(&known.from, from)
            && known.table == table
        {
            return known.each.clone();
        }
        let value = self.outcome.as_ref().ok()?;
        let each = self.outline().and_then(|to| from.changes_to(to, value, table)).map(Rc::from);
        *changes =
            Some(Changes { from: from.clone(), table: table.to_owned(), each: each.clone() });
        each
    }

    /// Whether every caller gets it: a value that does not depend on the caller. A failure is
    /// never shared.
    fn is_for_everybody(&self) -> bool {
        self.outcome.is_ok() && !self.reads.depends_on_caller()
    }

    pub(super) fn ran(&self, query: &Rc<str>, caller: &Rc<str>) -> Ran {
        Ran {
            query: query.clone(),
            caller: (!self.is_for_everybody()).then(|| caller.clone()),
            reads: self.reads.clone(),
            digest: self.digest,
        }
    }
}

/// The runs of one query in one flush.
#[derive(Default)]
struct Runs {
    shared: Option<Outcome>,
    by_caller: BTreeMap<Rc<str>, Outcome>,
}

impl Runs {
    fn of(&self, caller: &Rc<str>) -> Option<&Outcome> {
        self.shared.as_ref().or_else(|| self.by_caller.get(caller))
    }

    fn add(&mut self, caller: &Rc<str>, outcome: Outcome) {
        if outcome.is_for_everybody() {
            self.shared = Some(outcome);
        } else {
            self.by_caller.insert(caller.clone(), outcome);
        }
    }
}

impl<S: LiveSocket> Live<S> {
    /// Runs every query whose answer is stale, and sends the new values: once for all callers if
    /// the value does not depend on the caller, else once per caller.
    pub(crate) fn flush(&self, shard: &impl LiveShard) {
        let due = self.due();
        if due.is_empty() {
            return;
        }
        let at = shard.position();
        for waiting in due.chunk_by(|(query, _), (next, _)| query == next) {
            let mut runs = Runs::default();
            for (query, key) in waiting {
                self.refresh(key, query, &mut runs, &at, shard);
            }
        }
    }

    /// Takes the subscriptions that need a frame, in the order of their queries.
    fn due(&self) -> Vec<(Rc<str>, SubscriptionKey)> {
        let mut keys = Vec::new();
        let answers = self.answers.borrow();
        for id in self.outdated.take() {
            keys.extend(answers.subscriptions(id).cloned());
        }
        if self.refresh_unanswered.take() {
            keys.append(&mut self.unanswered());
        }
        let mut due = Vec::with_capacity(keys.len());
        for key in keys {
            let query = self.with_entry(&key.socket, |entry| {
                entry.subscriptions.get(&key.id).map(|known| known.query.clone())
            });
            if let Some(query) = query.flatten() {
                due.push((query, key));
            }
        }
        // A subscription waits for one answer, so it cannot occur twice.
        sort::sort(&mut due);
        due
    }

    fn refresh(
        &self,
        key: &SubscriptionKey,
        query: &Rc<str>,
        runs: &mut Runs,
        at: &At,
        shard: &impl LiveShard,
    ) {
        if self.expired(&key.socket, shard) {
            return;
        }
        let Some(caller) = self.with_entry(&key.socket, |entry| entry.caller.clone()) else {
            return;
        };
        if runs.of(&caller).is_none() {
            let Some(Handle { attachment, .. }) = self.entry(&key.socket) else { return };
            let Some(subscription) = attachment.subscription(&key.id) else { return };
            runs.add(&caller, self.run(key, query, subscription, shard));
        }
        if let Some(outcome) = runs.of(&caller) {
            self.rejoin(key, &outcome.ran(query, &caller));
            self.tell(key, outcome, at, shard);
        }
    }

    /// Makes a subscription wait for changes of its last run.
    fn rejoin(&self, key: &SubscriptionKey, ran: &Ran) {
        let new = self.answers.borrow_mut().join(ran, key.clone());
        let old = self.with_entry(&key.socket, |entry| {
            entry.subscriptions.get_mut(&key.id).map(|known| known.answer.replace(new))
        });
        match old.flatten() {
            Some(old) if old == Some(new) => {}
            Some(old) => self.drop_answer(key, old),
            None => self.answers.borrow_mut().leave(new, key),
        }
    }

    fn tell(&self, key: &SubscriptionKey, run: &Outcome, at: &At, shard: &impl LiveShard) {
        let Some(handle) = self.entry(&key.socket) else { return };
        let id = &*key.id;
        let held =
            self.with_entry(&key.socket, |entry| entry.subscriptions.get_mut(id)?.sent.take());
        let held = held.flatten();
        let send = |frame: ShardFrame<'_>| handle.socket.send(&frame.to_text());
        let kept = handle.attachment.subscription(id);
        let is_shape = kept.is_some_and(Subscription::is_shape);
        match &run.outcome {
            Err(failure) => handle.socket.send(&failure.frame(id)),
            Ok(data) => {
                let position = &handle.position(at, shard);
                let has_it = held.as_ref().is_some_and(|held| Some(held.digest) == run.digest);
                let from = held.as_ref().and_then(|held| held.outline.as_ref());
                let changes = || run.changes(from?, kept?.table());
                if is_shape && has_it {
                    self.poke(&handle, None, position);
                } else if is_shape {
                    self.send_shape(&handle, id, run, from.map(|from| &**from), position);
                } else if has_it {
                    send(ShardFrame::Settled { id, position });
                } else if let Some(changes) = changes() {
                    for (index, delta) in changes.iter().enumerate() {
                        let position = (index + 1 == changes.len()).then_some(position);
                        send(ShardFrame::Delta { id, delta, position });
                    }
                } else {
                    send(ShardFrame::Data { id, data, position });
                }
            }
        }
        let sent = run.sent(is_shape || handle.attachment.takes_changes);
        self.with_entry(&key.socket, |entry| {
            if let Some(known) = entry.subscriptions.get_mut(id) {
                known.sent = sent;
            }
        });
    }

    /// Runs a query for the caller of a socket.
    pub(super) fn run(
        &self,
        key: &SubscriptionKey,
        query: &Rc<str>,
        subscription: &Subscription,
        shard: &impl LiveShard,
    ) -> Outcome {
        let Subscription { function_path, args, .. } = subscription;
        let Some(Handle { attachment, who, .. }) = self.entry(&key.socket) else {
            return Outcome::failed(Failure::NoAdmin);
        };
        if let Some(error) = self.crashed_lately(query, shard) {
            return Outcome::failed(Failure::Query(error));
        }
        let running = Running { socket: &key.socket, subscription: &key.id, query };
        shard.running(Some(&running));
        let outcome = if function_path.starts_with(paths::ADMIN_PREFIX) {
            let is_admin = attachment.admin.as_ref().is_some_and(|admin| shard.is_admin(admin));
            if is_admin {
                let mut run = shard.run_admin(function_path, args);
                // It is for holders of this token.
                run.reads.note_caller();
                Outcome::new(run)
            } else {
                Outcome::failed(Failure::NoAdmin)
            }
        } else {
            Outcome::new(shard.run_query(function_path, args, &who))
        };
        shard.running(None);
        outcome
    }
}

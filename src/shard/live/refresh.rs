//! Runs queries again that a commit may have changed, and sends the new values.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    answers::{Ran, SubscriptionKey},
    attachment::Subscription,
    frame::ShardFrame,
    interfaces::{At, LiveShard, LiveSocket, Running},
    outcome::{Failure, Latest, Outcome},
    sockets::{Handle, Live},
};
use crate::{sort, wire::paths};

/// The runs of one query in one flush.
struct Runs<S: LiveSocket> {
    shared: Option<Outcome<S>>,
    by_caller: BTreeMap<Rc<str>, Outcome<S>>,
}

impl<S: LiveSocket> Runs<S> {
    fn new() -> Self {
        Self { shared: None, by_caller: BTreeMap::new() }
    }

    fn of(&self, caller: &Rc<str>) -> Option<&Outcome<S>> {
        self.shared.as_ref().or_else(|| self.by_caller.get(caller))
    }

    fn add(&mut self, caller: &Rc<str>, outcome: Outcome<S>) {
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
        let mut latest = Latest::default();
        shard.reading(|| {
            for waiting in due.chunk_by(|(query, _), (next, _)| query == next) {
                let mut runs = Runs::new();
                for (query, key) in waiting {
                    self.refresh(key, query, (&mut runs, &mut latest), &at, shard);
                }
            }
        });
        shard.running(None);
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
        (runs, latest): (&mut Runs<S>, &mut Latest<S>),
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
            runs.add(&caller, self.run(key, query, subscription, latest, shard));
        }
        if let Some(outcome) = runs.of(&caller) {
            self.rejoin(key, &outcome.ran(query, &caller));
            self.tell(key, outcome, at, shard);
        }
    }

    /// Makes a subscription wait for changes of its last run.
    fn rejoin(&self, key: &SubscriptionKey, ran: &Ran) {
        let old = self.with_entry(&key.socket, |entry| entry.subscriptions.get(&key.id)?.answer);
        if let Some(old) = old.flatten()
            && self.answers.borrow_mut().renew(old, ran)
        {
            return;
        }
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

    fn tell(&self, key: &SubscriptionKey, run: &Outcome<S>, at: &At, shard: &impl LiveShard) {
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
            Ok(value) => {
                let position = &handle.position(at, shard);
                let has_it = held.as_ref().is_some_and(|held| Some(held.digest) == run.digest());
                let from = held.as_ref().and_then(|held| held.outline.as_ref());
                let changes = || value.changes(from?, kept?.table());
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
                    handle.socket.send_with(&ShardFrame::around_data(id, position), value.text());
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

    /// Runs a query for the caller of a socket. Who calls it says when no query runs any more.
    pub(super) fn run(
        &self,
        key: &SubscriptionKey,
        query: &Rc<str>,
        subscription: &Subscription,
        latest: &mut Latest<S>,
        shard: &impl LiveShard,
    ) -> Outcome<S> {
        let Subscription { function_path, args, .. } = subscription;
        let Some(Handle { attachment, who, .. }) = self.entry(&key.socket) else {
            return Outcome::failed(Failure::NoAdmin);
        };
        if let Some(error) = self.crashed_lately(query, shard) {
            return Outcome::failed(Failure::Query(error));
        }
        let running = Running { socket: &key.socket, subscription: &key.id, query };
        shard.running(Some(&running));
        if function_path.starts_with(paths::ADMIN_PREFIX) {
            let is_admin = attachment.admin.as_ref().is_some_and(|admin| shard.is_admin(admin));
            if is_admin {
                let mut run = shard.run_admin(function_path, args);
                // It is for holders of this token.
                run.reads.note_caller();
                Outcome::new(run, latest)
            } else {
                Outcome::failed(Failure::NoAdmin)
            }
        } else {
            Outcome::new(shard.run_query(function_path, args, &who), latest)
        }
    }
}

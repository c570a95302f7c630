//! The latest answer of each subscribed query, shared by the subscriptions that may see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::index::{AnswerId, ReadIndex};
use crate::shard::tracking::{Commit, Reads};

/// One subscription of one socket.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct SubscriptionKey {
    pub(super) socket: Rc<str>,
    pub(super) id: Rc<str>,
}

/// The latest answers, counted by their subscriptions: an answer without subscriptions is dropped.
#[derive(Default)]
pub(super) struct Answers {
    by_id: BTreeMap<AnswerId, Answer>,
    by_query: BTreeMap<Rc<str>, BTreeSet<AnswerId>>,
    index: ReadIndex,
    next: u64,
}

struct Answer {
    run: Ran,
    subscriptions: BTreeSet<SubscriptionKey>,
}

/// One run of a query: the facts that decide which callers may share its answer and when it is
/// stale.
#[derive(Clone)]
pub(super) struct Ran {
    pub(super) query: Rc<str>,
    /// The caller of the answer; `None` for a value that does not depend on the caller.
    pub(super) caller: Option<Rc<str>>,
    pub(super) reads: Rc<Reads>,
    pub(super) digest: Option<u64>,
}

impl Ran {
    fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.is_like(other)
    }

    /// Whether the two differ in their values at most, if they are of one query.
    fn is_like(&self, other: &Self) -> bool {
        self.caller == other.caller
            && (Rc::ptr_eq(&self.reads, &other.reads) || self.reads == other.reads)
    }
}

impl Answers {
    /// Makes `subscription` wait for changes of this answer.
    pub(super) fn join(&mut self, ran: &Ran, subscription: SubscriptionKey) -> AnswerId {
        let ids = self.by_query.entry(ran.query.clone()).or_default();
        let known = ids
            .iter()
            .copied()
            .find(|id| self.by_id.get(id).is_some_and(|answer| answer.run.is_same(ran)));
        let id = known.unwrap_or_else(|| {
            let id = AnswerId(self.next);
            self.next += 1;
            ids.insert(id);
            self.index.insert(id, &ran.reads);
            self.by_id.insert(id, Answer { run: ran.clone(), subscriptions: BTreeSet::new() });
            id
        });
        if let Some(answer) = self.by_id.get_mut(&id) {
            answer.subscriptions.insert(subscription);
        }
        id
    }

    /// Keeps an answer whose only subscription ran again, if nothing but its value may differ. Returns
    /// whether it did.
    pub(super) fn renew(&mut self, id: AnswerId, ran: &Ran) -> bool {
        let is_alone = self.by_query.get(&ran.query).is_some_and(|ids| ids.len() == 1);
        let Some(answer) = self.by_id.get_mut(&id).filter(|_| is_alone) else { return false };
        let is_renewed = answer.subscriptions.len() == 1 && answer.run.is_like(ran);
        if is_renewed {
            answer.run.digest = ran.digest;
        }
        is_renewed
    }

    /// Makes `subscription` wait no longer.
    pub(super) fn leave(&mut self, id: AnswerId, subscription: &SubscriptionKey) {
        let Some(answer) = self.by_id.get_mut(&id) else { return };
        answer.subscriptions.remove(subscription);
        if !answer.subscriptions.is_empty() {
            return;
        }
        let Some(Answer { run, .. }) = self.by_id.remove(&id) else { return };
        self.index.remove(id, &run.reads);
        if let Some(ids) = self.by_query.get_mut(&run.query) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_query.remove(&run.query);
            }
        }
    }

    /// Adds the answers that a commit may have changed to `touched`.
    pub(super) fn touched_by(&self, commit: &Commit, touched: &mut BTreeSet<AnswerId>) {
        self.index.touched_by(commit, touched);
    }

    /// Returns who waits for changes of an answer.
    pub(super) fn subscriptions(&self, id: AnswerId) -> impl Iterator<Item = &SubscriptionKey> {
        self.by_id.get(&id).into_iter().flat_map(|answer| &answer.subscriptions)
    }

    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.by_query.is_empty() && self.index.is_empty()
    }
}

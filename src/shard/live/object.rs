//! A shard with its sockets, as one object of the host.

use std::{cell::Cell, rc::Rc};

use super::{
    frame::ShardFrame,
    gate,
    interfaces::{LiveShard, LiveSocket, SocketHost},
    on_shard::OnShard,
    sockets::Live,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::Request,
    shard::{
        Shard,
        scheduler::CALLS,
        tracking::{Change, Commit},
    },
};

/// A shard with its sockets.
pub(crate) struct LiveObject<H: SocketHost> {
    shard: Shard,
    pub(super) host: Rc<H>,
    pub(super) live: Live<H::Socket>,
    /// `true` once the sockets that outlived the last instance were looked up.
    awake: Cell<bool>,
    /// `true` while a requested flush has not begun.
    flush_due: Cell<bool>,
    /// `true` if an earlier instance may have left values unsent.
    recovering: Cell<bool>,
    /// `true` while an event runs the functions of connections.
    pub(super) runs_hooks: Cell<bool>,
    /// The time at which the host calls [`alarm`](Self::alarm), as far as this instance knows.
    alarm_at: Cell<Option<u64>>,
    /// When the next scheduled call is due.
    due: Cell<Option<u64>>,
}

impl<H: SocketHost> LiveObject<H> {
    /// Makes an object of a shard: from now on its commits reach its sockets.
    pub(crate) fn new(shard: Shard, host: Rc<H>) -> Rc<Self> {
        let recovering = Cell::new(host.is_replacement());
        let definition = &shard.inner.definition;
        let has_hooks = !definition.connect.is_empty() || !definition.disconnect.is_empty();
        let object = Rc::new(Self {
            shard,
            host,
            live: Live::new(has_hooks),
            awake: Cell::default(),
            flush_due: Cell::default(),
            recovering,
            runs_hooks: Cell::default(),
            alarm_at: Cell::default(),
            due: Cell::default(),
        });
        let listening = Rc::downgrade(&object);
        object.shard.on_commit(move |commit| {
            if let Some(object) = listening.upgrade() {
                object.wake();
                object.note_schedule(commit);
                if object.live.committed(commit) {
                    object.flush_soon();
                }
            }
        });
        object.list_for_operators();
        object
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Refuses another socket if the shard is at its limit.
    ///
    /// # Errors
    /// 503 `SHARD_UNAVAILABLE`.
    pub(crate) fn check_room(&self) -> Result<(), LunoraError> {
        self.wake();
        gate::check_room(self.live.len(), &**self.shard.host())
    }

    /// Adds a socket that `request` opened, and that [`admit`](super::admit) let in.
    pub(crate) fn open(
        &self,
        id: &str,
        socket: H::Socket,
        request: &Request,
        admin: Option<String>,
    ) {
        self.wake();
        self.live.open(id, socket, request.headers(), admin);
        self.set_alarm();
    }

    /// Closes the sockets whose identity expired, makes the calls that are due, and waits for the next of
    /// both.
    pub(crate) async fn alarm(&self) {
        /// The time until another alarm after one whose calls failed to be made.
        const PAUSE_MS: u64 = 5_000;

        self.alarm_at.set(None);
        self.wake();
        self.live.close_expired(&self.on_shard());
        if self.shard.schedules() {
            let made = self.shard.run_due().await;
            self.read_schedule();
            if let Err(error) = made {
                log::error(&format!("the scheduled calls: {}", error.to_log_line()));
                let pause = self.shard.host().now_ms() + PAUSE_MS;
                self.due.set(self.due.get().map(|due| due.max(pause)));
            }
        }
        self.set_alarm();
    }

    /// Sets the alarm for calls that a commit scheduled.
    fn note_schedule(&self, commit: &Commit) {
        let scheduled = |change: &Change| change.table == CALLS.name();
        if self.shard.schedules() && (commit.everything || commit.changes.iter().any(scheduled)) {
            self.read_schedule();
            self.set_alarm();
        }
    }

    fn read_schedule(&self) {
        match self.shard.next_due() {
            Ok(due) => self.due.set(due),
            Err(error) => log::error(&format!("the scheduled calls: {}", error.to_log_line())),
        }
    }

    /// Announces a shard with rows that its registry may lack, as a call does.
    pub(crate) async fn announce(&self) {
        if let Err(error) = self.shard.open().await {
            log::error(&format!("a live connection: {}", error.to_log_line()));
        }
    }

    /// Sets the alarm to the first expiry of an open socket or the next call that is due, unless one is set that
    /// comes before.
    fn set_alarm(&self) {
        if let Some(at) = [self.live.next_expiry_ms(), self.due.get()].into_iter().flatten().min()
            && self.alarm_at.get().is_none_or(|set| at < set)
        {
            self.alarm_at.set(Some(at));
            self.host.wake_at(at);
        }
    }

    /// Answers a frame. Returns whether it may need the database: an invalid one, one too many, and
    /// a whisper do not.
    pub(crate) fn message(self: &Rc<Self>, id: &str, text: &str) -> bool {
        self.wake();
        let may_need_database = self.live.message(id, text, &self.on_shard());
        self.run_streams();
        may_need_database
    }

    /// Forgets a socket that is closed.
    pub(crate) fn closed(&self, id: &str) {
        self.live.forget(id);
    }

    /// Sends every new value that is due. A query that crashes the instance here harms no write.
    pub(crate) fn flush(&self) {
        self.flush_due.set(false);
        self.wake();
        if self.recovering.take() {
            self.recover();
        }
        self.live.flush(&self.on_shard());
    }

    fn flush_soon(&self) {
        if self.flush_due.replace(true) {
            return;
        }
        if !self.host.flush_later() {
            self.flush();
        }
    }

    /// Recovers from a crash. The values that clients hold are unknown, so every query runs again;
    /// those that crashed an instance are refused for a while.
    fn recover(&self) {
        self.live.refresh_unanswered.set(true);
        for crash in self.host.crashes() {
            self.live.note_crash(&crash.query, crash.at);
            let (socket, id) = (&*crash.socket, &*crash.subscription);
            let is_kept =
                self.live.with_entry(socket, |entry| entry.subscriptions.contains_key(id));
            // Its first run crashed, before the subscription was kept.
            if is_kept == Some(false)
                && let Some(handle) = self.live.entry(socket)
            {
                handle.socket.send(&ShardFrame::of_error(Some(id), &crashed()));
            }
        }
    }

    /// Returns the counts of sockets, of subscriptions with an answer, and of answers.
    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub(crate) fn held(&self) -> [usize; 3] {
        self.live.held().into()
    }

    pub(super) fn on_shard(&self) -> OnShard<'_, H> {
        OnShard::new(&self.shard, &self.host)
    }

    /// Restores the sockets that outlived the last instance, once.
    pub(super) fn wake(&self) {
        if self.awake.replace(true) {
            return;
        }
        for (id, socket, kept) in self.host.sockets() {
            self.live.wake(&id, socket, kept.as_deref());
        }
        if self.shard.schedules() {
            self.read_schedule();
            self.set_alarm();
        }
    }
}

impl<S: LiveSocket> Live<S> {
    /// The time for which a query that crashed the instance is not run again.
    const REFUSED_MS: u64 = 60_000;

    fn note_crash(&self, query: &str, at: u64) {
        self.crashed.borrow_mut().push((query.into(), at.saturating_add(Self::REFUSED_MS)));
    }

    /// Returns the error for a query that crashed the instance recently.
    pub(super) fn crashed_lately(
        &self,
        query: &str,
        shard: &impl LiveShard,
    ) -> Option<LunoraError> {
        let mut queries = self.crashed.borrow_mut();
        // The clock is read only after a crash.
        if queries.is_empty() {
            return None;
        }
        let now_ms = shard.now_ms();
        queries.retain(|(_, until)| now_ms < *until);
        queries.iter().any(|(crashed, _)| **crashed == *query).then(crashed)
    }
}

fn crashed() -> LunoraError {
    LunoraError::new(Code::Internal, "the query crashed; subscribe again in a minute")
}

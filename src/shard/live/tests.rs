//! Live connections over sockets in memory.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use futures::{executor::LocalPool, future::LocalBoxFuture, task::LocalSpawnExt};
use http::HeaderMap;
use serde_json::{Value, json, value::RawValue};

mod admission;
mod changes;
mod frames;
mod hooks;
mod listing;
mod resuming;
mod shapes;
mod streams;
mod values;
mod whispers;

use super::{
    interfaces::{At, LiveRun, LiveShard},
    on_shard::OnShard,
    sockets::Live,
    *,
};
use crate::{
    errors::{Code, LunoraError},
    platform::Clock,
    shard::{
        Caller,
        tracking::{Change, ChangeOp, Commit, Reads},
    },
};

/// A socket that records its frames.
#[derive(Clone, Default)]
struct Socket {
    sent: Rc<RefCell<Vec<Value>>>,
    closed: Rc<RefCell<Option<(u16, String)>>>,
    kept: Rc<RefCell<String>>,
}

impl LiveSocket for Socket {
    type Text = String;

    fn text(text: &str) -> String {
        text.to_owned()
    }
    fn send_with(&self, around: &str, text: &String) {
        self.send(&around.replacen('\n', text, 1));
    }
    fn send(&self, text: &str) {
        self.sent.borrow_mut().push(serde_json::from_str(text).unwrap());
    }
    fn close(&self, code: u16, reason: &str) {
        *self.closed.borrow_mut() = Some((code, reason.to_owned()));
    }
    fn keep(&self, attachment: &str) -> bool {
        *self.kept.borrow_mut() = attachment.to_owned();
        true
    }
}

impl Socket {
    /// Returns the frames sent since the last call.
    fn take(&self) -> Vec<Value> {
        self.sent.take()
    }

    fn types(&self) -> Vec<String> {
        self.take().iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// A shard whose queries `t:list`, `t:mine` and `u:list` answer with a counter of their table.
#[derive(Default)]
struct Shard {
    values: RefCell<HashMap<&'static str, u64>>,
    runs: Cell<u32>,
    now_ms: Cell<u64>,
    cursor: Cell<u64>,
    changed_at: Cell<u64>,
    fails: Cell<bool>,
    admin: RefCell<String>,
    epoch: Cell<usize>,
}

impl LiveShard for Shard {
    fn run_query(&self, path: &str, args: &RawValue, caller: &Caller) -> LiveRun {
        self.runs.set(self.runs.get() + 1);
        let table = if path.starts_with("t:") { "t" } else { "u" };
        let mut reads = Reads::default();
        let value = self.values.borrow().get(table).copied().unwrap_or_default();
        let user = caller.identity.as_ref().and_then(|identity| identity.user_id());
        let mut run = || {
            if path == "t:none" {
                return Err(LunoraError::new(Code::FunctionNotFound, "function not registered"));
            }
            reads.note_table(table);
            if self.fails.get() {
                return Err(LunoraError::new(Code::Conflict, "not now"));
            }
            match path {
                "t:mine" => {
                    reads.note_caller();
                    Ok(json!([user, value]))
                }
                // It looks at the caller from the first write on.
                "t:private" if value > 0 => {
                    reads.note_caller();
                    if user == Some("ada") {
                        Ok(json!("the owner's"))
                    } else {
                        Err(LunoraError::new(Code::Forbidden, "not yours"))
                    }
                }
                // There is nothing before the first write.
                "t:late" if value == 0 => Err(LunoraError::new(Code::NotFound, "not yet")),
                // Two rows that stay, one with the counter, and a fourth from the third write on.
                "t:rows" => {
                    let mut rows = vec![
                        json!({ "_id": "0", "_creationTime": 0, "text": "long ".repeat(100) }),
                        json!({ "_id": "1", "_creationTime": 1 }),
                        json!({ "_id": "2", "_creationTime": 2, "n": value }),
                    ];
                    if value >= 3 {
                        rows.push(json!({ "_id": "3", "_creationTime": 3 }));
                    }
                    Ok(json!(rows))
                }
                _ => Ok(json!([value, args])),
            }
        };
        let outcome = run().map(|json| json.to_string());
        LiveRun { outcome, reads }
    }
    fn run_admin(&self, _: &str, _: &RawValue) -> LiveRun {
        let mut reads = Reads::default();
        reads.note_everything();
        LiveRun { outcome: Ok(self.cursor.get().to_string()), reads }
    }
    fn running(&self, _: Option<&Running<'_>>) {}
    fn start_epoch(&self) {
        self.epoch.set(self.epoch.get() + 1);
    }
    fn position(&self) -> At {
        Some((self.cursor.get(), ["epoch", "epoch 2"][self.epoch.get()].to_owned()))
    }
    fn unchanged_since(&self, seq: u64, _: &Reads) -> bool {
        seq >= self.changed_at.get()
    }
    fn last_mutation(&self, _: &Caller, client: &str) -> Option<u64> {
        (client == "c1").then_some(5)
    }
    fn is_admin(&self, fingerprint: &str) -> bool {
        *self.admin.borrow() == fingerprint
    }
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

impl Shard {
    /// Changes a table, and returns the commit.
    fn write(&self, table: &'static str) -> Commit {
        *self.values.borrow_mut().entry(table).or_default() += 1;
        self.touch(table)
    }

    /// Commits a write of a table that changes no value.
    fn touch(&self, table: &'static str) -> Commit {
        self.cursor.set(self.cursor.get() + 1);
        let change =
            Change { table, id: "x".to_owned(), op: ChangeOp::Update, before: None, after: None };
        Commit { cursor: Some(self.cursor.get()), changes: vec![change], everything: false }
    }
}

/// A shard and its live connections.
#[derive(Default)]
struct World {
    live: Live<Socket>,
    shard: Shard,
}

impl Default for Live<Socket> {
    fn default() -> Self {
        Self::new(false)
    }
}

impl World {
    fn open(&self, id: &str, user: &str) -> Socket {
        let mut headers = HeaderMap::new();
        headers.insert("x-lunora-userid", user.parse().unwrap());
        let socket = Socket::default();
        self.live.open(id, socket.clone(), &headers, None);
        socket
    }

    fn say(&self, id: &str, frame: &Value) {
        self.live.message(id, &frame.to_string(), &self.shard);
    }

    fn subscribe(&self, id: &str, subscription: &str, path: &str) {
        let query = json!({"functionPath": path, "args": {"a": 1}});
        self.say(id, &json!({"type": "subscribe", "id": subscription, "query": query}));
    }

    fn commit(&self, commit: &Commit) {
        if self.live.committed(commit) {
            self.live.flush(&self.shard);
        }
    }

    /// Returns the object after hibernation: new state, the same sockets.
    fn sleep(self, sockets: &[(&str, &Socket)]) -> Self {
        let world = Self { live: Live::new(false), shard: self.shard };
        for (id, socket) in sockets {
            let kept = socket.kept.borrow().clone();
            world.live.wake(id, (*socket).clone(), Some(&kept));
        }
        world
    }
}

/// A host with sockets that outlived the last instance, and tasks that run when a test says so.
struct Host {
    sockets: usize,
    tasks: RefCell<LocalPool>,
}

impl Host {
    fn new(sockets: usize) -> Rc<Self> {
        Rc::new(Self { sockets, tasks: RefCell::default() })
    }
}

impl SocketHost for Host {
    type Socket = Socket;
    fn sockets(&self) -> Vec<(String, Socket, Option<String>)> {
        (0..self.sockets).map(|n| (format!("old {n}"), Socket::default(), None)).collect()
    }
    fn flush_later(&self) -> bool {
        true
    }
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.tasks.borrow().spawner().spawn_local(task).unwrap();
    }
    fn wake_at(&self, _: u64) {}
    fn running(&self, _: Option<&Running<'_>>) {}
    fn crashes(&self) -> Vec<Crash> {
        Vec::new()
    }
    fn is_replacement(&self) -> bool {
        false
    }
}

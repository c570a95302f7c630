//! A client's socket to one shard: it resumes after a break, and remembers what it was sent.

use std::collections::BTreeMap;

use lunora::testing::{Client, Socket, SocketEvent};
use serde_json::{Value, json};

use crate::{app::Doc, workload::USERS};

/// A client's live queries on one shard.
pub(crate) struct Session {
    user: usize,
    pub(crate) shard: &'static str,
    client: Client,
    socket: Option<Socket>,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    next: u32,
}

/// One live query as its client sees it.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) path: &'static str,
    pub(crate) args: Value,
    /// Whether the shard said that it has it.
    pub(crate) acknowledged: bool,
    /// The last value, or the code of the last error.
    pub(crate) last: Option<Result<Value, String>>,
    /// Where the change log was, and its epoch, when the last value came.
    position: Option<(Value, Value)>,
}

impl Session {
    pub(crate) fn new(user: usize, shard: &'static str, client: Client) -> Self {
        let subscriptions = BTreeMap::new();
        Self { user, shard, client, socket: None, subscriptions, next: 0 }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket.as_ref().is_some_and(Socket::is_open)
    }

    /// Opens the socket if it is closed, and subscribes to everything again.
    pub(crate) async fn open(&mut self) {
        self.listen();
        if self.is_open() {
            return;
        }
        let Ok(socket) = self.client.connect(self.shard).await else { return };
        if self.takes_changes() {
            socket.send(&json!({ "type": "connect", "id": "connect", "caps": ["pageDelta"] }));
        }
        for (id, subscription) in &mut self.subscriptions {
            subscription.acknowledged = false;
            let mut query = json!({ "functionPath": subscription.path, "args": subscription.args });
            if let (Some(Ok(_)), Some((cursor, epoch))) =
                (&subscription.last, &subscription.position)
            {
                query["sinceSeq"] = cursor.clone();
                query["sinceEpoch"] = epoch.clone();
            }
            socket.send(&json!({ "type": "subscribe", "id": id, "query": query }));
        }
        self.socket = Some(socket);
    }

    /// Whether this client keeps rows and takes changes of single ones: every other user's does.
    fn takes_changes(&self) -> bool {
        self.user.is_multiple_of(2)
    }

    pub(crate) async fn subscribe(&mut self, path: &'static str, args: Value) {
        self.open().await;
        self.next += 1;
        let id = format!("sub_{}", self.next);
        if let Some(socket) = &self.socket {
            socket.subscribe(&id, path, &args);
        }
        let new = Subscription { path, args, acknowledged: false, last: None, position: None };
        self.subscriptions.insert(id, new);
    }

    pub(crate) fn unsubscribe(&mut self, at: usize) {
        let Some(id) = self.subscriptions.keys().nth(at).cloned() else { return };
        self.subscriptions.remove(&id);
        if let Some(socket) = &self.socket {
            socket.unsubscribe(&id);
        }
    }

    pub(crate) fn close(&mut self) {
        self.listen();
        if let Some(socket) = self.socket.take() {
            socket.close();
        }
    }

    /// Reads what the shard sent. No value may show what the caller could not have been given.
    pub(crate) fn listen(&mut self) {
        let events = self.socket.as_ref().map(Socket::take).unwrap_or_default();
        for event in events {
            match event {
                SocketEvent::Frame(frame) => self.hear(&frame),
                _ => {
                    self.socket = None;
                    return;
                }
            }
        }
    }

    fn hear(&mut self, frame: &Value) {
        let id = frame["id"].as_str().unwrap_or_default();
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let position = || Some((frame["cursor"].clone(), frame["epoch"].clone()));
        match frame["type"].as_str() {
            Some("ack") => subscription.acknowledged = true,
            Some("data") => {
                assert_may_see(USERS[self.user], &frame["data"], subscription.path);
                subscription.last = Some(Ok(frame["data"].clone()));
                subscription.position = position();
            }
            Some("delta") => {
                let delta = &frame["delta"];
                let held = subscription.last.as_mut().and_then(|last| last.as_mut().ok());
                let changed = held.and_then(|value| change(value, delta).map(|()| value));
                assert!(
                    changed.is_some(),
                    "{id}: {delta} does not fit the value that the client holds"
                );
                if let Some(value) = changed {
                    assert_may_see(USERS[self.user], value, subscription.path);
                }
                if frame["cursor"].is_u64() {
                    subscription.position = position();
                }
            }
            Some("resume" | "settled") => {
                assert!(
                    matches!(subscription.last, Some(Ok(_))),
                    "{id}: `{}` although the client holds no value",
                    frame["type"]
                );
                subscription.position = position();
            }
            Some("error") => {
                let code = frame["code"].as_str().unwrap_or_default().to_owned();
                if !subscription.acknowledged
                    && (code == "SUBSCRIPTION_PERSIST_FAILED" || code == "TOO_MANY_SUBSCRIPTIONS")
                {
                    self.subscriptions.remove(id);
                    return;
                }
                subscription.last = Some(Err(code));
            }
            _ => {}
        }
    }
}

/// Changes one row of a list or of a page, as a client does (docs/wire.md, "Changes of rows"). Returns
/// nothing if the change does not fit.
fn change(value: &mut Value, delta: &Value) -> Option<()> {
    let rows = if value.is_array() { value } else { value.get_mut("page")? };
    let rows = rows.as_array_mut()?;
    let at = rows.iter().position(|row| row["_id"] == delta["key"]);
    let created = |row: &Value| row["_creationTime"].as_f64();
    match (delta["op"].as_str()?, at) {
        ("delete", Some(at)) => drop(rows.remove(at)),
        ("update", Some(at)) => rows[at] = delta["row"].clone(),
        ("insert", None) => {
            let time = created(&delta["row"])?;
            let ascends = rows.first().map(created) < rows.last().map(created);
            let breaks = |row: &Value| {
                created(row).is_some_and(|other| if ascends { other > time } else { other < time })
            };
            let place = rows.iter().position(breaks).unwrap_or(rows.len());
            rows.insert(place, delta["row"].clone());
        }
        _ => return None,
    }
    Some(())
}

/// A private document is seen by its owner alone, and `docs:mine` shows only one's own.
pub(crate) fn assert_may_see(user: &str, value: &Value, path: &str) {
    let docs: Vec<Doc> = match value {
        Value::Array(_) => serde_json::from_value(value.clone()).unwrap_or_default(),
        Value::Object(_) => serde_json::from_value(value.clone()).into_iter().collect(),
        _ => Vec::new(),
    };
    for doc in docs {
        let foreign = doc.owner != user && (doc.private || path == "docs:mine");
        assert!(!foreign, "{user} was sent {doc:?} by {path}");
    }
}

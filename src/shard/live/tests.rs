//! Live connections over sockets in memory.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use http::HeaderMap;
use serde_json::{Value, json, value::RawValue};

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
                _ => Ok(json!([value, args])),
            }
        };
        let outcome = run().map(|json| RawValue::from_string(json.to_string()).unwrap());
        LiveRun { outcome, reads }
    }
    fn run_admin(&self, _: &str, _: &RawValue) -> LiveRun {
        let mut reads = Reads::default();
        reads.note_everything();
        let json = RawValue::from_string(self.cursor.get().to_string()).unwrap();
        LiveRun { outcome: Ok(json), reads }
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
        Self::new()
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
        let world = Self { live: Live::new(), shard: self.shard };
        for (id, socket) in sockets {
            let kept = socket.kept.borrow().clone();
            world.live.wake(id, (*socket).clone(), Some(&kept));
        }
        world
    }
}

#[test]
fn an_ack_comes_before_the_first_value_and_every_new_value_follows() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    assert_eq!(
        socket.take(),
        [
            json!({"type": "ack", "id": "sub_1"}),
            json!({"type": "data", "id": "sub_1", "data": [0, {"a": 1}], "cursor": 0, "epoch": "epoch"}),
        ]
    );
    world.commit(&world.shard.write("t"));
    assert_eq!(
        socket.take(),
        [
            json!({"type": "data", "id": "sub_1", "data": [1, {"a": 1}], "cursor": 1, "epoch": "epoch"})
        ]
    );
}

#[test]
fn a_write_elsewhere_runs_nothing_and_the_same_value_is_not_sent_again() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    socket.take();
    world.commit(&world.shard.write("u"));
    assert_eq!((socket.take().len(), world.shard.runs.get()), (0, 1));
    world.commit(&world.shard.touch("t"));
    assert_eq!(socket.types(), ["settled"]);
}

#[test]
fn one_commit_runs_a_query_once_for_all_its_sockets() {
    let world = World::default();
    let sockets: Vec<_> =
        (0..100).map(|n| world.open(&format!("s{n}"), &format!("user{n}"))).collect();
    for n in 0..100 {
        world.subscribe(&format!("s{n}"), "sub_1", "t:list");
    }
    world.shard.runs.set(0);
    world.commit(&world.shard.write("t"));
    assert_eq!(world.shard.runs.get(), 1);
    for socket in &sockets {
        assert_eq!(socket.types(), ["ack", "data", "data"]);
    }
}

#[test]
fn a_query_that_reads_its_caller_runs_once_per_caller_and_never_leaks() {
    let world = World::default();
    let (ada, also_ada, bob) =
        (world.open("a", "ada"), world.open("b", "ada"), world.open("c", "bob"));
    for id in ["a", "b", "c"] {
        world.subscribe(id, "sub_1", "t:mine");
    }
    world.shard.runs.set(0);
    world.commit(&world.shard.write("t"));
    assert_eq!(world.shard.runs.get(), 2);
    for (socket, user) in [(ada, "ada"), (also_ada, "ada"), (bob, "bob")] {
        assert_eq!(socket.take().last().unwrap()["data"], json!([user, 1]));
    }
}

#[test]
fn closes_a_socket_whose_identity_would_be_lost_in_sleep() {
    let world = World::default();
    let huge = "a".repeat(16_384);
    let socket = world.open("s", &huge);
    assert_eq!(socket.closed.borrow().as_ref().map(|(code, _)| *code), Some(1009));
    assert_eq!(*socket.kept.borrow(), "");
    world.subscribe("s", "sub_1", "t:list");
    assert!(socket.take().is_empty());
}

#[test]
fn a_hibernated_socket_keeps_its_subscriptions_and_its_caller() {
    let world = World::default();
    let (ada, bob) = (world.open("a", "ada"), world.open("b", "bob"));
    world.subscribe("a", "sub_1", "t:mine");
    world.subscribe("b", "sub_9", "t:list");
    let world = world.sleep(&[("a", &ada), ("b", &bob)]);
    ada.take();
    bob.take();
    world.commit(&world.shard.write("t"));
    assert_eq!(ada.take()[0]["data"], json!(["ada", 1]));
    assert_eq!((bob.take()[0]["id"]).as_str(), Some("sub_9"));
    world.say("a", &json!({"type": "unsubscribe", "id": "sub_1"}));
    let world = world.sleep(&[("a", &ada), ("b", &bob)]);
    world.commit(&world.shard.write("t"));
    assert!(ada.take().is_empty());
}

#[test]
fn a_query_is_shared_from_its_first_run_after_waking() {
    let world = World::default();
    let sockets: Vec<_> = (0..20).map(|n| world.open(&format!("s{n}"), &format!("u{n}"))).collect();
    for n in 0..20 {
        world.subscribe(&format!("s{n}"), "sub_1", "t:list");
    }
    let ids: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    let slept: Vec<_> = ids.iter().map(String::as_str).zip(&sockets).collect();
    let world = world.sleep(&slept);
    world.shard.runs.set(0);
    world.commit(&world.shard.write("t"));
    assert_eq!(world.shard.runs.get(), 1);
}

#[test]
fn a_client_that_holds_the_value_resumes() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.shard.cursor.set(9);
    world.shard.changed_at.set(7);
    for (since, epoch, expected) in
        [(8, "epoch", "resume"), (6, "epoch", "data"), (8, "other", "data"), (12, "epoch", "data")]
    {
        let query = json!({"functionPath": "t:list", "sinceSeq": since, "sinceEpoch": epoch});
        world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
        assert_eq!(socket.types(), ["ack", expected], "{since} {epoch}");
    }
}

#[test]
fn answers_connect_with_the_user_of_the_socket_and_with_null_for_an_anonymous_one() {
    let world = World::default();
    let connect = json!({"type": "connect", "id": "connect", "clientId": "c1"});
    for (user, subject) in [("ada", json!("ada")), ("=w6TDtsO8", json!("äöü")), ("", Value::Null)]
    {
        let socket = world.open("s", user);
        world.say("s", &connect);
        assert_eq!(socket.take(), [json!({"type": "identity", "subject": subject})]);
        // The identity outlives hibernation.
        let asleep = World::default().sleep(&[("s", &socket)]);
        asleep.say("s", &connect);
        assert_eq!(socket.take(), [json!({"type": "identity", "subject": subject})]);
    }
    let operator = Socket::default();
    world.live.open("o", operator.clone(), &HeaderMap::new(), Some("fingerprint".to_owned()));
    world.say("o", &connect);
    assert_eq!(operator.take(), [json!({"type": "identity", "subject": null})]);
}

#[test]
fn a_client_learns_which_of_its_mutations_were_applied() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.say("s", &json!({"type": "connect", "id": "connect", "clientId": "c1"}));
    world.subscribe("s", "sub_1", "t:list");
    assert_eq!(socket.take()[2]["lastMutationId"], 5);
}

#[test]
fn a_socket_has_32_subscriptions_and_a_name_that_is_used_again_is_replaced() {
    let world = World::default();
    let socket = world.open("s", "ada");
    for n in 0..32 {
        world.subscribe("s", &format!("sub_{n}"), "t:list");
    }
    socket.take();
    world.subscribe("s", "sub_32", "t:list");
    let frame = socket.take().remove(0);
    assert_eq!(
        (&frame["code"], &frame["id"]),
        (&json!("TOO_MANY_SUBSCRIPTIONS"), &json!("sub_32"))
    );
    world.subscribe("s", "sub_7", "u:list");
    assert_eq!(socket.types(), ["ack", "data"]);
    world.commit(&world.shard.write("u"));
    assert_eq!(socket.types(), ["data"]);
}

#[test]
fn a_subscription_too_large_for_the_socket_is_refused_whole() {
    let world = World::default();
    let socket = world.open("s", "ada");
    let query = json!({"functionPath": "t:list", "args": {"text": "x".repeat(20_000)}});
    world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
    assert_eq!(socket.take()[0]["code"], "SUBSCRIPTION_PERSIST_FAILED");
    world.commit(&world.shard.write("t"));
    assert!(socket.take().is_empty());
}

#[test]
fn bad_frames_are_answered_and_the_socket_lives_on() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.live.message("s", "{", &world.shard);
    world.live.message("s", &" ".repeat(1024 * 1024 + 1), &world.shard);
    assert_eq!(
        socket.take(),
        [
            json!({"type": "error", "message": "invalid envelope"}),
            json!({"type": "error", "message": "frame too large"}),
        ]
    );
    world.say("s", &json!({"type": "stream", "id": "stream_1", "query": {}}));
    world.say("s", &json!({"type": "shape_subscribe", "id": "shape_1", "shape": {}}));
    let codes: Vec<Value> = socket.take().into_iter().map(|frame| frame["code"].clone()).collect();
    assert_eq!(codes, ["NOT_FOUND", "SHAPE_NOT_FOUND"]);
    for args in [json!([3, "z"]), json!({"n": ["$lunora.wire$", "bigint", "x"]})] {
        let query = json!({"functionPath": "t:list", "args": args});
        world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
        assert_eq!(socket.take()[0]["code"], "BAD_SUBSCRIPTION_ARGS", "{args}");
    }
    world.subscribe("s", "sub_1", "t:none");
    let frame = socket.take().remove(0);
    assert_eq!(frame["error"]["code"], "FUNCTION_NOT_FOUND");
    world.subscribe("s", "sub_1", "t:list");
    assert_eq!(socket.types(), ["ack", "data"]);
}

#[test]
fn a_failed_query_sends_its_error_and_runs_again_on_the_next_write() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    socket.take();
    world.shard.fails.set(true);
    world.commit(&world.shard.write("t"));
    assert_eq!(socket.take()[0]["error"], json!({"code": "CONFLICT", "message": "not now"}));
    world.shard.fails.set(false);
    world.commit(&world.shard.write("t"));
    assert_eq!(socket.take()[0]["data"][0], 2);
}

#[test]
fn an_expired_identity_gets_an_error_and_no_more_values() {
    for by_frame in [true, false] {
        let world = World::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-lunora-userid", "ada".parse().unwrap());
        headers.insert("x-lunora-identity-exp", "1000".parse().unwrap());
        let socket = Socket::default();
        world.live.open("s", socket.clone(), &headers, None);
        world.subscribe("s", "sub_1", "t:list");
        socket.take();
        world.shard.now_ms.set(1000);
        if by_frame {
            world.subscribe("s", "sub_2", "t:list");
        } else {
            world.commit(&world.shard.write("t"));
        }
        let frames = socket.take();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["code"], "TOKEN_EXPIRED");
        assert_eq!(*socket.closed.borrow(), Some((4001, "token_expired".to_owned())));
        world.commit(&world.shard.write("t"));
        assert!(socket.take().is_empty());
    }
}

#[test]
fn an_invalid_expiry_is_past() {
    for expiry in [&b"-1"[..], b"", b"soon", b"1e3", b"\xff"] {
        let world = World::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-lunora-userid", "ada".parse().unwrap());
        let value = http::HeaderValue::from_bytes(expiry).unwrap();
        headers.insert("x-lunora-identity-exp", value);
        let socket = Socket::default();
        world.live.open("s", socket.clone(), &headers, None);
        let world = world.sleep(&[("s", &socket)]);
        world.subscribe("s", "sub_1", "t:list");
        assert_eq!(*socket.closed.borrow(), Some((4001, "token_expired".to_owned())), "{expiry:?}");
        assert_eq!(world.shard.runs.get(), 0, "{expiry:?}");
    }
}

#[test]
fn refuses_an_upgrade_with_an_expired_identity_before_the_socket_is_accepted() {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    let now = shard.clock().now_ms();
    let upgrade = |expiry: &str| {
        let request = crate::Request::get("https://shard.internal/_lunora/ws")
            .with_header("x-lunora-userid", "ada")
            .with_header("x-lunora-identity-exp", expiry);
        admit(&request, shard.host()).map_err(|error| (error.status(), error.code().to_owned()))
    };
    for expiry in ["0", "-1", "soon", &now.to_string()] {
        let expected = Err((http::StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED".to_owned()));
        assert_eq!(upgrade(expiry), expected, "{expiry}");
    }
    assert_eq!(upgrade(&(now + 1).to_string()), Ok(None));
    assert_eq!(shard.host().statements(), 0);
}

/// Returns the status of an upgrade at `https://app.test`, with the variables of the shard.
fn upgrade_with(variables: &[(&str, &str)], headers: &[(&'static str, &str)]) -> u16 {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    for (name, value) in variables {
        shard.host().set_var(name, value);
    }
    let mut request = crate::Request::get("https://app.test/_lunora/ws");
    for (name, value) in headers {
        request = request.with_header(name, value);
    }
    admit(&request, shard.host()).map_or_else(|error| error.status().as_u16(), |_| 101)
}

#[test]
fn accepts_a_socket_of_the_workers_own_origin_whatever_origins_are_listed() {
    for listed in ["https://other.test", "https://other.test/", "app.test", "*"] {
        for own in ["https://app.test", "https://app.test:443", "https://APP.test"] {
            let upgrade = upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", listed)], &[("origin", own)]);
            assert_eq!(upgrade, 101, "{listed} {own}");
        }
    }
}

#[test]
fn refuses_a_foreign_origin_that_is_not_listed() {
    let upgrade = |listed: &str, origin: &str| {
        upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", listed)], &[("origin", origin)])
    };
    for foreign in [
        "http://app.test",
        "https://app.test:8443",
        "https://app.test.evil.test",
        "https://evil.test",
        "https://app.test@evil.test",
        "https://evil.test@app.test",
        "https://app.test/evil",
        "https://app.test?",
        "app.test",
        "null",
        "",
    ] {
        assert_eq!(upgrade("https://other.test", foreign), 403, "{foreign}");
    }
    assert_eq!(upgrade("https://other.test", "https://other.test"), 101);
    // A client without an origin is not a browser, so the list of origins does not apply.
    assert_eq!(upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", "https://other.test")], &[]), 403);
}

#[test]
fn an_empty_variable_is_as_one_that_is_not_set() {
    for empty in ["", " ", ",", " , "] {
        assert_eq!(upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", empty)], &[]), 101, "{empty:?}");
    }
    for empty in ["", " "] {
        assert_eq!(upgrade_with(&[("LUNORA_WS_BEARER", empty)], &[]), 101, "{empty:?}");
    }
    let secret = [("LUNORA_WS_BEARER", "secret")];
    assert_eq!(upgrade_with(&secret, &[]), 403);
    assert_eq!(upgrade_with(&secret, &[("authorization", "Bearer ")]), 403);
    assert_eq!(upgrade_with(&secret, &[("authorization", "Bearer secret")]), 101);
}

#[test]
fn answers_an_excess_frame_with_an_error_and_does_no_work_for_it() {
    let world = World::default();
    let (flooder, other) = (world.open("f", "ada"), world.open("o", "ada"));
    for _ in 0..100 {
        world.subscribe("f", "sub_1", "t:list");
    }
    assert!(flooder.types().iter().all(|frame| frame != "error"));
    world.shard.runs.set(0);
    for frame in ["{}", "", r#"{"type":"connect","clientId":"c1"}"#] {
        assert!(!world.live.message("f", frame, &world.shard));
        let told = flooder.take();
        assert_eq!(
            (&told[0]["type"], &told[0]["code"]),
            (&json!("error"), &json!("TOO_MANY_REQUESTS"))
        );
        assert_eq!(told.len(), 1);
    }
    world.subscribe("f", "sub_2", "t:list");
    assert_eq!((flooder.types(), world.shard.runs.get()), (vec!["error".to_owned()], 0));
    // The allowance is per socket, and a client that waits regains it.
    world.subscribe("o", "sub_1", "t:list");
    assert_eq!(other.types(), ["ack", "data"]);
    world.shard.now_ms.set(3000);
    world.subscribe("f", "sub_2", "t:list");
    assert_eq!(flooder.types(), ["ack", "data"]);
}

#[test]
fn closes_a_socket_that_goes_on_sending_too_many_frames() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    for _ in 0..1000 {
        world.say("s", &json!({"type": "whisper", "topic": "t"}));
    }
    assert_eq!(*socket.closed.borrow(), Some((1008, "too many frames".to_owned())));
    assert!(socket.take().len() <= 102);
    assert_eq!(world.live.held(), (0, 0, 0));
}

/// A host with sockets that outlived the last instance.
struct Host(usize);

impl SocketHost for Host {
    type Socket = Socket;
    fn sockets(&self) -> Vec<(String, Socket, Option<String>)> {
        (0..self.0).map(|n| (format!("old {n}"), Socket::default(), None)).collect()
    }
    fn flush_later(&self) -> bool {
        true
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

#[test]
fn refuses_an_upgrade_beyond_the_socket_limit_until_one_closes() {
    for (limit, bound) in [(None, 10_000), (Some("3"), 3), (Some("many"), 10_000), (Some("0"), 0)] {
        let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
        if let Some(limit) = limit {
            shard.host().set_var("LUNORA_SOCKET_LIMIT", limit);
        }
        // Sockets that hibernated count too.
        let object = LiveObject::new(shard.shard().clone(), Rc::new(Host(bound / 2)));
        let upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
        for n in bound / 2..bound {
            assert!(object.check_room().is_ok(), "{n} of {limit:?}");
            object.open(&n.to_string(), Socket::default(), &upgrade, None);
        }
        let refused = object.check_room().unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "SHARD_UNAVAILABLE"));
        assert!(refused.retry_after().is_some());
        if bound > 0 {
            object.closed("old 0");
            assert!(object.check_room().is_ok(), "{limit:?}");
        }
        assert_eq!(shard.host().statements(), 0);
    }
}

#[test]
fn an_admin_query_that_is_refused_runs_no_statement() {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    let args = RawValue::from_string("{}".to_owned()).unwrap();
    for op in ["writeRow", "getMetrics", "nonsense"] {
        let run = OnShard::new(shard.shard(), &Host(0))
            .run_admin(&format!("__lunora_admin__:{op}"), &args);
        assert!(run.outcome.is_err(), "{op}");
        assert_eq!(shard.host().statements(), 0, "{op}");
    }
}

#[test]
fn admin_queries_are_for_admin_sockets_until_the_token_changes() {
    let world = World::default();
    let guest = world.open("s", "ada");
    world.subscribe("s", "sub_1", "__lunora_admin__:getMetrics");
    assert_eq!(
        guest.take(),
        [
            json!({"type": "error", "id": "sub_1", "message": "an admin subscription needs an admin socket"})
        ]
    );
    *world.shard.admin.borrow_mut() = "print".to_owned();
    let operator = Socket::default();
    let admin = Some("print".to_owned());
    world.live.open("o", operator.clone(), &HeaderMap::new(), admin);
    world.subscribe("o", "sub_1", "__lunora_admin__:getMetrics");
    assert_eq!(operator.types(), ["ack", "data"]);
    world.commit(&world.shard.write("t"));
    assert_eq!(operator.types(), ["data"]);
    *world.shard.admin.borrow_mut() = "another".to_owned();
    world.commit(&world.shard.write("t"));
    assert_eq!(operator.take()[0]["code"], "FORBIDDEN");
}

#[test]
fn a_socket_that_is_closed_costs_nothing_more() {
    let world = World::default();
    world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    world.live.forget("s");
    world.shard.runs.set(0);
    world.commit(&world.shard.write("t"));
    assert_eq!(world.shard.runs.get(), 0);
}

#[test]
fn an_answer_is_never_shared_once_its_query_looks_at_the_caller() {
    let world = World::default();
    let users = ["ada", "bob", "eve", "ada"];
    let ids = ["a", "b", "c", "d"];
    let sockets: Vec<_> = ids.iter().zip(users).map(|(id, user)| world.open(id, user)).collect();
    for id in ids {
        world.subscribe(id, "sub_1", "t:private");
    }
    assert_eq!(world.live.held(), (4, 4, 1));
    world.commit(&world.shard.write("t"));
    for (socket, user) in sockets.iter().zip(users) {
        let frame = socket.take().pop().unwrap();
        match user {
            "ada" => assert_eq!(frame["data"], "the owner's"),
            _ => assert_eq!(frame["code"], "FORBIDDEN"),
        }
    }
    // One answer per caller, including a failure.
    assert_eq!(world.live.held(), (4, 4, 3));
}

#[test]
fn a_failed_first_run_is_subscribed_to_and_mended_by_a_write() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:late");
    assert_eq!(socket.types(), ["ack", "error"]);
    world.commit(&world.shard.write("t"));
    assert_eq!(socket.types(), ["data"]);
}

#[test]
fn the_same_value_after_an_error_is_sent_again() {
    let world = World::default();
    let socket = world.open("s", "ada");
    world.subscribe("s", "sub_1", "t:list");
    world.shard.fails.set(true);
    world.commit(&world.shard.touch("t"));
    world.shard.fails.set(false);
    world.commit(&world.shard.touch("t"));
    assert_eq!(socket.types(), ["ack", "data", "error", "data"]);
}

#[test]
fn answers_without_subscriptions_are_dropped() {
    let world = World::default();
    world.open("s", "ada");
    for n in 0..100 {
        world.shard.now_ms.set(n * 1000);
        let query = json!({"functionPath": "t:mine", "args": {"n": n}});
        world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
        if n % 2 == 0 {
            world.say("s", &json!({"type": "unsubscribe", "id": "sub_1"}));
        }
    }
    assert_eq!(world.live.held(), (1, 1, 1));
    world.live.forget("s");
    assert_eq!(world.live.held(), (0, 0, 0));
    assert!(world.live.answers.borrow().is_empty());
}

#[test]
fn a_position_ahead_of_the_log_starts_a_new_epoch() {
    let world = World::default();
    let socket = world.open("s", "ada");
    let query = json!({"functionPath": "t:list", "sinceSeq": 7, "sinceEpoch": "epoch"});
    world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
    let frame = socket.take().pop().unwrap();
    assert_eq!((&frame["type"], &frame["epoch"]), (&json!("data"), &json!("epoch 2")));
    // Clients that invent positions cannot take the epoch from all others again and again.
    for since in [7, 8, 9] {
        let query = json!({"functionPath": "t:list", "sinceSeq": since, "sinceEpoch": "epoch 2"});
        world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
        let frame = socket.take().pop().unwrap();
        assert_eq!((&frame["type"], &frame["epoch"]), (&json!("data"), &json!("epoch 2")));
    }
}

#[test]
fn a_shard_whose_log_is_behind_a_client_names_its_history_anew_and_sends_the_value() {
    use crate::shard::{NoArgs, Query, ShardDefinition};
    const ITEMS: crate::shard::Table = crate::table!("items");
    fn count(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
        ctx.db().table(ITEMS).count()
    }
    let definition = ShardDefinition::new().table(ITEMS).query("items:count", count);
    let shard = crate::shard::testing::TestShard::new(definition);
    let object = LiveObject::new(shard.shard().clone(), Rc::new(Host(0)));
    let socket = Socket::default();
    let upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
    object.open("s", socket.clone(), &upgrade, None);
    let subscribe = |since: Value| {
        let mut query = json!({"functionPath": "items:count", "args": {}});
        query.as_object_mut().unwrap().append(&mut since.as_object().unwrap().clone());
        let frame = json!({"type": "subscribe", "id": "sub_1", "query": query});
        assert!(object.message("s", &frame.to_string()));
        let frame = socket.take().pop().unwrap();
        (frame["type"].clone(), frame["cursor"].clone(), frame["epoch"].clone())
    };
    let (_, cursor, first) = subscribe(json!({}));
    assert_eq!(cursor, 0);
    assert_eq!(subscribe(json!({"sinceSeq": 0, "sinceEpoch": first})).0, "resume");
    let (kind, cursor, second) = subscribe(json!({"sinceSeq": 5, "sinceEpoch": first}));
    assert_eq!((kind, cursor), (json!("data"), json!(0)));
    assert_ne!(first, second);
    assert_eq!(subscribe(json!({"sinceSeq": 0, "sinceEpoch": first})).0, "data");
    assert_eq!(subscribe(json!({"sinceSeq": 0, "sinceEpoch": second})).0, "resume");
}

#[test]
fn a_wide_character_that_makes_it_too_large_is_refused_before_the_ack() {
    let world = World::default();
    let socket = world.open("s", "ada");
    let query = json!({"functionPath": "t:list", "args": {"text": "x".repeat(9000) + "\u{6f22}"}});
    world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
    assert_eq!(socket.take()[0]["code"], "SUBSCRIPTION_PERSIST_FAILED");
}

//! Streams over live connections.

use std::time::Duration;

use futures::{Stream, StreamExt, channel::mpsc, stream};
use serde::{Deserialize, Serialize};

use super::*;
use crate::shard::{Action, NoArgs, ShardDefinition, Table, testing::TestShard};

#[derive(Deserialize, Serialize)]
struct Line {
    text: String,
}

const LINES: Table<Line> = crate::table!("lines");

thread_local! {
    /// The senders of what `lines:relayed` sends on, until those streams are dropped.
    static RELAYS: RefCell<Vec<mpsc::UnboundedSender<u32>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Deserialize)]
struct Count {
    to: u32,
}

/// Sends 1 to `to`; 13 is an error.
#[allow(clippy::needless_pass_by_value, reason = "as a function takes its context")]
fn count(ctx: Action, Count { to }: Count) -> impl Stream<Item = Result<u32, LunoraError>> {
    let user = ctx.auth().user_id().map(str::to_owned);
    stream::iter(1..=to).map(move |n| match n {
        13 => Err(LunoraError::new(Code::Conflict, format!("unlucky {user:?}"))),
        n => Ok(n),
    })
}

fn relayed(_: Action, _: NoArgs) -> impl Stream<Item = Result<u32, LunoraError>> {
    let (sender, receiver) = mpsc::unbounded();
    RELAYS.with_borrow_mut(|relays| relays.push(sender));
    receiver.map(Ok)
}

/// Writes a line, and sends how many there are.
fn written(ctx: Action, _: NoArgs) -> impl Stream<Item = Result<usize, LunoraError>> {
    stream::once(async move {
        ctx.run_mutation::<()>("lines:write", &json!({}))?;
        ctx.run_query("lines:count", &json!({}))
    })
}

struct Room {
    shard: TestShard,
    host: Rc<Host>,
    object: Rc<LiveObject<Host>>,
}

impl Room {
    fn new() -> Self {
        let definition = ShardDefinition::new()
            .table(LINES)
            .stream("lines:to", count)
            .stream("lines:relayed", relayed)
            .stream("lines:written", written)
            .query("lines:count", |ctx: &crate::shard::Query<'_>, _: NoArgs| {
                ctx.db().table(LINES).collect().map(|lines| lines.len())
            })
            .mutation("lines:write", |ctx: &crate::shard::Mutation<'_>, _: NoArgs| {
                ctx.db().insert(LINES, Line { text: "a".to_owned() }).map(drop)
            });
        let (shard, host) = (TestShard::named("hall", definition), Host::new(0));
        let object = LiveObject::new(shard.shard().clone(), host.clone());
        Self { shard, host, object }
    }

    fn open(&self, headers: &[(&'static str, &str)]) -> Socket {
        let socket = Socket::default();
        let mut upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
        for (name, value) in headers {
            upgrade = upgrade.with_header(name, value);
        }
        self.object.open("a", socket.clone(), &upgrade, None);
        socket
    }

    fn say(&self, frame: &Value) {
        self.object.message("a", &frame.to_string());
        self.run();
    }

    fn stream(&self, id: &str, path: &str, args: &Value) {
        let query = json!({ "functionPath": path, "args": args });
        self.say(&json!({ "type": "stream", "id": id, "query": query }));
    }

    fn run(&self) {
        self.host.tasks.borrow_mut().run_until_stalled();
    }

    /// Has the last stream that relays send a number. Returns whether there is one.
    fn relay(&self, n: u32) -> bool {
        let sent = RELAYS.with_borrow(|relays| relays.last().unwrap().unbounded_send(n).is_ok());
        self.run();
        sent
    }
}

#[test]
fn sends_every_chunk_in_order_and_then_says_that_it_is_complete() {
    let room = Room::new();
    let socket = room.open(&[]);
    room.stream("stream_1", "lines:to", &json!({ "to": 3 }));
    let chunk = |n: u32| json!({ "type": "chunk", "id": "stream_1", "data": n });
    let complete = json!({ "type": "complete", "id": "stream_1" });
    assert_eq!(socket.take(), [chunk(1), chunk(2), chunk(3), complete]);
    room.stream("stream_2", "lines:written", &json!({}));
    assert_eq!(socket.take()[0]["data"], 1);
}

#[test]
fn an_error_ends_a_stream_after_the_chunks_before_it() {
    let room = Room::new();
    let socket = room.open(&[("x-lunora-userid", "ada")]);
    room.stream("s", "lines:to", &json!({ "to": 20 }));
    let frames = socket.take();
    assert_eq!(frames.len(), 13);
    assert_eq!(
        frames[12]["error"],
        json!({ "code": "CONFLICT", "message": "unlucky Some(\"ada\")" })
    );
    room.stream("s", "lines:to", &json!({ "to": "x" }));
    assert_eq!(socket.take()[0]["code"], "VALIDATION_ERROR");
}

#[test]
fn only_a_stream_can_be_opened_and_only_by_its_frame() {
    let room = Room::new();
    let socket = room.open(&[]);
    for path in ["lines:none", "lines:count", "lines:write", "nothing"] {
        room.stream("s", path, &json!({}));
        let frames = socket.take();
        assert_eq!((frames.len(), &frames[0]["code"]), (1, &json!("NOT_FOUND")), "{path}");
    }
    room.stream("s", "lines:to", &json!([]));
    assert_eq!(socket.take()[0]["code"], "BAD_SUBSCRIPTION_ARGS");
    let query = json!({ "functionPath": "lines:to", "args": { "to": 1 } });
    room.say(&json!({ "type": "subscribe", "id": "q", "query": query }));
    assert_eq!(socket.take()[0]["code"], "FUNCTION_NOT_FOUND");
}

#[test]
fn dropped_when_its_client_ends_it_or_its_connection() {
    let room = Room::new();
    let socket = room.open(&[]);
    room.stream("s", "lines:relayed", &json!({}));
    assert!(room.relay(1));
    assert_eq!(socket.take()[0]["data"], 1);
    room.say(&json!({ "type": "unsubscribe", "id": "s" }));
    assert!(!room.relay(2), "the stream was dropped");
    assert_eq!(socket.take(), [json!(null); 0]);

    room.stream("s", "lines:relayed", &json!({}));
    assert!(room.relay(3));
    room.object.closed("a");
    room.run();
    assert!(!room.relay(4));
    assert_eq!(socket.take().len(), 1);
}

#[test]
fn no_chunk_reaches_a_client_whose_identity_expired() {
    let room = Room::new();
    let expiry = room.shard.clock().now_ms() + 60_000;
    let expiry = expiry.to_string();
    let socket = room.open(&[("x-lunora-userid", "ada"), ("x-lunora-identity-exp", &expiry)]);
    room.stream("s", "lines:relayed", &json!({}));
    assert!(room.relay(1));
    assert_eq!(socket.types(), ["chunk"]);
    room.shard.clock().advance(Duration::from_secs(61));
    room.relay(2);
    assert_eq!(socket.take()[0]["code"], "TOKEN_EXPIRED");
    assert!(!room.relay(3), "the stream was dropped");
}

#[test]
fn a_socket_has_eight_streams_of_different_ids() {
    let room = Room::new();
    let socket = room.open(&[]);
    for n in 0..8 {
        room.stream(&format!("s{n}"), "lines:relayed", &json!({}));
    }
    assert_eq!(socket.take(), [json!(null); 0]);
    room.stream("s3", "lines:to", &json!({ "to": 1 }));
    assert_eq!(socket.take()[0]["code"], "STREAM_ID_IN_USE");
    room.stream("s8", "lines:to", &json!({ "to": 1 }));
    assert_eq!(socket.take()[0]["code"], "TOO_MANY_STREAMS");
    room.say(&json!({ "type": "unsubscribe", "id": "s3" }));
    room.stream("s3", "lines:to", &json!({ "to": 1 }));
    assert_eq!(socket.types(), ["chunk", "complete"]);
}

#[test]
fn the_next_instance_says_that_streams_were_cut_off() {
    let world = World::default();
    let socket = world.open("a", "ada");
    world.say("a", &json!({ "type": "stream", "id": "s", "query": { "functionPath": "t:x" } }));
    let world = world.sleep(&[("a", &socket)]);
    assert_eq!(socket.take()[0]["code"], "STREAM_INTERRUPTED");
    let _world = world.sleep(&[("a", &socket)]);
    assert_eq!(socket.take(), [json!(null); 0], "once");
}

#[test]
fn chunks_of_an_earlier_run_are_not_kept() {
    let room = Room::new();
    let socket = room.open(&[]);
    let query = json!({ "functionPath": "lines:to", "args": { "to": 1 } });
    room.say(&json!({ "type": "stream", "id": "s", "query": query, "sinceChunk": 4 }));
    assert_eq!(socket.take()[0]["code"], "STREAM_INTERRUPTED");
}

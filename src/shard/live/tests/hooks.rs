//! Functions that run when a connection begins and when it ends.

use futures::executor::block_on;
use serde::{Deserialize, Serialize};

use super::*;
use crate::shard::{
    Connection, Mutation, NoArgs, Query, ShardDefinition, Table, testing::TestShard,
};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Member {
    name: String,
    user: Option<String>,
}

const MEMBERS: Table<Member> = crate::table!("members");

#[derive(Deserialize)]
struct Context {
    name: String,
}

fn join(ctx: &Mutation<'_>, connection: Connection<Context>) -> Result<(), LunoraError> {
    assert_eq!(connection.user_id.as_deref(), ctx.auth().user_id());
    assert_eq!(connection.shard_key, ctx.shard_key());
    let name = connection.context.map_or_else(String::new, |context| context.name);
    if name == "unwelcome" {
        return Err(LunoraError::new(Code::Forbidden, "go away"));
    }
    let member = Member { name, user: connection.user_id };
    ctx.db().insert_with_id(MEMBERS, connection.connection_id, member).map(drop)
}

#[allow(clippy::needless_pass_by_value, reason = "as a function takes its argument")]
fn leave(ctx: &Mutation<'_>, connection: Connection<Context>) -> Result<(), LunoraError> {
    ctx.db().delete(MEMBERS, &connection.connection_id).map(drop)
}

fn all(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<(String, String)>, LunoraError> {
    let members = ctx.db().table(MEMBERS).collect()?;
    Ok(members.into_iter().map(|member| (member.id.clone(), member.name.clone())).collect())
}

struct Room {
    shard: TestShard,
    object: Rc<LiveObject<Host>>,
}

impl Room {
    fn new() -> Self {
        let definition = ShardDefinition::new()
            .table(MEMBERS)
            .query("members:all", all)
            .connect("members:join", join)
            .disconnect("members:leave", leave);
        let shard = TestShard::named("hall", definition);
        let object = LiveObject::new(shard.shard().clone(), Host::new(0));
        Self { shard, object }
    }

    fn open(&self, id: &str, user: Option<&str>, connect: &Value) -> Socket {
        let socket = Socket::default();
        let mut upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
        if let Some(user) = user {
            upgrade = upgrade.with_header("x-lunora-userid", user);
        }
        self.object.open(id, socket.clone(), &upgrade, None);
        self.say(id, connect);
        socket
    }

    fn say(&self, id: &str, frame: &Value) {
        self.object.message(id, &frame.to_string());
        block_on(self.object.run_hooks());
    }

    fn close(&self, id: &str) {
        self.object.closed(id);
        block_on(self.object.run_hooks());
    }

    fn members(&self) -> Vec<(String, String)> {
        let mut members: Vec<_> = self.shard.call("members:all", &json!({})).unwrap();
        members.sort();
        members
    }
}

fn connect(context: &Value) -> Value {
    json!({ "type": "connect", "id": "connect", "context": context })
}

fn pair(id: &str, name: &str) -> (String, String) {
    (id.to_owned(), name.to_owned())
}

#[test]
fn a_connection_runs_its_functions_once_when_it_begins_and_when_it_ends() {
    let room = Room::new();
    room.open("a", Some("ada"), &connect(&json!({ "name": "Ada" })));
    room.say("a", &connect(&json!({ "name": "Eve" })));
    room.open("b", None, &json!({ "type": "connect", "id": "connect" }));
    assert_eq!(room.members(), [pair("a", "Ada"), pair("b", "")]);
    room.close("a");
    room.close("a");
    assert_eq!(room.members(), [pair("b", "")]);
}

#[test]
fn a_socket_that_never_connected_ends_without_a_function() {
    let room = Room::new();
    room.open(
        "a",
        None,
        &json!({ "type": "subscribe", "id": "s", "query": { "functionPath": "x:y" } }),
    );
    room.close("a");
    assert_eq!(room.members(), []);
    assert!(!room.object.has_events());
}

#[test]
fn a_function_that_fails_leaves_the_connection_open() {
    let logs = crate::testing::capture_logs();
    let room = Room::new();
    let socket = room.open("a", None, &connect(&json!({ "name": "unwelcome" })));
    assert_eq!(socket.types(), ["identity"]);
    assert_eq!((room.members(), socket.closed.borrow().is_none()), (vec![], true));
    assert!(logs.lines()[0].contains("members:join"), "{:?}", logs.lines());
}

#[test]
fn a_context_that_is_too_large_or_no_wire_value_is_refused_and_runs_nothing() {
    let room = Room::new();
    for context in
        [json!({ "name": "x".repeat(4096) }), json!({ "name": ["$lunora.wire$", "date"] })]
    {
        let socket = room.open("a", None, &connect(&context));
        assert_eq!(socket.take().last().unwrap()["code"], "BAD_REQUEST");
        room.close("a");
    }
    assert_eq!(room.members(), []);
}

#[test]
fn clients_cannot_call_the_functions_of_connections() {
    let room = Room::new();
    let args = json!({ "connectionId": "x", "shardKey": "hall", "userId": null });
    let refused = room.shard.call::<()>("members:join", &args).unwrap_err();
    assert_eq!(refused.code(), "FUNCTION_NOT_FOUND");
}

#[test]
fn a_connection_that_hibernated_ends_with_its_context() {
    let room = Room::new();
    let socket = room.open("a", Some("ada"), &connect(&json!({ "name": "Ada" })));
    let object = LiveObject::new(room.shard.shard().clone(), Host::new(0));
    object.live.wake("a", socket.clone(), Some(&socket.kept.borrow()));
    object.closed("a");
    block_on(object.run_hooks());
    assert_eq!(room.members(), []);
}

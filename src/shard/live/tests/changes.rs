//! Changes of rows, for clients that take them.

use super::*;

/// Subscribes to `t:rows`, whose list has three rows of which the last holds the counter.
fn subscribed(world: &World, id: &str, connect: &Value) -> Socket {
    let socket = world.open(id, "ada");
    world.say(id, connect);
    world.subscribe(id, "sub_1", "t:rows");
    socket.take();
    socket
}

fn connect(caps: &[&str]) -> Value {
    json!({ "type": "connect", "id": "connect", "caps": caps })
}

#[test]
fn a_client_that_takes_changes_is_sent_the_changed_rows_and_every_other_the_value() {
    let world = World::default();
    let takes = subscribed(&world, "takes", &connect(&["pageDelta"]));
    let plain = subscribed(&world, "plain", &connect(&["else"]));
    world.shard.runs.set(0);
    world.commit(&world.shard.write("t"));
    assert_eq!(world.shard.runs.get(), 1);
    assert_eq!(
        takes.take(),
        [json!({ "type": "delta", "id": "sub_1", "cursor": 1, "epoch": "epoch", "delta": {
            "table": "t:rows", "op": "update", "key": "2",
            "row": { "_id": "2", "_creationTime": 2, "n": 1 },
        } })]
    );
    assert_eq!(plain.types(), ["data"]);
}

#[test]
fn only_the_last_of_several_changes_has_the_position() {
    let world = World::default();
    let socket = subscribed(&world, "s", &connect(&["pageDelta"]));
    for _ in 0..2 {
        world.shard.write("t");
    }
    world.commit(&world.shard.write("t"));
    let frames = socket.take();
    let types: Vec<_> = frames.iter().map(|frame| (&frame["type"], &frame["cursor"])).collect();
    // The third write also adds a row.
    assert_eq!(types, [(&json!("delta"), &Value::Null), (&json!("delta"), &json!(3))]);
    assert_eq!(frames[1]["delta"]["op"], "insert");
}

#[test]
fn after_an_error_and_after_hibernation_the_value_is_sent_whole() {
    let world = World::default();
    let socket = subscribed(&world, "s", &connect(&["pageDelta"]));
    world.shard.fails.set(true);
    world.commit(&world.shard.write("t"));
    world.shard.fails.set(false);
    world.commit(&world.shard.write("t"));
    assert_eq!(socket.types(), ["error", "data"]);
    let world = world.sleep(&[("s", &socket)]);
    world.commit(&world.shard.write("t"));
    world.commit(&world.shard.write("u"));
    world.commit(&world.shard.write("t"));
    assert_eq!(socket.types(), ["data", "delta"]);
}

#[test]
fn a_client_that_resumes_is_sent_changes_from_what_it_holds() {
    let world = World::default();
    subscribed(&world, "first", &connect(&["pageDelta"]));
    let socket = world.open("again", "ada");
    world.say("again", &connect(&["pageDelta"]));
    let query = json!({ "functionPath": "t:rows", "args": { "a": 1 }, "table": "rows", "sinceSeq": 0, "sinceEpoch": "epoch" });
    world.say("again", &json!({ "type": "subscribe", "id": "sub_1", "query": query }));
    world.commit(&world.shard.write("t"));
    let frames = socket.take();
    assert_eq!(
        frames.iter().map(|frame| &frame["type"]).collect::<Vec<_>>(),
        ["identity", "ack", "resume", "delta"]
    );
    assert_eq!(frames[3]["delta"]["table"], "rows");
}

//! What clients may send.

use super::*;

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
    assert_eq!(socket.take()[0]["message"], "invalid envelope");
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

#[test]
fn a_wide_character_that_makes_it_too_large_is_refused_before_the_ack() {
    let world = World::default();
    let socket = world.open("s", "ada");
    let query = json!({"functionPath": "t:list", "args": {"text": "x".repeat(9000) + "\u{6f22}"}});
    world.say("s", &json!({"type": "subscribe", "id": "sub_1", "query": query}));
    assert_eq!(socket.take()[0]["code"], "SUBSCRIPTION_PERSIST_FAILED");
}

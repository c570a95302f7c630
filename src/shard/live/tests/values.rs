//! Which values are sent, and how often a query runs.

use super::*;

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

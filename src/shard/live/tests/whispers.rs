//! Whispers between the sockets of a topic.

use super::*;

impl World {
    fn join(&self, id: &str, topic: &str) {
        self.say(id, &json!({"type": "whisper_subscribe", "topic": topic}));
    }

    fn leave(&self, id: &str, topic: &str) {
        self.say(id, &json!({"type": "whisper_unsubscribe", "topic": topic}));
    }

    fn whisper(&self, id: &str, topic: &str, data: &Value) {
        self.say(id, &json!({"type": "whisper", "topic": topic, "data": data}));
    }
}

#[test]
fn a_whisper_reaches_the_other_sockets_of_its_topic_and_names_its_user() {
    let world = World::default();
    let (ada, bob, eve) = (world.open("a", "ada"), world.open("b", "bob"), world.open("e", "eve"));
    let guest = world.open("g", "");
    for (id, topic) in [("a", "t"), ("b", "t"), ("b", "t"), ("g", "t"), ("e", "other")] {
        world.join(id, topic);
    }
    world.whisper("a", "t", &json!({"x": 1}));
    let heard = json!({"type": "whisper", "topic": "t", "data": {"x": 1}, "from": "ada"});
    assert_eq!((bob.take(), guest.take()), (vec![heard.clone()], vec![heard]));
    world.whisper("g", "t", &json!([1]));
    assert_eq!(ada.take(), [json!({"type": "whisper", "topic": "t", "data": [1]})]);
    world.leave("b", "t");
    world.leave("b", "t");
    bob.take();
    world.say("a", &json!({"type": "whisper", "topic": "t"}));
    assert_eq!(bob.take().len() + eve.take().len(), 0);
    assert_eq!(guest.take(), [json!({"type": "whisper", "topic": "t", "from": "ada"})]);
}

#[test]
fn a_whisper_travels_as_it_was_written() {
    let world = World::default();
    world.open("a", "ada");
    let bob = world.open("b", "bob");
    world.join("b", "t");
    let big = json!(["$lunora.wire$", "bigint", "9007199254740993"]);
    for data in [big, Value::Null, json!({})] {
        world.whisper("a", "t", &data);
        assert_eq!(bob.take()[0].get("data"), Some(&data));
    }
    // A client could decode neither of them.
    let mut deep = json!(1);
    for _ in 0..70 {
        deep = json!([deep]);
    }
    for data in [json!(["$lunora.wire$", "bigint", "x"]), deep] {
        world.whisper("a", "t", &data);
    }
    assert!(bob.take().is_empty());
}

#[test]
fn a_whisper_writes_nothing_and_runs_no_query() {
    let world = World::default();
    let (ada, bob) = (world.open("a", "ada"), world.open("b", "bob"));
    world.subscribe("b", "sub_1", "t:list");
    world.join("b", "t");
    let kept = (ada.kept.borrow().clone(), bob.kept.borrow().clone());
    bob.take();
    world.shard.runs.set(0);
    world.whisper("a", "t", &json!(1));
    assert_eq!((bob.types(), world.shard.runs.get()), (vec!["whisper".to_owned()], 0));
    assert_eq!((ada.kept.borrow().clone(), bob.kept.borrow().clone()), kept);
}

#[test]
fn frames_of_whispers_run_no_statement_after_waking_either() {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    let object = LiveObject::new(shard.shard().clone(), Host::new(1));
    for kind in ["whisper_subscribe", "whisper", "whisper_unsubscribe"] {
        let frame = json!({"type": kind, "topic": "t", "data": 1});
        assert!(!object.message("old 0", &frame.to_string()), "{kind}");
    }
    assert_eq!(shard.host().statements(), 0);
    assert!(object.message("old 0", r#"{"type":"connect"}"#));
}

#[test]
fn a_hibernated_socket_keeps_its_topics_until_it_leaves_or_closes() {
    let world = World::default();
    let (ada, bob) = (world.open("a", "ada"), world.open("b", "bob"));
    world.join("b", "t");
    world.join("b", "u");
    world.leave("b", "u");
    let world = world.sleep(&[("a", &ada), ("b", &bob)]);
    world.whisper("a", "t", &json!(1));
    world.whisper("a", "u", &json!(2));
    assert_eq!(bob.take().iter().map(|frame| &frame["data"]).collect::<Vec<_>>(), [&json!(1)]);
    world.live.forget("b");
    world.whisper("a", "t", &json!(3));
    assert!(bob.take().is_empty());
    assert!(world.live.topics.borrow().is_empty());
}

#[test]
fn no_whisper_reaches_a_socket_whose_identity_expired() {
    let world = World::default();
    world.open("a", "ada");
    let mut headers = HeaderMap::new();
    headers.insert("x-lunora-userid", "bob".parse().unwrap());
    headers.insert("x-lunora-identity-exp", "1000".parse().unwrap());
    let bob = Socket::default();
    world.live.open("b", bob.clone(), &headers, None);
    world.join("b", "t");
    world.shard.now_ms.set(1000);
    world.whisper("a", "t", &json!(1));
    assert_eq!(bob.take()[0]["code"], "TOKEN_EXPIRED");
    assert_eq!(bob.closed.borrow().as_ref().map(|(code, _)| *code), Some(4001));
    assert!(world.live.topics.borrow().is_empty());
}

#[test]
fn topics_of_a_socket_and_the_size_of_a_whisper_are_bounded() {
    let world = World::default();
    let (ada, bob) = (world.open("a", "ada"), world.open("b", "bob"));
    for n in 0..64 {
        world.join("a", &n.to_string());
    }
    assert!(ada.take().is_empty());
    world.join("a", "one too many");
    assert_eq!(ada.take()[0]["code"], "TOO_MANY_SUBSCRIPTIONS");
    world.leave("a", "0");
    world.join("a", "t");
    assert!(ada.take().is_empty());
    for topic in ["", &"x".repeat(257)] {
        world.join("b", topic);
        world.whisper("b", topic, &json!(1));
        assert_eq!(bob.take().iter().filter(|told| told["code"] == "BAD_REQUEST").count(), 2);
    }
    world.whisper("b", "t", &json!("x".repeat(4094)));
    assert_eq!(ada.types(), ["whisper"]);
    world.whisper("b", "t", &json!("x".repeat(4095)));
    assert_eq!((ada.take().len(), &bob.take()[0]["code"]), (0, &json!("PAYLOAD_TOO_LARGE")));
}

#[test]
fn topics_that_do_not_fit_into_the_attachment_are_refused() {
    let world = World::default();
    let ada = world.open("a", "ada");
    for n in 0..64 {
        world.join("a", &format!("\u{6f22}{n:0>250}"));
    }
    let told = ada.take();
    assert!(told.iter().all(|frame| frame["code"] == "SUBSCRIPTION_PERSIST_FAILED"));
    assert!((1..64).contains(&told.len()));
    let refused = world.live.topics.borrow().len();
    assert_eq!(refused + told.len(), 64);
}

#[test]
fn whispers_over_the_rate_are_dropped_and_each_counts_as_a_frame() {
    let world = World::default();
    let (ada, bob) = (world.open("a", "ada"), world.open("b", "bob"));
    world.join("b", "t");
    for n in 0..100 {
        world.whisper("a", "t", &json!(n));
    }
    assert_eq!((bob.take().len(), ada.take().len()), (50, 0));
    world.whisper("a", "t", &json!(1));
    assert_eq!((bob.take().len(), &ada.take()[0]["code"]), (0, &json!("TOO_MANY_REQUESTS")));
    // The rate is per socket.
    world.join("a", "t");
    world.whisper("b", "t", &json!(1));
    world.shard.now_ms.set(2000);
    world.whisper("a", "t", &json!(2));
    assert_eq!(bob.take().len(), 1);
}

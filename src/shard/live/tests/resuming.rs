//! What a client gets that comes back.

use super::*;

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
    let object = LiveObject::new(shard.shard().clone(), Host::new(0));
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

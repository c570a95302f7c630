//! A deployment that loses things and dies, and comes to the same end each time.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{
    coordinator::{DurableShardRegistry, QueryCoordinator},
    platform::Bindings,
    shard::{Action, Document, Mutation, NoArgs, Query, ShardDefinition, Table, table},
};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Note {
    text: String,
}

const NOTES: Table<Note> = table!("notes");

fn add(ctx: &Mutation<'_>, note: Note) -> Result<Document<Note>, LunoraError> {
    ctx.db().insert(NOTES, note)
}

fn count(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    ctx.db().table(NOTES).count()
}

#[allow(clippy::panic, reason = "on purpose")]
fn fragile(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    match count(ctx, NoArgs {})? {
        1 => panic!("on purpose"),
        count => Ok(count),
    }
}

/// Waits for an hour within its event.
async fn linger(_ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
    crate::platform::CloudflareClock.sleep(Duration::from_secs(3600)).await;
    Ok(())
}

struct Room;

impl ShardClass for Room {
    type Announcement = crate::shard::Announced;

    fn definition() -> ShardDefinition {
        ShardDefinition::new()
            .table(NOTES)
            .mutation("notes:add", add)
            .query("notes:count", count)
            .query("notes:fragile", fragile)
            .action("notes:linger", linger)
            .registry("SHARD_REGISTRY")
    }
}

fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
    let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
    Ok(Lunora::builder_for::<E>()
        .shard_do(env.durable_object("SHARD")?)
        .query_coordinator(QueryCoordinator::new(registry))
        .allow_unauthenticated_shard_access()
        .build())
}

fn deploy(world: &World) {
    world.shards::<Room>("SHARD").registry("SHARD_REGISTRY").worker(app);
}

/// The values of a subscription, oldest first.
fn values(events: &[SocketEvent]) -> Vec<serde_json::Value> {
    let data = events.iter().filter_map(|event| match event {
        SocketEvent::Frame(frame) if frame["type"] == "data" => Some(frame["data"].clone()),
        _ => None,
    });
    data.collect()
}

#[test]
fn calls_and_live_queries_work_without_faults() {
    simulate([0], |world| {
        deploy(world);
        let client = world.client();
        let socket = world.wait(async move {
            let socket = client.connect("a").await.unwrap();
            socket.subscribe("sub_1", "notes:count", &json!({}));
            let sent = client.call("a", "notes:add", &json!({ "text": "x" })).await.unwrap();
            assert_eq!(sent.status, 200, "{sent:?}");
            socket
        });
        world.run();
        let socket = socket.unwrap();
        assert_eq!(values(&socket.take()).last(), Some(&json!(1)));
        assert_eq!(world.held("a"), Some([1, 1, 1]));
        assert_eq!(world.registry_entries().len(), 1);
    });
}

#[test]
fn a_hanging_object_is_given_up_and_keeps_no_shard_awake() {
    simulate(0..20, |world| {
        deploy(world);
        let client = world.client();
        let add = |world: &World| {
            let client = client.clone();
            let sent = async move { client.call("a", "notes:add", &json!({ "text": "x" })).await };
            world.wait(sent).unwrap().unwrap()
        };
        for hanging in ["a", DurableShardRegistry::INSTANCE] {
            world.hang(hanging);
            assert_eq!(add(world).code(), "SHARD_UNAVAILABLE", "{hanging} hangs");
            world.run();
            assert!(world.sleep("a"), "the shard sleeps although {hanging} hung");
        }
        assert!(add(world).is_ok());
    });
}

#[test]
fn a_reading_of_clients_leaves_the_epoch_of_live_queries() {
    simulate([0], |world| {
        deploy(world);
        world.var("LUNORA_ADMIN_TOKEN", "correct-horse-battery-staple");
        let epoch = |world: &World| {
            let client = world.client();
            let connected = async move { client.connect("a").await.unwrap() };
            let socket = world.wait(connected).unwrap();
            socket.subscribe("sub_1", "notes:count", &json!({}));
            world.run();
            let epoch = socket.take().iter().find_map(|event| match event {
                SocketEvent::Frame(frame) => frame["epoch"].as_str().map(str::to_owned),
                _ => None,
            });
            epoch.unwrap()
        };
        let before = epoch(world);
        let operator = "Bearer correct-horse-battery-staple";
        let client = world.client().with_header("authorization", operator);
        let path = "__lunora_admin__:exportClients";
        let read = world.wait(async move { client.call("a", path, &json!({})).await });
        assert!(read.unwrap().unwrap().is_ok());
        assert_eq!(epoch(world), before);
    });
}

#[test]
fn memory_goes_and_rows_sockets_and_subscriptions_stay() {
    simulate(0..20, |world| {
        deploy(world);
        let client = world.client();
        let asking = client.clone();
        let socket = world.wait(async move { asking.connect("a").await.unwrap() }).unwrap();
        socket.subscribe("sub_1", "notes:count", &json!({}));
        world.run();
        let add = |world: &World| {
            let client = client.clone();
            let sent = async move { client.call("a", "notes:add", &json!({ "text": "x" })).await };
            assert!(world.wait(sent).unwrap().unwrap().is_ok());
            world.run();
        };
        world.sleep("a");
        assert_eq!(world.held("a"), None);
        add(world);
        world.trap("a");
        world.run();
        add(world);
        assert_eq!(values(&socket.take()).last(), Some(&json!(2)));
        world.crash("a");
        assert!(!socket.is_open());
        assert_eq!(socket.take(), [SocketEvent::Closed(1006)]);
        add(world);
    });
}

#[test]
fn a_query_that_panics_harms_no_write_and_no_other_subscriber() {
    simulate(0..50, |world| {
        deploy(world);
        let client = world.client();
        let sockets = world.wait(async move {
            let sockets = [client.connect("a").await.unwrap(), client.connect("a").await.unwrap()];
            sockets[0].subscribe("sub_1", "notes:fragile", &json!({}));
            sockets[1].subscribe("sub_1", "notes:count", &json!({}));
            (client, sockets)
        });
        world.run();
        let (client, sockets) = sockets.unwrap();
        let sent = async move { client.call("a", "notes:add", &json!({ "text": "x" })).await };
        assert!(world.wait(sent).unwrap().unwrap().is_ok());
        world.run();
        let SocketEvent::Frame(told) = sockets[0].take().pop().unwrap() else {
            unreachable!("the socket closed")
        };
        assert_eq!(told["code"], "INTERNAL");
        assert_eq!(values(&sockets[1].take()).last(), Some(&json!(1)));
    });
}

#[test]
fn a_shard_that_waits_does_not_hibernate() {
    simulate([0], |world| {
        deploy(world);
        let client = world.client();
        let counting = client.clone();
        let counted =
            world.wait(async move { counting.call("a", "notes:count", &json!({})).await });
        assert!(counted.is_some_and(|counted| counted.is_ok()));
        assert!(world.sleep("a"));
        drop(world.spawn(async move { client.call("a", "notes:linger", &json!({})).await }));
        world.run();
        assert!(!world.sleep("a"));
        world.advance(Duration::from_secs(3600));
        world.run();
        assert!(world.sleep("a"));
    });
}

#[test]
fn what_is_lost_is_what_the_script_says() {
    simulate([0], |world| {
        deploy(world);
        let add = |client: Client| async move {
            client.call("a", "notes:add", &json!({ "text": "x" })).await.unwrap()
        };
        world.lose_request("a");
        assert_eq!(world.wait(add(world.client())).unwrap().code(), "SHARD_UNAVAILABLE");
        world.lose_answer("a");
        assert_eq!(world.wait(add(world.client())).unwrap().code(), "SHARD_UNAVAILABLE");
        let client = world.client();
        let counted = world.wait(async move { client.call("a", "notes:count", &json!({})).await });
        assert_eq!(counted.unwrap().unwrap().result::<u64>(), Some(1));
    });
}

#[test]
fn a_failing_seed_repeats_itself_and_shrinks() {
    // Wrong on purpose: it takes a lost answer for a lost request, and writes again.
    let writes_once = |world: &World| {
        deploy(world);
        world.faults(Faults {
            lost_requests: 40,
            lost_answers: 30,
            clock_jumps: 200,
            ..Faults::none()
        });
        for _ in 0..5 {
            let client = world.client();
            let task = world.spawn(async move {
                while client.call("a", "notes:add", &json!({ "text": "x" })).await.is_err() {}
            });
            world.run();
            drop(task);
        }
        world.faults(Faults::none());
        let client = world.client();
        let count = async move { client.call("a", "notes:count", &json!({})).await };
        let count = world.wait(count).unwrap().unwrap().result::<u64>();
        assert!(count <= Some(5), "written more than once");
    };
    let failure = (0..500).find_map(|seed| check_seed(seed, writes_once).err()).unwrap();
    let report = failure.report(writes_once);
    assert_eq!(failure.report(writes_once), report);
    assert!(report.contains("the answer of /_lunora/rpc is lost"), "{report}");
    assert!(report.lines().count() < 10, "{report}");
}

//! Rules of live sockets in a simulated deployment.

#![cfg(feature = "shard-testing")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lunora::{
    Bindings, Identity, Lunora, LunoraError,
    shard::{NoArgs, Query, ShardClass, ShardDefinition},
    testing::{SocketEvent, World, simulate},
};
use serde_json::json;

struct Room;

impl ShardClass for Room {
    fn definition() -> ShardDefinition {
        fn one(_: &Query<'_>, _: NoArgs) -> Result<u8, LunoraError> {
            Ok(1)
        }
        ShardDefinition::new().query("room:one", one)
    }
}

/// A deployment whose callers name in a header when their identity expires.
fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
    Ok(Lunora::builder_for::<E>()
        .shard_do(env.durable_object("SHARD")?)
        .resolve_identity(async |request, _env| {
            let expiry = request.header("x-expiry").and_then(|at| at.parse().ok())?;
            Some(Identity::user("ada").expires_at_ms(expiry))
        })
        .allow_unauthenticated_shard_access()
        .build())
}

/// Opens a socket whose identity expires after so many milliseconds, and returns when it is told.
fn closes_at(world: &World, shard: &'static str, after_ms: u64) -> (u64, u64) {
    let expiry = world.now_ms() + after_ms;
    let client = world.client().with_header("x-expiry", &expiry.to_string());
    let clock = world.clone();
    let closed = world.wait(async move {
        let socket = client.connect(shard).await.unwrap();
        socket.subscribe("sub_1", "room:one", &json!({}));
        loop {
            if let SocketEvent::Closed(code) = socket.next().await {
                assert_eq!(code, 4001);
                return clock.now_ms();
            }
        }
    });
    (expiry, closed.unwrap())
}

#[test]
fn closes_a_socket_when_its_identity_expires_without_another_event() {
    simulate(0..20, |world| {
        world.shards::<Room>("SHARD").worker(app);
        // Only what the network adds.
        let (expiry, closed) = closes_at(world, "a", 60_000);
        assert!((expiry..expiry + 1_000).contains(&closed), "{expiry} {closed}");
        // The next socket of the same object sets the alarm again.
        let (expiry, closed) = closes_at(world, "a", 30_000);
        assert!((expiry..expiry + 1_000).contains(&closed), "{expiry} {closed}");
    });
}

#[test]
fn closes_each_of_several_sockets_at_its_own_time_though_the_object_hibernates() {
    simulate(0..20, |world| {
        world.shards::<Room>("SHARD").worker(app);
        let now = world.now_ms();
        let sockets: Vec<_> = [90_000, 30_000, 60_000]
            .into_iter()
            .map(|after| {
                let client = world.client().with_header("x-expiry", &(now + after).to_string());
                let socket = world.wait(async move { client.connect("a").await }).unwrap().unwrap();
                (now + after, socket)
            })
            .collect();
        world.sleep("a");
        let clock = world.clone();
        let tasks: Vec<_> = sockets
            .into_iter()
            .map(|(expiry, socket)| {
                let clock = clock.clone();
                world.spawn(async move {
                    while !matches!(socket.next().await, SocketEvent::Closed(4001)) {}
                    (expiry, clock.now_ms())
                })
            })
            .collect();
        world.run();
        for task in tasks {
            let (expiry, closed) = task.take().unwrap();
            assert!((expiry..expiry + 1_000).contains(&closed), "{expiry} {closed}");
        }
    });
}

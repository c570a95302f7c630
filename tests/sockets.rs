//! Rules of live sockets in a simulated deployment.

#![cfg(feature = "shard-testing")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lunora::{
    Identity, Lunora, LunoraError, Request,
    platform::Bindings,
    shard::{NoArgs, Query, ShardClass, ShardDefinition},
    testing::{SocketEvent, World, simulate},
};
use serde_json::json;

struct Room;

impl ShardClass for Room {
    type Announcement = lunora::shard::Unannounced;

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

#[test]
fn refuses_an_upgrade_beyond_the_socket_limit_until_one_closes() {
    simulate(0..20, |world| {
        world.shards::<Room>("SHARD").var("LUNORA_SOCKET_LIMIT", "2").worker(app);
        let client = world.client();
        world
            .wait(async move {
                let first = client.connect("a").await.unwrap();
                let second = client.connect("a").await.unwrap();
                let upgrade = Request::get("https://app.example.com/_lunora/ws?shard=a")
                    .with_header("upgrade", "websocket");
                let refused = client.send(upgrade).await.unwrap();
                assert_eq!(refused.status(), 503);
                assert_eq!(refused.headers()["retry-after"], "5");
                let body = refused.into_parts().1.into_bytes(usize::MAX).await.unwrap();
                assert!(String::from_utf8_lossy(&body).contains("\"SHARD_UNAVAILABLE\""));
                // Another shard has room, and calls go on.
                client.connect("b").await.unwrap();
                assert!(client.call("a", "room:one", &json!({})).await.unwrap().is_ok());
                first.close();
                while client.connect("a").await.is_err() {}
                assert!(second.is_open());
            })
            .unwrap();
    });
}

#[test]
fn counts_the_sockets_that_hibernated() {
    simulate(0..20, |world| {
        world.shards::<Room>("SHARD").var("LUNORA_SOCKET_LIMIT", "1").worker(app);
        let client = world.client();
        let socket = world.wait(async move { client.connect("a").await }).unwrap().unwrap();
        assert!(world.sleep("a"));
        let client = world.client();
        assert!(world.wait(async move { client.connect("a").await }).unwrap().is_err());
        assert!(socket.is_open());
    });
}

#[test]
fn closes_a_client_that_floods_and_no_other() {
    simulate(0..20, |world| {
        world.shards::<Room>("SHARD").worker(app);
        let client = world.client();
        world
            .wait(async move {
                let (flooder, other) =
                    (client.connect("a").await.unwrap(), client.connect("a").await.unwrap());
                for _ in 0..1000 {
                    flooder.send(&json!({ "type": "whisper", "topic": "t" }));
                }
                let mut refused = 0;
                loop {
                    let event = flooder.next().await;
                    if let SocketEvent::Frame(frame) = &event {
                        assert_eq!(frame["code"], "TOO_MANY_REQUESTS");
                        refused += 1;
                    } else {
                        break assert_eq!(event, SocketEvent::Closed(1008));
                    }
                }
                assert!((99..=300).contains(&refused), "{refused}");
                other.subscribe("sub_1", "room:one", &json!({}));
                let answered = other.next().await;
                assert!(
                    matches!(&answered, SocketEvent::Frame(frame) if frame["type"] == "ack"),
                    "{answered:?}"
                );
            })
            .unwrap();
    });
}

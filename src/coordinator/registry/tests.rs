//! The rules of the registry in a Durable Object.

mod object;

use std::{collections::BTreeMap, time::Duration};

use futures::executor::block_on;

use super::*;
use crate::{
    errors::Code,
    message::Response,
    platform::{Clock, Jurisdiction, ShardCallError},
    testing::{ManualClock, MemoryNamespace},
};

struct World {
    objects: MemoryNamespace,
    clock: ManualClock,
    registry: DurableShardRegistry,
}

impl World {
    /// A registry that answers every list with the keys `a` and `b`.
    fn new() -> Self {
        let objects = MemoryNamespace::new(async |_, request| match request.path() {
            "/list" => Response::raw_json(r#"{"shardKeys":["a","b"]}"#),
            "/snapshot" => Response::raw_json(r#"{"tables":{"t":["a"],"u":[]}}"#),
            _ => Response::raw_json(r#"{"changed":false,"ok":true}"#),
        });
        let clock = ManualClock::new(0);
        let registry = DurableShardRegistry::new(objects.clone()).clock(clock.clone());
        Self { objects, clock, registry }
    }

    fn answers(&self, response: Response) {
        self.objects.shard(DurableShardRegistry::INSTANCE).answers_once(response);
    }

    fn list(&self, table: &str) -> Result<Vec<String>, LunoraError> {
        let keys = block_on(self.registry.list_shard_keys(table))?;
        Ok(keys.into_iter().map(String::from).collect())
    }

    fn urls(&self) -> Vec<String> {
        let calls = self.objects.calls();
        calls.iter().map(|call| format!("{} {}", call.method, call.url)).collect()
    }
}

fn key(key: &str) -> ShardKey {
    key.parse().unwrap()
}

#[test]
fn speaks_the_wire_of_the_registry() {
    let world = World::new();
    let registry = world.registry.clone();
    registry.bind(Jurisdiction::Eu);
    assert_eq!(world.list("a&b ü").unwrap(), ["a", "b"]);
    assert!(!block_on(registry.register("t", &key("ü\""))).unwrap());
    assert!(!block_on(registry.unregister("t", &key("k"))).unwrap());
    let expected = BTreeMap::from([("t".to_owned(), vec![key("a")]), ("u".to_owned(), vec![])]);
    assert_eq!(block_on(registry.snapshot()).unwrap(), expected);
    assert_eq!(
        world.urls(),
        [
            "GET https://shard-registry.internal/list?table=a%26b+%C3%BC",
            "POST https://shard-registry.internal/register",
            "POST https://shard-registry.internal/unregister",
            "GET https://shard-registry.internal/snapshot",
        ]
    );
    let calls = world.objects.calls();
    assert_eq!(calls[1].text(), Some(r#"{"shardKey":"ü\"","table":"t"}"#));
    assert_eq!(calls[1].address.jurisdiction, Some(Jurisdiction::Eu));
    assert!(calls.iter().all(|call| call.address.key.as_str() == "__lunora_shard_registry__"));
}

#[test]
fn a_list_is_cached_for_its_table_and_its_time() {
    let world = World::new();
    for (advance, table, calls) in
        [(0, "t", 1), (0, "t", 1), (0, "u", 2), (29_999, "t", 2), (1, "t", 3), (0, "u", 4)]
    {
        world.clock.advance(Duration::from_millis(advance));
        world.list(table).unwrap();
        assert_eq!(world.objects.calls().len(), calls, "{advance} {table}");
    }
    let world = World::new();
    let registry = world.registry.clone().cache_for(Duration::ZERO);
    for _ in 0..2 {
        block_on(registry.list_shard_keys("t")).unwrap();
    }
    assert_eq!(world.objects.calls().len(), 2);
}

#[test]
fn an_own_write_is_visible_at_once_even_if_it_seems_to_have_failed() {
    let world = World::new();
    world.list("t").unwrap();
    block_on(world.registry.register("t", &key("c"))).unwrap();
    world.list("t").unwrap();
    assert_eq!(world.objects.calls().len(), 3);
    world.answers(Response::empty().with_status(500));
    assert!(block_on(world.registry.unregister("t", &key("c"))).is_err());
    world.list("t").unwrap();
    assert_eq!(world.objects.calls().len(), 5);
}

#[test]
fn the_instance_has_the_configured_name() {
    let world = World::new();
    let named = world.registry.clone().instance(key("staging"));
    world.list("t").unwrap();
    for _ in 0..2 {
        block_on(named.list_shard_keys("t")).unwrap();
    }
    block_on(named.register("t", &key("c"))).unwrap();
    let asked: Vec<_> =
        world.objects.calls().iter().map(|call| call.address.key.to_string()).collect();
    assert_eq!(asked, [DurableShardRegistry::INSTANCE, "staging", "staging"]);
}

#[test]
fn the_cache_is_dropped_for_one_table_or_for_all() {
    let world = World::new();
    let asked_for = |table| {
        let before = world.objects.calls().len();
        world.list(table).unwrap();
        world.objects.calls().len() - before
    };
    assert_eq!((asked_for("t"), asked_for("u")), (1, 1));
    world.registry.forget_table("t");
    assert_eq!((asked_for("u"), asked_for("t"), asked_for("t")), (0, 1, 0));
    world.registry.forget();
    assert_eq!((asked_for("t"), asked_for("u")), (1, 1));
}

#[test]
fn a_list_from_before_a_table_was_forgotten_is_not_cached() {
    let world = World::new();
    let object = world.objects.shard(DurableShardRegistry::INSTANCE);
    object.takes(Duration::from_secs(1), &world.clock);
    let both = async {
        let forgets = async {
            world.clock.sleep(Duration::from_millis(500)).await;
            world.registry.forget_table("t");
        };
        futures::future::join(world.registry.list_shard_keys("t"), forgets).await
    };
    assert!(block_on(world.clock.run(both)).0.is_ok());
    assert_eq!(world.registry.cached_tables(), 0);
}

#[test]
fn a_list_read_during_a_write_is_not_cached() {
    let world = World::new();
    let object = world.objects.shard(DurableShardRegistry::INSTANCE);
    object.takes(Duration::from_secs(1), &world.clock);
    let both = async {
        let late_write = async {
            world.clock.sleep(Duration::from_millis(500)).await;
            world.registry.register("t", &key("c")).await
        };
        futures::future::join(world.registry.list_shard_keys("t"), late_write).await
    };
    let (listed, written) = block_on(world.clock.run(both));
    assert!(listed.is_ok() && written.is_ok());
    object.recovers();
    world.list("t").unwrap();
    assert_eq!(world.objects.calls().len(), 3);
}

#[test]
fn a_write_that_is_given_up_clears_the_cache_too() {
    let world = World::new();
    let object = world.objects.shard(DurableShardRegistry::INSTANCE);
    object.hangs_once();
    {
        let key = key("c");
        let mut write = Box::pin(world.registry.register("t", &key));
        assert!(block_on(async { futures::poll!(&mut write) }).is_pending());
        world.list("t").unwrap();
    }
    world.list("t").unwrap();
    assert_eq!(world.objects.calls().len(), 3);
}

#[test]
fn an_unreadable_answer_is_an_error_and_is_not_cached() {
    let world = World::new();
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"[["a"]]"#,
        r#"{"shardKeys":null}"#,
        r#"{"shardKeys":{}}"#,
        r#"{"shardKeys":["a",1]}"#,
        r#"{"shardKeys":["a::relay::0"]}"#,
    ] {
        world.answers(Response::raw_json(body));
        let error = world.list("t").unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), ("SHARD_ERROR", 503), "{body}");
        world.answers(Response::raw_json(body));
        assert!(block_on(world.registry.snapshot()).is_err(), "{body}");
        world.answers(Response::raw_json(body));
        assert!(block_on(world.registry.register("t", &key("a"))).is_err(), "{body}");
    }
    assert_eq!(world.list("t").unwrap(), ["a", "b"]);
}

#[test]
fn a_refusal_keeps_its_code_and_a_failure_its_secrets() {
    let world = World::new();
    let refusal = r#"{"error":{"code":"BAD_REQUEST","message":"shardKey is empty"}}"#;
    world.answers(Response::raw_json(refusal).with_status(400));
    let error = block_on(world.registry.register("t", &key(""))).unwrap_err();
    assert_eq!((error.code(), error.message()), ("BAD_REQUEST", "shardKey is empty"));

    world.answers(Response::text("secret").with_status(500));
    let error = world.list("t").unwrap_err();
    assert_eq!(error.message(), "the shard registry returned 500");

    let object = world.objects.shard(DurableShardRegistry::INSTANCE);
    object.fails_once(|key| ShardCallError::unavailable(key, "secret"));
    let error = world.list("t").unwrap_err();
    assert_eq!(error.code(), Code::ShardUnavailable.as_str());
    assert!(!error.to_body().to_json().contains("secret"));
}

#[test]
fn clients_cannot_fill_the_cache_without_end() {
    let world = World::new();
    for table in 0..1500 {
        world.list(&table.to_string()).unwrap();
    }
    assert_eq!(world.registry.cached_tables(), 1024);
}

#[test]
fn a_static_registry_knows_its_tables_and_one_list_for_all_others() {
    let registry = StaticShardRegistry::new()
        .every_table(["x"])
        .and_then(|registry| registry.table("t", ["a", "b"]))
        .unwrap();
    let list = |table: &str| block_on(registry.list_shard_keys(table)).unwrap();
    assert_eq!(list("t"), [key("a"), key("b")]);
    assert_eq!(list("u"), [key("x")]);
    assert!(StaticShardRegistry::new().table("t", ["a::replica::b"]).is_err());
}

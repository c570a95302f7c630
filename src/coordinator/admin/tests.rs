//! Admin operations over shards in memory that hold rows.

mod changes;
mod export;
mod import;
mod rank;
mod reports;
#[cfg(feature = "shard-testing")]
mod round_trip;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::{
    coordinator::StaticShardRegistry,
    message::{Request, Response},
    testing::{ManualClock, MemoryNamespace},
};

/// Shards in memory, a clock that moves by itself, and their admin.
struct World {
    shards: MemoryNamespace,
    clock: ManualClock,
    admin: ShardAdmin,
}

/// What the shards hold, and how they behave; shared with their handler.
type Shared<T> = Rc<RefCell<T>>;

impl World {
    /// Every shard answers an operation with what `answer` makes of key, operation and arguments.
    fn new(
        registry: StaticShardRegistry,
        answer: impl Fn(&str, &str, &Value) -> Value + 'static,
    ) -> Self {
        Self::raw(registry, move |key, operation, args| {
            Response::raw_json(json!({ "result": answer(key, operation, args) }).to_string())
        })
    }

    fn raw(
        registry: StaticShardRegistry,
        answer: impl Fn(&str, &str, &Value) -> Response + 'static,
    ) -> Self {
        let shards = MemoryNamespace::new(async move |address, mut request: Request| {
            let body = request.bytes(64 * 1024 * 1024).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let path = body["functionPath"].as_str().unwrap();
            let operation = path.strip_prefix("__lunora_admin__:").unwrap();
            answer(address.key.as_str(), operation, &body["args"])
        });
        let clock = ManualClock::new(0);
        let coordinator = QueryCoordinator::new(registry).clock(clock.clone());
        let token = AdminToken::new("a-token-that-nobody-guesses").unwrap();
        let admin = ShardAdmin::new(coordinator, shards.clone(), &token);
        Self { shards, clock, admin }
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        block_on(self.clock.run(work))
    }
}

fn registry(tables: &[(&str, &[&str])]) -> StaticShardRegistry {
    tables.iter().fold(StaticShardRegistry::new(), |registry, (table, keys)| {
        registry.table(*table, keys.iter().copied()).unwrap()
    })
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn every_call_carries_the_admin_token() {
    let world = World::new(registry(&[("t", &["a"])]), |_, _, _| json!({"requests": 1}));
    world.run(world.admin.shard_traffic("t")).unwrap();
    let call = world.shards.calls().pop().unwrap();
    assert_eq!(call.header("authorization"), Some("Bearer a-token-that-nobody-guesses"));
    assert_eq!((call.method.as_str(), call.path()), ("POST", "/rpc"));
}

#[test]
fn a_table_without_an_entry_lives_in_the_default_shard() {
    let world = World::new(registry(&[("t", &["a"])]), |_, _, _| json!({"requests": 1}));
    let traffic = world.run(world.admin.shard_traffic("unknown")).unwrap();
    assert_eq!(traffic.shards[0].shard_key.as_str(), "__root__");
    let world = World { admin: world.admin.default_shard("home".parse().unwrap()), ..world };
    let traffic = world.run(world.admin.shard_traffic("unknown")).unwrap();
    assert_eq!(traffic.shards[0].shard_key.as_str(), "home");
}

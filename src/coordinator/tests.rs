//! The rules of calls to shards, on shards in memory.

mod failures;
mod retries;

use futures::{executor::block_on, future::LocalBoxFuture};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    message::{Body, BodyError, IntoResponse, Response},
    platform::{Placement, ShardCallError, resolve_shard},
    testing::{ManualClock, MemoryNamespace, capture_logs},
    wire::Merge,
};

/// Shards `0`, `1`, … that answer with their own number; a clock that advances by itself.
struct World {
    shards: MemoryNamespace,
    clock: ManualClock,
    coordinator: QueryCoordinator,
}

impl World {
    fn new(shards: usize) -> Self {
        Self::with((0..shards).map(|shard| shard.to_string()))
    }

    fn with(keys: impl IntoIterator<Item = String>) -> Self {
        let clock = ManualClock::new(0);
        let registry = StaticShardRegistry::new().table("t", keys).unwrap();
        Self {
            shards: MemoryNamespace::new(async |address, _| {
                Response::raw_json(address.key.as_str().to_owned())
            }),
            coordinator: QueryCoordinator::new(registry).clock(clock.clone()),
            clock,
        }
    }

    fn set(mut self, change: impl FnOnce(QueryCoordinator) -> QueryCoordinator) -> Self {
        self.coordinator = change(self.coordinator);
        self
    }

    fn ask(&self, merge: Merge) -> FanOutAnswer {
        self.call(merge, |call| call)
    }

    fn call(
        &self,
        merge: Merge,
        change: impl FnOnce(ShardCall<'_>) -> ShardCall<'_>,
    ) -> FanOutAnswer {
        let shards = self.shards.clone().into_dyn();
        let resolve = |key| resolve_shard(&shards, key, &Placement::default());
        let call = change(ShardCall::new(&resolve, "{}"));
        let spec = FanOut::new("t", merge);
        block_on(self.clock.run(self.coordinator.fan_out(&spec, call))).unwrap()
    }

    /// Returns the failures of the shards as `key CODE message`.
    fn failures(&self) -> Vec<String> {
        let answer = self.ask(Merge::Concat);
        let line = |failure: &ShardFailure| {
            format!("{} {} {}", failure.shard_key, failure.code, failure.message)
        };
        answer.errors().iter().map(line).collect()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn every_shard_gets_the_same_call() {
    let world = World::new(2);
    world.call(Merge::Concat, |call| {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-lunora-userid", "ada".parse().unwrap());
        call.headers(headers)
    });
    for call in world.shards.calls() {
        assert_eq!((call.method.as_str(), call.path()), ("POST", "/rpc"));
        assert_eq!(call.url.host(), Some("shard.internal"));
        assert_eq!((call.text(), call.header("x-lunora-userid")), (Some("{}"), Some("ada")));
        assert_eq!(call.header("content-type"), None);
    }
    world.ask(Merge::Concat);
    let last = world.shards.calls().pop().unwrap();
    assert_eq!(last.header("content-type"), Some("application/json"));
}

#[test]
fn an_answer_is_200_in_the_form_of_the_wire_whichever_shards_failed() {
    let _logs = capture_logs();
    let world = World::new(2);
    world.shards.shard("1").hangs();
    let response = world.ask(Merge::Concat).into_response().unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_slice(response.body().as_bytes().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({
            "data": [0],
            "errors": [{
                "code": "SHARD_TIMEOUT",
                "message": "shard \"1\" gave no answer within 5000 ms",
                "shardKey": "1",
                "timedOut": true,
            }],
            "failed": 1,
            "ok": 1,
        })
    );
}

#[test]
fn a_table_without_shards_has_an_empty_answer() {
    let answer = World::new(0).ask(Merge::Sum);
    assert_eq!(answer.to_json(), r#"{"data":0,"errors":[],"failed":0,"ok":0}"#);
}

#[test]
fn a_shard_that_is_listed_twice_is_asked_once() {
    let world = World::with(["1", "2", "1"].map(str::to_owned));
    assert_eq!(world.ask(Merge::Concat).data(), "[1,2]");
}

#[test]
fn keeps_the_registrys_order_in_any_order_of_answers() {
    let _logs = capture_logs();
    let world = World::new(8);
    for shard in 0..8_u64 {
        let script = world.shards.shard(shard.to_string());
        script.takes(Duration::from_millis(800 - shard * 100), &world.clock);
        if shard % 2 == 1 {
            script.fails(|key| ShardCallError::unavailable(key, "gone"));
        }
    }
    let answer = world.ask(Merge::Concat);
    assert_eq!(answer.data(), "[0,2,4,6]");
    let failed: Vec<_> = answer.errors().iter().map(|failure| failure.shard_key.as_str()).collect();
    assert_eq!(failed, ["1", "3", "5", "7"]);
}

#[test]
fn no_more_shards_are_asked_at_once_than_allowed() {
    for (limit, expected) in
        [(Concurrency::of::<1>(), 1), (Concurrency::of::<3>(), 3), (Concurrency::default(), 16)]
    {
        let world = World::new(40).set(|coordinator| coordinator.max_concurrency(limit));
        for shard in 0..40_u64 {
            let time = Duration::from_millis(10 + shard * 7 % 13);
            world.shards.shard(shard.to_string()).takes(time, &world.clock);
        }
        assert_eq!(world.ask(Merge::Concat).ok(), 40);
        assert_eq!(world.shards.max_in_flight(), expected);
    }
}

#[test]
fn a_slow_shard_times_out_and_delays_no_other() {
    let logs = capture_logs();
    let world = World::new(3).set(|coordinator| coordinator.per_shard_timeout(seconds(2)));
    world.shards.shard("0").hangs();
    world.shards.shard("1").takes(Duration::from_millis(2001), &world.clock);
    world.shards.shard("2").takes(Duration::from_millis(1999), &world.clock);
    let answer = world.ask(Merge::Concat);
    assert_eq!(answer.data(), "[2]");
    assert!(answer.errors().iter().all(|failure| failure.timed_out));
    assert_eq!((world.clock.now_ms(), world.shards.abandoned()), (2000, 2));
    assert_eq!(logs.lines().len(), 2);
}

#[test]
fn a_registry_that_fails_or_hangs_is_an_error_and_not_an_empty_answer() {
    struct Broken(bool);

    impl ShardRegistry for Broken {
        fn list_shard_keys<'a>(
            &'a self,
            _table: &'a str,
        ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
            let hangs = self.0;
            Box::pin(async move {
                if hangs {
                    futures::future::pending::<()>().await;
                }
                Err(LunoraError::new(Code::ShardUnavailable, "no registry"))
            })
        }
    }

    for (hangs, code) in [(false, "SHARD_UNAVAILABLE"), (true, "SHARD_TIMEOUT")] {
        let clock = ManualClock::new(0);
        let coordinator = QueryCoordinator::new(Broken(hangs)).clock(clock.clone());
        let shards = MemoryNamespace::new(async |_, _| Response::empty()).into_dyn();
        let resolve = |key| resolve_shard(&shards, key, &Placement::default());
        let spec = FanOut::new("t", Merge::Concat);
        let answer = coordinator.fan_out(&spec, ShardCall::new(&resolve, "{}"));
        let error = block_on(clock.run(answer)).unwrap_err();
        assert_eq!(error.code(), code);
    }
}

#[test]
fn an_invalid_merge_is_refused_before_any_shard_is_asked() {
    let world = World::new(1);
    let shards = world.shards.clone().into_dyn();
    let resolve = |key| resolve_shard(&shards, key, &Placement::default());
    let direction = crate::wire::Direction::Asc;
    let merge = Merge::TopK { k: 1, by: String::new(), direction };
    let call = ShardCall::new(&resolve, "{}");
    let error = block_on(world.coordinator.fan_out(&FanOut::new("t", merge), call)).unwrap_err();
    assert_eq!(error.code(), "BAD_REQUEST");
    assert_eq!(world.shards.calls().len(), 0);
}

#[test]
fn refuses_a_query_of_too_many_shards_before_any_is_asked() {
    let ask = |world: &World| {
        let shards = world.shards.clone().into_dyn();
        let resolve = |key| resolve_shard(&shards, key, &Placement::default());
        let (spec, call) = (FanOut::new("t", Merge::Concat), ShardCall::new(&resolve, "{}"));
        block_on(world.clock.run(world.coordinator.fan_out(&spec, call)))
    };
    for (set, bound) in [(None, 1000), (Some(3), 3)] {
        let world = |shards| {
            World::new(shards).set(|coordinator| match set {
                Some(most) => coordinator.max_shards(most),
                None => coordinator,
            })
        };
        assert_eq!(ask(&world(bound)).unwrap().ok(), bound);
        let world = world(bound + 1);
        let error = ask(&world).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), ("BAD_REQUEST", 400));
        assert_eq!(world.shards.calls().len(), 0);
    }
}

proptest! {
    /// The answer and its time depend only on the time that each shard takes.
    #[test]
    fn only_slow_shards_fail(
        times in prop::collection::vec(0..8000_u64, 0..40),
        limit in 1..20_usize,
    ) {
        let _logs = capture_logs();
        let limit = Concurrency::try_from(limit).unwrap();
        let world = World::new(times.len()).set(|coordinator| coordinator.max_concurrency(limit));
        for (shard, time) in times.iter().enumerate() {
            world.shards.shard(shard.to_string()).takes(Duration::from_millis(*time), &world.clock);
        }
        let answer = world.ask(Merge::Concat);
        let in_time: Vec<_> = (0..times.len()).filter(|shard| times[*shard] < 5000).collect();
        let data: Vec<usize> = serde_json::from_str(answer.data()).unwrap();
        // At exactly this millisecond either may win.
        prop_assume!(!times.contains(&5000));
        prop_assert_eq!(&data, &in_time);
        prop_assert_eq!(answer.failed(), times.len() - in_time.len());
        prop_assert_eq!(world.shards.abandoned(), answer.failed());
        prop_assert!(world.shards.max_in_flight() <= limit.get());
    }
}

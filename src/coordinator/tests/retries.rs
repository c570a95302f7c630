//! Retries: which calls are repeated, and when.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn moving(key: ShardKey) -> ShardCallError {
    ShardCallError::unavailable(key, "moving").retryable()
}

fn read(call: ShardCall<'_>) -> ShardCall<'_> {
    call.read()
}

fn retrying(retries: u32) -> World {
    World::new(1).set(|coordinator| coordinator.retry(RetryPolicy::retries(retries)))
}

fn headers(names: &[&str]) -> HeaderMap {
    let header = |name: &&str| (name.parse::<HeaderName>().unwrap(), "1".parse().unwrap());
    names.iter().map(header).collect()
}

#[test]
fn nothing_is_repeated_by_default() {
    let _logs = capture_logs();
    let world = World::new(1);
    world.shards.shard("0").fails_once(moving);
    assert_eq!(world.call(Merge::Concat, read).failed(), 1);
    assert_eq!(world.shards.calls().len(), 1);
}

#[test]
fn only_a_call_that_is_safe_to_repeat_is_repeated() {
    let _logs = capture_logs();
    for (names, calls) in [
        (&[][..], 1),
        (&["x-lunora-userid"], 1),
        // Without any of the three a shard ignores the mutation id.
        (&["x-lunora-mutation-id"], 1),
        (&["x-lunora-mutation-id", "x-lunora-userid"], 2),
        (&["x-lunora-mutation-id", "x-lunora-system"], 2),
        (&["x-lunora-mutation-id", "x-lunora-client-id"], 2),
    ] {
        let world = retrying(1);
        world.shards.shard("0").fails_once(moving);
        world.call(Merge::Concat, |call| call.headers(headers(names)));
        assert_eq!(world.shards.calls().len(), calls, "{names:?}");
    }
    let world = retrying(1);
    world.shards.shard("0").fails_once(moving);
    assert_eq!(world.call(Merge::Concat, read).data(), "[0]");
}

#[test]
fn an_id_that_a_shard_ignores_makes_no_call_safe_to_repeat() {
    let _logs = capture_logs();
    for ignored in [
        [("x-lunora-mutation-id", &b"m"[..]), ("x-lunora-system", b"0")],
        [("x-lunora-mutation-id", b"m"), ("x-lunora-userid", b"=")],
        [("x-lunora-mutation-id", b"\xff"), ("x-lunora-userid", b"ada")],
        [("x-lunora-mutation-id", b"m"), ("x-lunora-client-id", b"\xff")],
    ] {
        let world = retrying(1);
        world.shards.shard("0").fails_once(moving);
        let header = |(name, value): (&str, &[u8])| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap())
        };
        let headers: HeaderMap = ignored.into_iter().map(header).collect();
        world.call(Merge::Concat, |call| call.headers(headers));
        assert_eq!(world.shards.calls().len(), 1, "{ignored:?}");
    }
}

#[test]
fn only_a_failure_that_may_pass_is_repeated() {
    let _logs = capture_logs();
    let failures: [fn(ShardKey) -> ShardCallError; 3] = [
        |key| ShardCallError::unavailable(key, "broken"),
        |key| ShardCallError::unavailable(key, "busy").overloaded(),
        |key| ShardCallError::unavailable(key, "busy").retryable().overloaded(),
    ];
    for failure in failures {
        let world = retrying(5);
        world.shards.shard("0").fails_once(failure);
        assert_eq!(world.call(Merge::Concat, read).failed(), 1);
        assert_eq!(world.shards.calls().len(), 1);
    }
    let world = retrying(5);
    world.shards.shard("0").answers_once(Response::empty().with_status(503));
    assert_eq!(world.call(Merge::Concat, read).failed(), 1);
    assert_eq!(world.shards.calls().len(), 1);
}

#[test]
fn retries_end_and_are_logged_once() {
    let logs = capture_logs();
    let world = retrying(3);
    world.shards.shard("0").fails(moving);
    assert_eq!(world.call(Merge::Concat, read).failed(), 1);
    assert_eq!((world.shards.calls().len(), logs.lines().len()), (4, 1));
}

#[test]
fn retries_count_towards_the_time_of_the_shard() {
    let _logs = capture_logs();
    let world = retrying(1000);
    world.shards.shard("0").fails(moving);
    let answer = world.call(Merge::Concat, read);
    assert!(answer.errors()[0].timed_out);
    assert_eq!(world.clock.now_ms(), 5000);
}

#[test]
fn a_zero_delay_is_no_trap() {
    let policy = RetryPolicy::retries(u32::MAX).base_delay(Duration::ZERO);
    let mut jitter = super::super::limits::Jitter::new(0, &ShardKey::default());
    let error = moving(ShardKey::default());
    assert_eq!(policy.pause(1, &error, &mut jitter), Some(Duration::ZERO));
}

proptest! {
    #[test]
    fn a_pause_is_never_longer_than_its_bounds(
        failed in 1..200_u32,
        base in 0..5000_u64,
        max in 0..5000_u64,
        now: u64,
    ) {
        let key = ShardKey::default();
        let policy = RetryPolicy::retries(u32::MAX)
            .base_delay(Duration::from_millis(base))
            .max_delay(Duration::from_millis(max));
        let mut jitter = super::super::limits::Jitter::new(now, &key);
        let pause = policy.pause(failed, &moving(key), &mut jitter).unwrap();
        let doubled = u128::from(base) << failed.min(64).saturating_sub(1);
        prop_assert!(pause.as_millis() <= doubled.min(u128::from(max)));
    }
}

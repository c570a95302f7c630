//! How often a call allocates on its way to the shard and back: what no machine's speed changes.
//!
//! A change that needs fewer lowers the budget; one that needs more gives its reason.

use std::rc::Rc;

use futures::{
    executor::block_on,
    future::{LocalBoxFuture, ready},
};
use lunora::{
    Identity, Request, Response,
    coordinator::{FanOut, Merge, QueryCoordinator, ShardCall, StaticShardRegistry},
    platform::{
        NoopExecutionContext, Placement, ShardAddress, ShardCallError, ShardNamespace,
        resolve_shard,
    },
    testing::{self, ManualClock, MemoryEnvironment},
};

/// One call with a bearer token, an origin and a shard key; two of them are the timer's, and one is
/// the trace that its shard is sent.
const CALL: u64 = 34;
/// The same with a hundred times the arguments: they are never built.
const LARGE_CALL: u64 = CALL;
/// What a shard more costs a query across shards.
const SHARD: u64 = 14;

struct Instant;

impl ShardNamespace for Instant {
    fn fetch(
        &self,
        _address: &ShardAddress,
        _request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        Box::pin(ready(Ok(Response::raw_json(r#"[{"result":1}]"#))))
    }
}

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

fn of_call(args: &str) -> u64 {
    let app = testing::builder()
        .shard_do(Instant)
        .resolve_identity(async |request, _env| request.bearer().map(Identity::user))
        .authorize_shard(async |access| access.identity.is_some())
        .build();
    let env = MemoryEnvironment::new();
    let request = || {
        let body = format!(
            r#"{{"functionPath":"messages:list","args":{{"x":{args}}},"shardKey":"general"}}"#
        );
        Request::post("https://app.example.com/_lunora/rpc", body)
            .with_header("authorization", "Bearer ada")
            .with_header("content-type", "application/json")
            .with_header("origin", "https://app.example.com")
    };
    let call = |request| {
        let response = block_on(app.fetch(request, &env, &NoopExecutionContext));
        assert_eq!(response.status(), 200);
    };
    call(request());
    let request = request();
    allocations(|| call(request))
}

fn of_fan_out(shards: usize) -> u64 {
    let keys = (0..shards).map(|shard| format!("shard:{shard}"));
    let registry = StaticShardRegistry::new().table("messages", keys).unwrap_or_default();
    let coordinator = QueryCoordinator::new(registry).clock(ManualClock::new(0));
    let namespace: Rc<dyn ShardNamespace> = Rc::new(Instant);
    let resolve = |key| resolve_shard(&namespace, key, &Placement::default());
    let spec = FanOut::new("messages", Merge::Concat);
    allocations(|| {
        let call = ShardCall::new(&resolve, r#"{"args":{},"functionPath":"messages:list"}"#);
        let answer = block_on(coordinator.fan_out(&spec, call));
        assert_eq!(answer.map(|answer| answer.ok()).ok(), Some(shards));
    })
}

#[test]
fn a_call_allocates_no_more_than_it_did() {
    assert!(of_call("1") <= CALL, "{} allocations, the budget is {CALL}", of_call("1"));
}

#[test]
fn large_arguments_allocate_no_more_often() {
    let args = format!("[{}1]", r#"{"text":"hello"},"#.repeat(500));
    assert!(
        of_call(&args) <= LARGE_CALL,
        "{} allocations, the budget is {LARGE_CALL}",
        of_call(&args)
    );
}

#[test]
fn one_shard_more_allocates_no_more_than_it_did() {
    let each = (of_fan_out(1000) - of_fan_out(100)).div_ceil(900);
    assert!(each <= SHARD, "{each} allocations a shard, the budget is {SHARD}");
}

//! Functions and settings that drive a deployment past its bounds.

use std::time::Duration;

use lunora::{
    ShardKey,
    access::RateLimit,
    platform::{Clock, CloudflareClock, IsolateRateLimiter, ShardAddress, ShardNamespace},
    prelude::*,
    routing::RouteContext,
    shard::prelude::*,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{NOTES, Note};

/// A variable of the Worker that holds a number.
pub(crate) fn setting(env: &Env, name: &str) -> Option<u64> {
    env.var(name).ok()?.to_string().parse().ok()
}

/// `DRILL_RATE_LIMIT` calls a minute for each value of `x-rate-key`; calls without it are not limited.
pub(crate) fn rate_limit(env: &Env) -> RateLimit {
    let limit = setting(env, "DRILL_RATE_LIMIT").and_then(|limit| limit.try_into().ok());
    let limiter = IsolateRateLimiter::new(limit.unwrap_or(u32::MAX), Duration::from_secs(60));
    RateLimit::new(limiter).by(|call| call.request().header("x-rate-key").map(str::to_owned))
}

/// A coordinator that asks `DRILL_MAX_SHARDS` shards at most.
pub(crate) fn coordinator(env: &Env, registry: DurableShardRegistry) -> QueryCoordinator {
    let coordinator = QueryCoordinator::new(registry);
    match setting(env, "DRILL_MAX_SHARDS").and_then(|shards| shards.try_into().ok()) {
        Some(shards) => coordinator.max_shards(shards),
        None => coordinator,
    }
}

/// Returns the bytes of wasm memory. It never shrinks: this is the most that was ever needed.
#[cfg(target_arch = "wasm32")]
pub(crate) fn memory() -> String {
    (core::arch::wasm32::memory_size::<0>() * 65_536).to_string()
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn memory() -> String {
    "0".to_owned()
}

/// Sends the body to the shard `?shard=`, and holds on to it until there is an answer. With `?dropped`
/// the invocation ends 50 ms after its client left, whatever it waits for.
pub(crate) async fn ask(
    mut request: Request,
    env: &Env,
    ctx: &RouteContext<'_>,
) -> Result<Response, LunoraError> {
    let body = request.bytes(1024 * 1024).await?;
    if request.query("dropped").is_some() {
        ctx.wait_until(CloudflareClock.sleep(Duration::from_millis(50)));
    }
    let address = ShardAddress::new(ShardKey::new(request.query("shard").unwrap_or_default())?);
    let question = Request::post("http://object/rpc", body.clone());
    let answer = env.durable_object("VAULT")?.fetch(&address, question).await?;
    drop(body);
    Ok(answer)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Size {
    bytes: usize,
}

pub(crate) fn blob(_: &Query<'_>, args: Size) -> Result<String, LunoraError> {
    Ok("x".repeat(args.bytes))
}

/// Writes a note, and answers as many bytes as the call asks for.
pub(crate) fn bloat(ctx: &Mutation<'_>, args: Size) -> Result<String, LunoraError> {
    let note = Note { folder: ctx.shard_key().to_owned(), text: "bloat".to_owned() };
    ctx.db().insert(NOTES, note)?;
    Ok("x".repeat(args.bytes))
}

/// As [`bloat`], outside of a transaction.
pub(crate) async fn bloat_action(ctx: Action, args: Size) -> Result<String, LunoraError> {
    ctx.run_mutation::<String>("bounds:bloat", &Bytes { bytes: 0 })?;
    Ok("x".repeat(args.bytes))
}

#[derive(Serialize)]
struct Bytes {
    bytes: usize,
}

#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Depth {
    depth: u32,
}

/// Calls itself so many levels deep, and returns how many there were.
pub(crate) fn descend(ctx: &Query<'_>, args: Depth) -> Result<u32, LunoraError> {
    match args.depth.checked_sub(1) {
        None => Ok(0),
        Some(depth) => Ok(1 + ctx.run_query::<u32>("bounds:descend", &Depth { depth })?),
    }
}

/// As [`descend`], and writes a note on each level.
pub(crate) fn dig(ctx: &Mutation<'_>, args: Depth) -> Result<u32, LunoraError> {
    let note = Note { folder: ctx.shard_key().to_owned(), text: args.depth.to_string() };
    ctx.db().insert(NOTES, note)?;
    match args.depth.checked_sub(1) {
        None => Ok(0),
        Some(depth) => Ok(1 + ctx.run_mutation::<u32>("bounds:dig", &Depth { depth })?),
    }
}

/// As [`descend`], from one action to the next.
pub(crate) async fn dive(ctx: Action, args: Depth) -> Result<u32, LunoraError> {
    match args.depth.checked_sub(1) {
        None => Ok(0),
        Some(depth) => {
            Ok(1 + Box::pin(ctx.run_action::<u32>("bounds:dive", &Depth { depth })).await?)
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Ids {
    count: u32,
}

/// Reads so many single documents, none of which exists.
pub(crate) fn lookups(ctx: &Query<'_>, args: Ids) -> Result<u64, LunoraError> {
    let mut found = 0;
    for number in 0..args.count {
        found += u64::from(ctx.db().get(NOTES, &format!("absent-{number}"))?.is_some());
    }
    Ok(found)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Stall {
    ms: u64,
}

/// Answers after a time.
pub(crate) async fn stall(_: Action, args: Stall) -> Result<(), LunoraError> {
    CloudflareClock.sleep(Duration::from_millis(args.ms)).await;
    Ok(())
}

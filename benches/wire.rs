//! What the wire costs natively, each piece beside a naive version over `serde_json::Value`.
//!
//! `cargo bench --bench wire`. What a query across shards costs is per query; `items/s` is shards.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use divan::{Bencher, black_box, counter::ItemsCount};
use futures::executor::block_on;
use lunora::{
    Identity, Lunora, LunoraError, NoopExecutionContext, QueryCoordinator, Request, Response,
    RpcEnvelope, StaticShardRegistry,
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace},
    wire::value::Value,
};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn envelope(bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        r#"{{"functionPath":"messages:list","args":{{"text":"{text}","limit":50}},"shardKey":"general"}}"#
    )
}

#[divan::bench(args = [100, 100 * 1024])]
fn envelope_lunora(bencher: Bencher<'_, '_>, bytes: usize) {
    let json = envelope(bytes);
    bencher.bench(|| RpcEnvelope::from_slice(black_box(json.as_bytes())).unwrap());
}

#[divan::bench(args = [100, 100 * 1024])]
fn envelope_naive(bencher: Bencher<'_, '_>, bytes: usize) {
    let json = envelope(bytes);
    bencher.bench(|| {
        let value: serde_json::Value = serde_json::from_slice(black_box(json.as_bytes())).unwrap();
        let path = value["functionPath"].as_str().unwrap().to_owned();
        let body = serde_json::json!({ "args": value["args"], "functionPath": path });
        (body.to_string(), value["shardKey"].as_str().unwrap().to_owned())
    });
}

fn rows(count: usize) -> String {
    let rows: Vec<_> = (0..count)
        .map(|n| {
            format!(r#"{{"_id":"row-{n}","_creationTime":178031520{n:04},"text":"hello","n":{n}}}"#)
        })
        .collect();
    format!("[{}]", rows.join(","))
}

#[divan::bench(args = [1, 100])]
fn value_codec_lunora(bencher: Bencher<'_, '_>, count: usize) {
    let json = rows(count);
    bencher.bench(|| Value::from_wire(black_box(&json)).unwrap().to_wire().unwrap());
}

/// Knows no date, no big integer and no bytes.
#[divan::bench(args = [1, 100])]
fn value_codec_naive(bencher: Bencher<'_, '_>, count: usize) {
    let json = rows(count);
    bencher.bench(|| {
        let value: serde_json::Value = serde_json::from_str(black_box(&json)).unwrap();
        value.to_string()
    });
}

const SHARDS: [usize; 4] = [1, 10, 100, 1000];

fn app(shards: usize) -> Lunora<MemoryEnvironment> {
    let answer = format!(r#"{{"result":{}}}"#, rows(10));
    let namespace =
        MemoryNamespace::new(async move |_address, _request| Response::raw_json(answer.clone()));
    let keys = (0..shards).map(|shard| format!("shard-{shard}"));
    let registry = StaticShardRegistry::new().table("rows", keys).unwrap();
    testing::builder()
        .shard_do(namespace)
        .resolve_identity(async |_request, _env| Ok::<_, LunoraError>(Some(Identity::user("ada"))))
        .authorize_shard(async |access| access.identity.is_some())
        .query_coordinator(QueryCoordinator::new(registry).clock(ManualClock::new(0)))
        .authorize_fan_out(async |access| access.identity.is_some())
        .build()
}

fn ask(bencher: Bencher<'_, '_>, app: &Lunora<MemoryEnvironment>, body: &str) {
    let env = MemoryEnvironment::new();
    bencher.bench_local(|| {
        let request = Request::post("https://app.test/_lunora/rpc", body.to_owned());
        block_on(async {
            let response = app.fetch(request, &env, &NoopExecutionContext).await;
            assert_eq!(response.status(), 200);
            response.into_parts().1.into_bytes(usize::MAX).await.unwrap()
        })
    });
}

/// A whole call, from its bytes to the shard's answer with the edge's headers.
#[divan::bench]
fn call(bencher: Bencher<'_, '_>) {
    ask(bencher, &app(1), &envelope(100));
}

#[divan::bench(args = SHARDS)]
fn fan_out_concat(bencher: Bencher<'_, '_>, shards: usize) {
    let body = r#"{"functionPath":"rows:list","args":{},"fanOut":{"table":"rows","merge":{"kind":"concat"}}}"#;
    ask(bencher.counter(ItemsCount::new(shards)), &app(shards), body);
}

#[divan::bench(args = SHARDS)]
fn fan_out_top_k(bencher: Bencher<'_, '_>, shards: usize) {
    let body = r#"{"functionPath":"rows:list","args":{},"fanOut":{"table":"rows","merge":{"kind":"topK","k":10,"by":"n"}}}"#;
    ask(bencher.counter(ItemsCount::new(shards)), &app(shards), body);
}

/// What `concat` would be over parsed values, without gates, timeouts or retries.
#[divan::bench(args = SHARDS)]
fn merge_concat_naive(bencher: Bencher<'_, '_>, shards: usize) {
    let answer = format!(r#"{{"result":{}}}"#, rows(10));
    bencher.counter(ItemsCount::new(shards)).bench(|| {
        let mut data = Vec::new();
        for _ in 0..shards {
            let value: serde_json::Value = serde_json::from_str(black_box(&answer)).unwrap();
            data.extend(value["result"].as_array().unwrap().iter().cloned());
        }
        serde_json::json!({ "data": data, "errors": [], "failed": 0, "ok": shards }).to_string()
    });
}

//! The envelope, the identity in headers, and the value codec.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use divan::{Bencher, black_box, counter::BytesCount};
use lunora::{
    Identity, Request,
    wire::{RpcEnvelope, value::Value},
};
use serde_json::{Value as Json, json};

const SIZES: [usize; 3] = [64, 4 * 1024, 100 * 1024];

/// A call whose arguments have about so many bytes.
fn call(bytes: usize) -> String {
    let rows: Vec<Json> = (0..bytes.div_ceil(64))
        .map(|n| json!({ "id": n, "text": "a message from one user to another", "at": 1.5 }))
        .collect();
    json!({ "functionPath": "messages:send", "args": { "rows": rows }, "shardKey": "general" })
        .to_string()
}

mod envelope {
    use super::*;

    /// Reads the call of a client and writes that of the shard.
    #[divan::bench(args = SIZES)]
    fn lunora(bencher: Bencher<'_, '_>, bytes: usize) {
        let call = call(bytes);
        bencher.counter(BytesCount::of_str(&call)).bench_local(|| {
            let envelope = RpcEnvelope::from_slice(black_box(call.as_bytes())).unwrap();
            envelope.to_json()
        });
    }

    #[divan::bench(args = SIZES)]
    fn naive(bencher: Bencher<'_, '_>, bytes: usize) {
        let call = call(bytes);
        bencher.counter(BytesCount::of_str(&call)).bench_local(|| {
            let mut envelope: Json = serde_json::from_slice(black_box(call.as_bytes())).unwrap();
            let function_path = envelope["functionPath"].take();
            let (args, key) = (envelope["args"].take(), envelope["shardKey"].take());
            json!({ "functionPath": function_path, "args": args, "shardKey": key }).to_string()
        });
    }
}

mod identity {
    use super::*;

    fn request() -> Request {
        let claims = json!({ "email": "ada@example.com", "roles": ["admin", "author"], "exp": 1_900_000_000 });
        Request::get("https://shard.internal/")
            .with_header("x-lunora-userid", "ada")
            .with_header("x-lunora-identity", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
            .with_header("content-type", "application/json")
    }

    #[divan::bench]
    fn lunora(bencher: Bencher<'_, '_>) {
        let request = request();
        bencher.bench_local(|| Identity::from_headers(black_box(request.headers())));
    }

    #[divan::bench]
    fn naive(bencher: Bencher<'_, '_>) {
        let request = request();
        bencher.bench_local(|| {
            let headers: HashMap<String, String> = black_box(request.headers())
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            let claims = BASE64_URL_SAFE_NO_PAD.decode(&headers["x-lunora-identity"]).unwrap();
            let claims: Json = serde_json::from_slice(&claims).unwrap();
            (headers["x-lunora-userid"].clone(), claims)
        });
    }
}

mod values {
    use super::*;

    /// Reads and writes what both can: plain JSON.
    #[divan::bench(args = SIZES)]
    fn lunora(bencher: Bencher<'_, '_>, bytes: usize) {
        let call = call(bytes);
        bencher
            .counter(BytesCount::of_str(&call))
            .bench_local(|| Value::from_wire(black_box(&call)).unwrap().to_wire().unwrap());
    }

    #[divan::bench(args = SIZES)]
    fn naive(bencher: Bencher<'_, '_>, bytes: usize) {
        let call = call(bytes);
        bencher.counter(BytesCount::of_str(&call)).bench_local(|| {
            let value: Json = serde_json::from_str(black_box(&call)).unwrap();
            value.to_string()
        });
    }
}

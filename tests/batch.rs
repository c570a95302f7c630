//! Rules of a batch in the Worker: how much its shards may answer together.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use futures::{executor::block_on, stream};
use lunora::{
    AdminToken, Body, Identity, LunoraError, Request, Response,
    platform::{NoopExecutionContext, ShardCallError},
    testing::{self, MemoryEnvironment, MemoryNamespace},
};
use serde_json::{Value, json};

const KIB: usize = 1024;

/// Shards whose key says how many KiB they answer to each call, and whether as a stream.
fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |address, request: Request| {
        let (kind, kib) = address.key.as_str().split_once(':').unwrap();
        let result = "x".repeat(kib.parse::<usize>().unwrap() * KIB);
        let body: Value = serde_json::from_slice(request.body().as_bytes().unwrap()).unwrap();
        let slots: Vec<Value> = body["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| json!({ "id": call["id"], "status": 200, "body": { "result": result } }))
            .collect();
        let bytes = json!({ "results": slots }).to_string().into_bytes();
        match kind {
            "whole" => Response::raw_json(bytes),
            _ => {
                let pieces: Vec<_> =
                    bytes.chunks(64 * KIB).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
                Response::raw_json(Body::from_stream(stream::iter(pieces)))
            }
        }
    })
}

fn slots(keys: &[String]) -> Vec<(u64, String)> {
    let app = testing::builder().shard_do(shards()).allow_unauthenticated_shard_access().build();
    let calls: Vec<Value> =
        keys.iter().map(|key| json!({ "functionPath": "a:b", "shardKey": key })).collect();
    let request =
        Request::post("https://app.test/_lunora/rpc-batch", json!({ "calls": calls }).to_string());
    let response = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    assert_eq!(response.status(), 200);
    let body = block_on(response.into_parts().1.into_bytes(usize::MAX)).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let slots = body["results"].as_array().unwrap().iter().enumerate().map(|(index, slot)| {
        assert_eq!(slot["id"], index);
        let code = slot["body"]["error"]["code"].as_str().unwrap_or("ok");
        (slot["status"].as_u64().unwrap(), code.to_owned())
    });
    slots.collect()
}

#[test]
fn bounds_the_answers_of_all_shards_and_keeps_those_that_fit() {
    let ok = (200, "ok".to_owned());
    let large = (429, "TOO_MANY_REQUESTS".to_owned());
    for kind in ["whole", "stream"] {
        let key = |kib: usize| format!("{kind}:{kib}");
        let table = [
            ("all fit", vec![key(5000), key(5001), key(5002)], vec![&ok; 3]),
            ("one shard over the bound alone", vec![key(17_000), key(1)], vec![&large, &ok]),
            (
                "one of them does not fit",
                vec![key(9000), key(9001), key(1)],
                vec![&ok, &large, &ok],
            ),
            ("every slot of a part", vec![key(9000), key(9000), key(1)], vec![&large, &large, &ok]),
        ];
        for (name, keys, expected) in table {
            let slots = slots(&keys);
            let refused = slots.iter().filter(|slot| **slot == large).count();
            // Streams are read at once: which of two is refused is not a rule.
            if name == "one of them does not fit" {
                assert!((1..=2).contains(&refused) && slots[2] == ok, "{kind}: {name}");
            } else {
                assert_eq!(slots.iter().collect::<Vec<_>>(), expected, "{kind}: {name}");
            }
        }
    }
}

/// A shard that gives everybody the detail of its error, and says whether it was asked for it.
fn leaky() -> MemoryNamespace {
    MemoryNamespace::new(async |_address, request: Request| {
        let asked = request.headers().get_all("x-lunora-want-error-detail").iter().count();
        let slot = json!({ "id": 0, "status": 500, "body": asked, "errorDetail": "secret words" });
        Response::raw_json(json!({ "results": [slot] }).to_string())
    })
}

/// Sends a batch of a call that fails and one that gets no slot, with these headers.
fn failing(shards: MemoryNamespace, headers: &[(&str, &str)]) -> (u16, Value) {
    let app = testing::builder()
        .shard_do(shards)
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .resolve_identity(async |request, _env| match request.bearer() {
            Some("ada") | None => Ok(Some(Identity::user("ada"))),
            _ => Err(LunoraError::unauthorized("the token is not valid")),
        })
        .authorize_shard(async |access| access.identity.is_some())
        .build();
    let body = r#"{"calls":[{"functionPath":"a:b"},{"functionPath":"a:b"}]}"#;
    let mut request = Request::post("https://app.test/_lunora/rpc-batch", body);
    for (name, value) in headers {
        request = request.with_header(name, value);
    }
    let response = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    let (head, body) = response.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

const TOKEN: &str = "correct-horse-battery-staple";
const WANT: (&str, &str) = ("x-lunora-want-error-detail", "1");
const OPERATOR: (&str, &str) = ("authorization", "Bearer correct-horse-battery-staple");

#[test]
fn gives_no_error_detail_to_a_caller_who_is_no_operator() {
    let cases: [(u16, &[(&str, &str)]); 7] = [
        (200, &[]),
        (200, &[WANT]),
        (200, &[WANT, WANT]),
        (200, &[WANT, ("authorization", "Bearer ada")]),
        (401, &[WANT, ("authorization", "Bearer correct-horse-battery")]),
        (401, &[OPERATOR]),
        (401, &[("x-lunora-want-error-detail", "true"), OPERATOR]),
    ];
    for (expected, headers) in cases {
        let (status, body) = failing(leaky(), headers);
        assert_eq!(status, expected, "{headers:?}: {body}");
        assert!(!body.to_string().contains("errorDetail"), "{headers:?}: {body}");
        assert!(!body.to_string().contains("secret words"), "{headers:?}: {body}");
        if status == 200 {
            assert_eq!(body["results"][0]["body"], 0, "the shard was asked: {headers:?}");
        }
    }
}

#[test]
fn gives_an_operator_the_error_detail_of_each_slot() {
    let (status, body) = failing(leaky(), &[WANT, OPERATOR]);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["results"][0]["body"], 1);
    assert_eq!(body["results"][0]["errorDetail"], "secret words");
    assert_eq!(body["results"][1]["errorDetail"]["code"], "SHARD_ERROR");

    let broken = leaky();
    broken.shard("__root__").fails(|key| ShardCallError::unavailable(key, "the object moved"));
    let (_, body) = failing(broken, &[WANT, OPERATOR]);
    let detail = &body["results"][0]["errorDetail"];
    assert_eq!(
        (&detail["code"], &detail["name"]),
        (&json!("SHARD_UNAVAILABLE"), &json!("LunoraError"))
    );
    assert!(detail["message"].as_str().unwrap().contains("the object moved"), "{body}");
}

//! What `shard!` tells operators of its functions.

#![cfg(all(feature = "shard", feature = "schema"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::needless_pass_by_value, reason = "a function of a shard owns its arguments")]

use lunora::{functions::FunctionList as _, shard::prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema, Serialize)]
struct Message {
    text: String,
}

/// It does not tell what it looks like.
#[derive(Deserialize, Serialize)]
struct Silent {}

fn list(_: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Message>>, LunoraError> {
    Ok(vec![])
}

fn count(_: &Query<'_>, _: Silent) -> Result<u32, LunoraError> {
    Ok(0)
}

fn send(_: &Mutation<'_>, _: Message) -> Result<Silent, LunoraError> {
    Ok(Silent {})
}

async fn digest(_: Action, _: Silent) -> Result<Silent, LunoraError> {
    Ok(Silent {})
}

lunora::shard! {
    struct Room;
    functions: {
        query "messages:list" => list,
        query "messages:count" => count,
        mutation "messages:send" => send,
        action "messages:digest" => digest,
        internal mutation "messages:sweep" => send,
    },
}

#[test]
fn types_that_can_tell_what_they_look_like_do() {
    let told: Vec<_> = Room::definition()
        .functions()
        .into_iter()
        .map(|info| (info.path, info.internal, info.args.is_some(), info.result.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("messages:count".to_owned(), false, false, true),
            ("messages:digest".to_owned(), false, false, false),
            ("messages:list".to_owned(), false, true, true),
            ("messages:send".to_owned(), false, true, false),
            ("messages:sweep".to_owned(), true, false, false),
        ]
    );
}

#[test]
fn a_document_looks_like_what_is_sent() {
    let list = Room::definition().functions().remove(2);
    let schema: serde_json::Value = serde_json::from_str(list.result.unwrap().get()).unwrap();
    let name = schema["items"]["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
    let document = &schema["$defs"][name];
    let mut required: Vec<_> = document["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    required.sort_unstable();
    assert_eq!(required, ["_creationTime", "_id", "text"]);
}

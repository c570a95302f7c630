//! The files of `lunora codegen client --rust`: they compile, and their types are those of the functions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use lunora::wire::value::Value as Wire;
use lunora_client::{Call, Client, Mutation, Query, value};
use serde::{Serialize, de::DeserializeOwned};

/// Written from the functions of `examples/chat`.
#[rustfmt::skip]
#[path = "chat/api.rs"]
mod chat;

/// Written from the types of `written.rs`.
#[rustfmt::skip]
#[path = "kinds/api.rs"]
mod kinds;

#[test]
fn a_call_has_the_types_of_its_function() {
    // A renamed field of the chat no longer compiles here.
    fn sent(client: &Client) -> Call<'_, Mutation, chat::MessageDocument> {
        client.mutation(chat::messages::SEND, &chat::Send { id: None, text: "hi".into() })
    }
    fn page(client: &Client) -> Call<'_, Query, chat::Page> {
        client.query(chat::messages::PAGE, &chat::Older::default())
    }
    let client = Client::new("https://chat.example.com").unwrap();
    let _ = (sent(&client), page(&client));
    assert_eq!(chat::messages::SEND.path(), "messages:send");
    assert_eq!(kinds::values::PUT.path(), "values:put");
}

/// Returns what the deployment answers with a value, as the client reads it and sends it again.
fn there_and_back<T: DeserializeOwned + Serialize>(text: &str) -> (T, Wire) {
    let answer = http::Response::new(format!("{{\"result\":{text}}}").into_bytes());
    let read: T = lunora_client::protocol::answer(&answer).unwrap().read().unwrap();
    let written = lunora_client::protocol::args(&read).unwrap();
    (read, Wire::from_wire(written.get()).unwrap())
}

#[test]
fn a_value_of_every_kind_goes_there_and_back() {
    let tag = "\"$lunora.wire$\"";
    let text = r#"{
        "bigNumber": [TAG,"bigint","18446744073709551615"], "signed": -5,
        "date": [TAG,"date",1700000000000], "bytes": [TAG,"bytes","AP8="], "big": [TAG,"bigint","-7"],
        "pair": [7,[TAG,"inf"]], "byName": {"a":1,"b":null}, "count": 3, "color": "red",
        "shape": {"Rectangle":{"width":1.5,"height":2}}, "event": {"type":"joined","user":"ada"},
        "either": "x", "tree": {"children":[{"children":[],"parent":null}],"parent":{"children":[],"parent":null}},
        "any": [TAG,"map",[["k",[TAG,"set",[1]]]]]
    }"#;
    let text = text.replace("TAG", tag);
    let (read, written) = there_and_back::<kinds::Everything>(&text);
    assert_eq!((read.big_number, read.signed), (u64::MAX, -5));
    assert_eq!(read.date, value::Date::from_millis(1_700_000_000_000.0));
    assert_eq!(read.bytes, Some(value::TypedBytes::from(vec![0, 255])));
    assert_eq!(read.pair, (7, f64::INFINITY));
    assert_eq!(read.color, kinds::Color::Red);
    assert!(matches!(&read.event, kinds::Event::Joined { user } if user == "ada"));
    let plain = |value: Wire| value.to_wire().unwrap().replace(",\"parent\":null", "");
    let mut there: serde_json::Value =
        serde_json::from_str(&plain(Wire::from_wire(&text).unwrap())).unwrap();
    let back: serde_json::Value = serde_json::from_str(&plain(written)).unwrap();
    there["either"] = "x".into();
    assert_eq!(back, there);
}

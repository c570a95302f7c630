//! The subscriptions that an operator lists.

use super::*;
use crate::{
    AdminToken, Identity, Request,
    shard::{Document, NoArgs, Query, ShardDefinition, Table, table, testing::TestShard},
};

const TOKEN: &str = "a-token-that-nobody-guesses";
const ITEMS: Table = table!("items");

fn list(
    ctx: &Query<'_>,
    _: NoArgs,
) -> Result<Vec<Document<crate::wire::value::Value>>, LunoraError> {
    ctx.db().table(ITEMS).collect()
}

fn upgrade(user: Option<&str>) -> Request {
    let mut request = Request::get("https://shard.internal/_lunora/ws")
        .with_header("authorization", "Bearer of-the-user");
    if let Some(user) = user {
        let identity = Identity::user(user).with_claim("email", "secret@app.test");
        identity.mint(request.headers_mut());
    }
    request
}

fn shard() -> TestShard {
    let functions =
        ShardDefinition::new().table(ITEMS).query("items:list", list).shape("items:all", list);
    TestShard::new(functions).admin_token(TOKEN)
}

fn listed(shard: &TestShard, args: &Value) -> Value {
    let (status, body) = shard.admin("listSubscriptions", args);
    assert_eq!(status, 200, "{body}");
    body["result"].clone()
}

#[test]
fn lists_the_subscriptions_of_each_socket_without_its_secrets() {
    let shard = shard();
    let object = LiveObject::new(shard.shard().clone(), Host::new(0));
    object.open("a", Socket::default(), &upgrade(Some("ada")), None);
    object.open("b", Socket::default(), &upgrade(None), None);
    let token = AdminToken::new(TOKEN).unwrap();
    object.open("c", Socket::default(), &upgrade(None), Some(gate::fingerprint(&token)));
    for frame in [
        json!({"type": "subscribe", "id": "q", "query": {"functionPath": "items:list", "args": {}}}),
        json!({"type": "shape_subscribe", "id": "s", "shape": {"name": "items:all", "args": {}}}),
    ] {
        object.message("a", &frame.to_string());
    }
    let page = listed(&shard, &json!({}));
    assert_eq!(
        page,
        json!({
            "sockets": [
                {"id": "a", "subject": "ada", "operator": false, "subscriptions": [
                    {"id": "q", "functionPath": "items:list", "args": {}, "shape": false},
                    {"id": "s", "functionPath": "items:all", "args": {}, "shape": true},
                ]},
                {"id": "b", "subject": null, "operator": false, "subscriptions": []},
                {"id": "c", "subject": null, "operator": true, "subscriptions": []},
            ],
            "cursor": null,
            "isDone": true,
        })
    );

    object.message("a", &json!({"type": "unsubscribe", "id": "q"}).to_string());
    object.closed("b");
    let page = listed(&shard, &json!({}));
    assert_eq!(page["sockets"].as_array().unwrap().len(), 2);
    assert_eq!(page["sockets"][0]["subscriptions"].as_array().unwrap().len(), 1);
}

#[test]
fn lists_every_socket_once_by_pages_also_those_that_hibernated() {
    let shard = shard();
    let _object = LiveObject::new(shard.shard().clone(), Host::new(120));
    for (limit, pages) in [(json!(50), 3), (json!(0), 120), (Value::Null, 2), (json!(1000), 2)] {
        let (mut seen, mut asked, mut cursor) = (Vec::new(), 0, Value::Null);
        loop {
            let page = listed(&shard, &json!({ "limit": limit, "cursor": cursor }));
            let sockets = page["sockets"].as_array().unwrap();
            seen.extend(sockets.iter().map(|socket| socket["id"].to_string()));
            asked += 1;
            assert_eq!(page["isDone"] == true, page["cursor"].is_null());
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((count, seen.len(), asked), (120, 120, pages), "{limit}");
    }
}

#[test]
fn lists_no_socket_of_a_shard_without_any() {
    let expected = json!({ "sockets": [], "cursor": null, "isDone": true });
    assert_eq!(listed(&shard(), &json!({})), expected);
}

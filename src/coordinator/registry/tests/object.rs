//! The server of the registry, alone and behind its client.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use futures::future::{FutureExt, ready};
use proptest::prelude::*;

use super::*;
use crate::{message::Request, platform::RegistryStorage};

#[derive(Clone, Default)]
struct Entries(Rc<RefCell<BTreeSet<String>>>);

impl RegistryStorage for Entries {
    fn insert<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        ready(Ok(self.0.borrow_mut().insert(entry.to_owned()))).boxed_local()
    }

    fn remove<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        ready(Ok(self.0.borrow_mut().remove(entry))).boxed_local()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, LunoraError>> {
        let entries = self.0.borrow();
        let found = entries.iter().filter(|entry| entry.starts_with(prefix));
        ready(Ok(found.cloned().collect())).boxed_local()
    }
}

fn ask(object: &ShardRegistryObject<Entries>, request: Request) -> (u16, String) {
    let (head, body) = block_on(object.fetch(request)).into_parts();
    let body = block_on(body.into_bytes(10_000)).unwrap();
    (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

fn url(path: &str) -> String {
    format!("https://shard-registry.internal{path}")
}

/// A client of a new registry.
fn client() -> DurableShardRegistry {
    let object = Rc::new(ShardRegistryObject::new(Entries::default()));
    let objects = MemoryNamespace::new(async move |_, request| object.fetch(request).await);
    DurableShardRegistry::new(objects).clock(ManualClock::new(0))
}

#[test]
fn answers_with_the_messages_that_clients_know() {
    let object = ShardRegistryObject::new(Entries::default());
    let entry = r#"{"table":" t ","shardKey":"\ta "}"#;
    for (request, answer) in [
        (Request::get(url("/list?table=t")), r#"{"shardKeys":[]}"#),
        (Request::get(url("/snapshot")), r#"{"tables":{}}"#),
        (Request::post(url("/register"), entry), r#"{"changed":true,"ok":true}"#),
        (Request::post(url("/register"), entry), r#"{"changed":false,"ok":true}"#),
        (Request::get(url("/list?table=+t")), r#"{"shardKeys":["\ta "]}"#),
        (Request::get(url("/snapshot")), r#"{"tables":{"t":["\ta "]}}"#),
        (Request::post(url("/unregister"), entry), r#"{"changed":true,"ok":true}"#),
        (Request::post(url("/unregister"), entry), r#"{"changed":false,"ok":true}"#),
        (Request::get(url("/snapshot")), r#"{"tables":{}}"#),
    ] {
        assert_eq!(ask(&object, request), (200, answer.to_owned()));
    }
}

#[test]
fn refuses_an_invalid_entry_and_stores_nothing() {
    let entries = Entries::default();
    let object = ShardRegistryObject::new(entries.clone());
    let long = format!(r#"{{"table":"{}","shardKey":"k"}}"#, "t".repeat(2048));
    for body in [
        "",
        "[]",
        r#"{"table":"t"}"#,
        r#"{"shardKey":"k"}"#,
        r#"{"table":"t","shardKey":""}"#,
        r#"{"table":"","shardKey":"k"}"#,
        r#"{"table":1,"shardKey":"k"}"#,
        r#"{"table":"t","shardKey":"a::relay::0"}"#,
        &long,
    ] {
        for path in ["/register", "/unregister"] {
            let (status, answer) = ask(&object, Request::post(url(path), body.to_owned()));
            assert_eq!(status, 400, "{body}");
            assert!(answer.starts_with(r#"{"error":{"code":"BAD_REQUEST","message":"#), "{answer}");
        }
    }
    assert!(entries.0.borrow().is_empty());
    assert_eq!(ask(&object, Request::get(url("/list"))).0, 400);
    assert_eq!(ask(&object, Request::get(url("/list?table=+"))).0, 400);
}

#[test]
fn knows_no_other_path_or_method() {
    let object = ShardRegistryObject::new(Entries::default());
    for request in [
        Request::get(url("/")),
        Request::get(url("/register")),
        Request::post(url("/list?table=t"), "{}"),
        Request::get(url("/list/")),
    ] {
        let (status, answer) = ask(&object, request);
        assert_eq!(
            (status, &*answer),
            (404, r#"{"error":{"code":"NOT_FOUND","message":"Not found"}}"#)
        );
    }
}

proptest! {
    /// Client and object together are a map of sets, for any names.
    #[test]
    fn what_is_registered_is_listed(
        entries in prop::collection::btree_set(
            ("[a-c:1]{1,3}|\\PC{1,8}", "[a-c:1]{1,3}|\\PC{1,8}"), 0..12),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let trimmed = |text: &str| !text.is_empty() && text.trim() == text;
        prop_assume!(entries.iter().all(|(table, key)| trimmed(table) && !key.is_empty()));
        let registry = client();
        let mut model = BTreeMap::<String, BTreeSet<ShardKey>>::new();
        for (table, key) in &entries {
            let key: ShardKey = key.parse().unwrap();
            prop_assert!(block_on(registry.register(table, &key)).unwrap());
            model.entry(table.clone()).or_default().insert(key);
        }
        for index in removed.iter().filter(|_| !entries.is_empty()) {
            let (table, key) = entries.iter().nth(index.index(entries.len())).unwrap();
            let key: ShardKey = key.parse().unwrap();
            let was_there = model.get_mut(table).is_some_and(|keys| keys.remove(&key));
            prop_assert_eq!(block_on(registry.unregister(table, &key)).unwrap(), was_there);
        }
        for (table, keys) in &model {
            let listed = block_on(registry.list_shard_keys(table)).unwrap();
            prop_assert_eq!(listed, keys.iter().cloned().collect::<Vec<_>>());
        }
        model.retain(|_, keys| !keys.is_empty());
        let listed: BTreeMap<_, BTreeSet<_>> = block_on(registry.snapshot()).unwrap()
            .into_iter().map(|(table, keys)| (table, keys.into_iter().collect())).collect();
        prop_assert_eq!(listed, model);
    }
}

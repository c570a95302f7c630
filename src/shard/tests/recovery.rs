//! Point-in-time recovery by the bookmarks of the platform.

use std::{cell::RefCell, rc::Rc};

use futures::{
    executor::block_on,
    future::{LocalBoxFuture, ready},
};

use super::*;
use crate::{
    Env, Request,
    platform::{
        ShardHost, ShardNamespace, SqlCell, SqlFailure, SqlRows,
        memory::{ManualClock, SqliteHost},
    },
};

const TOKEN: &str = "a-token-of-operators";

/// A host with bookmarks, which notes what it is asked.
struct Host {
    sqlite: Rc<SqliteHost>,
    asked: RefCell<Vec<String>>,
}

impl Host {
    fn answer<'a>(&self, asked: String, answer: &str) -> LocalBoxFuture<'a, Recovered> {
        self.asked.borrow_mut().push(asked);
        Box::pin(ready(Ok(Some(answer.to_owned()))))
    }
}

type Recovered = Result<Option<String>, LunoraError>;

impl ShardHost for Host {
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure> {
        self.sqlite.exec(sql, params)
    }
    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure> {
        self.sqlite.transaction(work)
    }
    fn database_bytes(&self) -> u64 {
        self.sqlite.database_bytes()
    }
    fn shard_key(&self) -> String {
        self.sqlite.shard_key()
    }
    fn now_ms(&self) -> u64 {
        self.sqlite.now_ms()
    }
    fn random_seed(&self) -> [u8; 32] {
        self.sqlite.random_seed()
    }
    fn bookmark(&self, at_ms: Option<u64>) -> LocalBoxFuture<'_, Recovered> {
        let bookmark = at_ms.map_or("now".to_owned(), |at_ms| format!("at {at_ms}"));
        self.answer(format!("bookmark {at_ms:?}"), &bookmark)
    }
    fn restore_bookmark<'a>(&'a self, bookmark: &'a str) -> LocalBoxFuture<'a, Recovered> {
        self.answer(format!("restore {bookmark}"), "undo")
    }
    fn restart(&self) {
        self.asked.borrow_mut().push("restart".to_owned());
    }
    fn var(&self, name: &str) -> Option<String> {
        (name == "LUNORA_ADMIN_TOKEN").then(|| TOKEN.to_owned())
    }
    fn env(&self) -> Option<&Env> {
        None
    }
    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError> {
        self.sqlite.namespace(binding)
    }
}

/// Runs an operation of an operator. Returns the answer, and what the host was asked.
fn ask(op: &str, args: &Value, token: &str) -> ((u16, Value), Vec<String>) {
    let sqlite = SqliteHost::new("a", ManualClock::new(0)).unwrap();
    let host = Rc::new(Host { sqlite, asked: RefCell::default() });
    let shard = Shard::new(host.clone(), definition());
    let body = json!({ "functionPath": format!("__lunora_admin__:{op}"), "args": args });
    let request = Request::post("https://shard.internal/rpc", body.to_string())
        .with_header("authorization", format!("Bearer {token}"));
    let (head, body) = block_on(shard.fetch(request)).into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    ((head.status.as_u16(), serde_json::from_slice(&body).unwrap()), host.asked.take())
}

#[test]
fn a_bookmark_is_that_of_now_or_of_a_time() {
    for (args, bookmark, asked) in [
        (json!({}), "now", "bookmark None"),
        (
            json!({ "time": 1_700_000_000_000_u64 }),
            "at 1700000000000",
            "bookmark Some(1700000000000)",
        ),
    ] {
        let (answer, host) = ask("getPitrBookmark", &args, TOKEN);
        assert_eq!(answer, (200, json!({ "result": bookmark })));
        assert_eq!(host, [asked]);
    }
}

#[test]
fn a_restore_names_its_bookmark_and_that_of_before_and_restarts_the_object() {
    for (args, restored, asked) in [
        (json!({ "bookmark": "b" }), "b", vec!["restore b", "restart"]),
        (json!({ "bookmark": "b", "restart": false }), "b", vec!["restore b"]),
        (json!({ "time": 5 }), "at 5", vec!["bookmark Some(5)", "restore at 5", "restart"]),
    ] {
        let (answer, host) = ask("pitrRestore", &args, TOKEN);
        let restarted = args.get("restart").is_none();
        let expected =
            json!({ "restoredTo": restored, "undoBookmark": "undo", "restarted": restarted });
        assert_eq!(answer, (200, json!({ "result": expected })), "{args}");
        assert_eq!(host, asked);
    }
}

#[test]
fn a_restore_without_the_token_or_without_one_target_asks_the_platform_nothing() {
    for (args, token, code) in [
        (json!({ "bookmark": "b" }), "another", (403, "ADMIN_FORBIDDEN")),
        (json!({}), TOKEN, (400, "BAD_REQUEST")),
        (json!({ "bookmark": "b", "time": 5 }), TOKEN, (400, "BAD_REQUEST")),
        (json!({ "bookmark": "" }), TOKEN, (400, "BAD_REQUEST")),
        (json!({ "time": "yesterday" }), TOKEN, (400, "BAD_REQUEST")),
    ] {
        let (answer, host) = ask("pitrRestore", &args, token);
        assert_eq!((answer.0, answer.1["error"]["code"].as_str().unwrap()), code, "{args}");
        assert_eq!(host, [""; 0]);
    }
}

#[test]
fn a_platform_without_bookmarks_is_501() {
    let shard = TestShard::new(definition()).admin_token(TOKEN);
    for (op, args) in [("getPitrBookmark", json!({})), ("pitrRestore", json!({ "time": 5 }))] {
        let answer = shard.admin(op, &args);
        assert_eq!(
            (answer.0, &answer.1["error"]["code"]),
            (501, &json!("NOT_IMPLEMENTED")),
            "{op}"
        );
    }
}

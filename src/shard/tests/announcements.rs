//! A shard is in the registry before its first row is committed, and never without rows.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::{Response, testing::MemoryNamespace};

const TOKEN: &str = "correct-horse-battery-staple";

/// A registry that records announcements, with the number of the shard's rows at that time.
#[derive(Clone, Default)]
struct Registry {
    entries: Rc<RefCell<Vec<(String, String)>>>,
    down: Rc<std::cell::Cell<bool>>,
}

impl Registry {
    fn bind(&self, room: &TestShard) {
        self.bind_as("REGISTRY", room);
    }

    fn bind_as(&self, binding: &str, room: &TestShard) {
        let registry = self.clone();
        let objects = MemoryNamespace::new(async move |_, mut request| {
            if registry.down.get() {
                return Response::empty().with_status(503);
            }
            let body: Value = request.json(4096).await.unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            registry.entries.borrow_mut().push((text("table"), text("shardKey")));
            Response::raw_json(r#"{"changed":true,"ok":true}"#)
        });
        room.set_namespace(binding, objects);
    }

    fn take(&self) -> Vec<(String, String)> {
        self.entries.take()
    }
}

fn silent(_: &Mutation<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    Ok(1)
}

fn refuses_after_a_write(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    ctx.db().insert(MESSAGES, message("a", "b"))?;
    Err(LunoraError::bad_request("no"))
}

async fn act(_: Action, _: NoArgs) -> Result<(), LunoraError> {
    Ok(())
}

async fn act_and_send(ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
    ctx.run_mutation::<Value>("messages:send", &message("ada", "from an action")).map(drop)
}

fn announcing() -> ShardDefinition {
    definition()
        .mutation("messages:silent", silent)
        .mutation("messages:refuse", refuses_after_a_write)
        .action("messages:act", act)
        .action("messages:actAndSend", act_and_send)
        .registry("REGISTRY")
}

fn both(key: &str) -> Vec<(String, String)> {
    ["messages", "notes"].map(|table| (table.to_owned(), key.to_owned())).to_vec()
}

fn world(key: &str) -> (TestShard, Registry) {
    let (room, registry) = (TestShard::named(key, announcing()), Registry::default());
    registry.bind(&room);
    (room.admin_token(TOKEN), registry)
}

fn row() -> Value {
    json!({ "table": "notes", "doc": { "_id": "n1", "text": "x" } })
}

/// Returns every request that can write the first row of the shard.
fn first_writes() -> Vec<(&'static str, &'static str, Value)> {
    let call = |path: &str, args: Value| json!({ "functionPath": path, "args": args });
    let admin = |op: &str, args: Value| call(&format!("__lunora_admin__:{op}"), args);
    let change = json!({ "table": "notes", "id": "n1", "op": "insert", "doc": { "_id": "n1" } });
    let insert = json!({ "table": "notes", "op": "insert", "doc": { "text": "x" } });
    vec![
        ("a mutation", "/rpc", call("messages:send", json!(message("ada", "x")))),
        ("an action", "/rpc", call("messages:actAndSend", json!({}))),
        (
            "a batch",
            "/rpc-batch",
            json!({ "calls": [
                call("messages:list", json!({})),
                call("messages:silent", json!({})),
                call("messages:send", json!(message("ada", "x"))),
                call("messages:send", json!(message("ada", "y"))),
            ]}),
        ),
        ("writeRow", "/rpc", admin("writeRow", insert)),
        ("importShard", "/rpc", admin("importShard", json!({ "rows": [row()] }))),
        ("applyCdc", "/rpc", admin("applyCdc", json!({ "changes": [change] }))),
    ]
}

fn rows(room: &TestShard) -> u64 {
    room.shard().cursor().unwrap()
}

#[test]
fn the_registry_has_the_shard_before_its_first_row_however_it_comes() {
    for (way, path, body) in first_writes() {
        let (room, registry) = world(" room ");
        registry.down.set(true);
        let (status, answer) = room.post(path, body.to_string());
        if path == "/rpc" {
            assert_eq!(
                (status, &answer["error"]["code"]),
                (503, &json!("SHARD_UNAVAILABLE")),
                "{way}"
            );
        } else {
            assert_eq!(answer["results"][0]["status"], 200, "{way}: {answer}");
            assert_eq!(answer["results"][2]["status"], 503, "{way}: {answer}");
        }
        assert_eq!(rows(&room), 0, "{way}: a row was committed unannounced");

        registry.down.set(false);
        let (status, answer) = room.post(path, body.to_string());
        assert_eq!(status, 200, "{way}: {answer}");
        assert_eq!(registry.take(), both(" room "), "{way}");
        assert!(rows(&room) > 0, "{way}: {answer}");

        // Once in the life of the object, and not once per wake.
        let again = room.wake(announcing());
        again.call::<Value>("messages:send", &message("ada", "again")).unwrap();
        assert_eq!(registry.take(), [], "{way}");
    }
}

#[test]
fn a_shard_that_forgot_its_announcement_announces_itself_again() {
    let (room, registry) = world("room");
    room.call::<Value>("messages:send", &message("ada", "x")).unwrap();
    assert_eq!(registry.take(), both("room"));
    // With rows, its next call does.
    assert_eq!(room.admin("forgetAnnouncement", &json!({})).0, 200);
    assert_eq!(registry.take(), []);
    assert_eq!(room.admin("listTables", &json!({})).0, 200);
    assert_eq!(registry.take(), both("room"));
    // Without rows, its first row does, and no earlier call.
    assert_eq!(room.admin("clearTable", &json!({ "table": "messages" })).0, 200);
    assert_eq!(room.admin("forgetAnnouncement", &json!({})).0, 200);
    let room = room.wake(announcing());
    assert_eq!(room.admin("listTables", &json!({})).0, 200);
    assert_eq!(registry.take(), []);
    room.call::<Value>("messages:send", &message("ada", "y")).unwrap();
    assert_eq!(registry.take(), both("room"));
    assert_eq!(room.admin("listTables", &json!({})).0, 200);
    assert_eq!(registry.take(), []);
}

#[test]
fn a_call_that_commits_nothing_is_not_announced() {
    let (room, registry) = world("room");
    let missing = json!({ "table": "notes", "op": "delete", "id": "n1" });
    let clear = json!({ "table": "notes" });
    for (path, args, status) in [
        ("messages:list", json!({}), 200),
        ("messages:silent", json!({}), 200),
        ("messages:refuse", json!({}), 400),
        ("messages:send", json!({ "text": 7 }), 400),
        ("messages:nonsense", json!({}), 404),
        ("__lunora_admin__:writeRow", missing, 404),
        ("__lunora_admin__:clearTable", clear, 200),
        (
            "__lunora_admin__:importShard",
            json!({ "rows": [{ "table": "nonsense", "doc": {} }] }),
            200,
        ),
        ("__lunora_admin__:applyCdc", json!({ "changes": [] }), 200),
        ("__lunora_admin__:listTables", json!({}), 200),
        ("__lunora_admin__:exportShard", json!({}), 200),
    ] {
        let with_id = room.with_header("x-lunora-mutation-id", path);
        let (seen, answer) = with_id.answer(path, &args);
        assert_eq!(seen, status, "{path}: {answer}");
        assert_eq!(registry.take(), [], "{path}");
    }
}

#[test]
fn the_first_write_commits_and_announces_once() {
    let (room, registry) = world("room");
    let commits = Rc::new(std::cell::Cell::new(0));
    let counted = commits.clone();
    room.shard().on_commit(move |_| counted.set(counted.get() + 1));
    let sender = room.user("ada").with_header("x-lunora-mutation-id", "m1");
    let first = sender.answer("messages:send", &message("ada", "x"));
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(sender.answer("messages:send", &message("ada", "x")), first, "a replay");
    assert_eq!((rows(&room), commits.get()), (1, 1));
    assert_eq!(registry.take(), both("room"));
    let metrics = room.admin("getMetrics", &json!({})).1;
    assert_eq!(metrics["result"]["functions"]["messages:send"]["calls"], 2, "{metrics}");
    assert_eq!(metrics["result"]["functions"]["messages:send"]["errors"], 0, "{metrics}");
}

#[test]
fn an_action_is_announced_before_it_runs_and_runs_without_the_registry() {
    let (room, registry) = world("room");
    registry.down.set(true);
    assert_eq!(room.answer("messages:act", &NoArgs {}).0, 200);
    registry.down.set(false);
    assert_eq!(room.answer("messages:act", &NoArgs {}).0, 200);
    assert_eq!(registry.take(), both("room"));
    assert_eq!(room.answer("messages:act", &NoArgs {}).0, 200);
    assert_eq!(registry.take(), []);
}

#[test]
fn a_refused_write_of_an_action_leaves_nothing_for_the_next_call() {
    let (room, registry) = world("room");
    let runs = Rc::new(std::cell::Cell::new(0_u32));
    registry.down.set(true);
    assert_eq!(room.answer("messages:actAndSend", &NoArgs {}).0, 503);
    registry.down.set(false);
    let commits = runs.clone();
    room.shard().on_commit(move |_| commits.set(commits.get() + 1));
    let numbered = room
        .user("ada")
        .with_header("x-lunora-client-id", "c")
        .with_header("x-lunora-client-seq", "1");
    assert_eq!(numbered.answer("messages:silent", &NoArgs {}).1["result"], 1);
    assert_eq!((registry.take(), runs.get()), (Vec::new(), 0));
}

#[test]
fn a_shard_with_rows_is_announced_with_its_next_call_of_any_kind() {
    let calls = [
        ("messages:list", json!({})),
        ("messages:silent", json!({})),
        ("messages:act", json!({})),
        ("messages:send", json!(message("ada", "y"))),
        ("__lunora_admin__:exportShard", json!({})),
        ("__lunora_admin__:getMetrics", json!({})),
    ];
    for (path, args) in calls {
        // The registry came with a later deployment.
        let old = TestShard::named("old", definition()).admin_token(TOKEN);
        old.call::<Value>("messages:send", &message("ada", "x")).unwrap();
        let (room, registry) = (old.wake(announcing()), Registry::default());
        registry.bind(&room);
        registry.down.set(true);
        let writes = path == "messages:send";
        assert_eq!(room.answer(path, &args).0, if writes { 503 } else { 200 }, "{path}");
        assert_eq!(rows(&room), 1, "{path}");
        registry.down.set(false);
        assert_eq!(room.answer(path, &args).0, 200, "{path}");
        assert_eq!(registry.take(), both("old"), "{path}");
        assert_eq!(room.wake(announcing()).answer(path, &args).0, 200, "{path}");
        assert_eq!(registry.take(), [], "{path}");
    }
}

#[test]
fn a_migration_of_a_shard_that_cannot_be_announced_is_not_marked_as_failed() {
    let upgrade = |definition: ShardDefinition| {
        definition.migration("m1", MESSAGES, |mut old: Message| {
            old.text.push('!');
            Ok::<_, LunoraError>(Some(old))
        })
    };
    let old = TestShard::named("old", definition()).admin_token(TOKEN);
    old.call::<Value>("messages:send", &message("ada", "x")).unwrap();
    let (room, registry) = (old.wake(upgrade(announcing())), Registry::default());
    registry.bind(&room);
    registry.down.set(true);
    assert_eq!(room.admin("runMigration", &json!({ "id": "m1" })).0, 503);
    registry.down.set(false);
    let (status, answer) = room.admin("runMigration", &json!({ "id": "m1" }));
    assert_eq!((status, &answer["result"]["status"]), (200, &json!("completed")), "{answer}");
    assert_eq!(answer["result"]["changed"], 1, "{answer}");
    assert_eq!(registry.take(), both("old"));
}

#[test]
fn a_new_table_or_registry_is_announced_again() {
    let (room, registry) = world("room");
    room.call::<Value>("messages:send", &message("ada", "x")).unwrap();
    registry.take();
    const EXTRA: Table = table!("extra");
    let more = || announcing().table(EXTRA);
    let woken = room.wake(more());
    woken.call::<Value>("messages:list", &NoArgs {}).unwrap();
    assert_eq!(registry.take().len(), 3);
    let moved = room.wake(more().registry("OTHER"));
    let other = Registry::default();
    other.bind_as("OTHER", &moved);
    moved.call::<Value>("messages:list", &NoArgs {}).unwrap();
    assert_eq!((registry.take().len(), other.take().len()), (0, 3));
}

#[test]
fn a_shard_under_test_needs_no_registry_of_its_own() {
    let room = TestShard::new(announcing());
    room.call::<Value>("messages:send", &message("ada", "x")).unwrap();
    room.wake(announcing()).call::<Value>("messages:send", &message("ada", "y")).unwrap();
}

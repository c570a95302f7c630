//! Calls without the right to be served run no statement and reach no registry.

use std::{cell::Cell, rc::Rc};

use super::*;
use crate::{Identity, Response, shard::testing::TestShard, testing::MemoryNamespace};

const TOKEN: &str = "correct-horse-battery-staple";

const OPERATIONS: [&str; 15] = [
    "applyCdc",
    "cdcSync",
    "clearTable",
    "deleteRows",
    "exportShard",
    "forgetAnnouncement",
    "getMetrics",
    "importShard",
    "listTables",
    "migrationStatus",
    "rankBefore",
    "rankPage",
    "readTablePage",
    "runMigration",
    "writeRow",
];

fn internal(_: &Query<'_>, _: NoArgs) -> Result<(), LunoraError> {
    Ok(())
}

async fn act(_: Action, _: NoArgs) -> Result<(), LunoraError> {
    Ok(())
}

/// Returns a shard that was never opened, and the number of entries in its registry.
fn fresh() -> (TestShard, Rc<Cell<u32>>) {
    let definition = definition()
        .internal_query("messages:internal", internal)
        .action("messages:act", act)
        .relation("notes", list_notes)
        .registry("REGISTRY");
    let (room, entries) = (TestShard::new(definition), Rc::new(Cell::new(0)));
    let counted = entries.clone();
    room.set_namespace(
        "REGISTRY",
        MemoryNamespace::new(async move |_, _| {
            counted.set(counted.get() + 1);
            Response::raw_json(r#"{"changed":true,"ok":true}"#)
        }),
    );
    room.host().set_var("LUNORA_ADMIN_TOKEN", TOKEN);
    (room, entries)
}

/// Returns callers by name, and whether each holds the admin token.
fn callers(room: &TestShard) -> Vec<(&'static str, TestShard, bool)> {
    let now = 1_700_000_000_000;
    let ada = || Identity::user("ada");
    let bearer = |token: &str| room.with_header("authorization", &format!("Bearer {token}"));
    vec![
        ("anonymous", room.clone(), false),
        ("wrong token", bearer("wrong"), false),
        ("empty token", bearer(""), false),
        ("user", room.user("ada"), false),
        ("system", room.system(), false),
        ("expired user", room.identity(ada().expires_at_ms(now)), false),
        ("user whose expiry is negative", room.identity(ada().with_claim("exp", -1)), false),
        ("unreadable expiry", room.with_header("x-lunora-identity-exp", "soon"), false),
        ("operator", bearer(TOKEN), true),
    ]
}

#[test]
fn a_call_without_the_right_runs_no_statement_and_registers_nothing() {
    let mut paths: Vec<(String, bool)> =
        OPERATIONS.iter().map(|op| (format!("__lunora_admin__:{op}"), true)).collect();
    for unknown in [
        "__lunora_admin__:",
        "__lunora_admin__:nonsense",
        "__lunora_relation__:",
        "__lunora_relation__:nonsense",
        "messages:nonsense",
        "nonsense",
        "",
    ] {
        paths.push((unknown.to_owned(), false));
    }
    for (path, exists) in &paths {
        let (room, entries) = fresh();
        for (name, caller, operator) in callers(&room) {
            if *exists && operator {
                continue;
            }
            let (status, body) = caller.answer(path, &json!({ "table": "messages" }));
            assert!([401, 403, 404].contains(&status), "{name} {path}: {status} {body}");
            let call = json!({ "functionPath": path });
            let (_, body) = caller.post("/rpc-batch", json!({ "calls": [call] }).to_string());
            let slot = &body["results"][0]["status"];
            assert!(*slot != 200, "{name} {path}: {body}");
            assert!(caller.run_query(path, &json!({})).is_err(), "{name} {path}");
            assert_eq!(room.host().statements(), 0, "{name} {path}");
            assert_eq!(entries.get(), 0, "{name} {path}");
        }
    }
}

#[test]
fn an_expired_caller_of_a_function_of_any_kind_runs_no_statement() {
    for path in ["messages:list", "messages:send", "messages:act", "__lunora_relation__:notes"] {
        let (room, entries) = fresh();
        for (name, caller, _) in callers(&room) {
            if !name.contains("expire") && !name.contains("expiry") {
                continue;
            }
            let (status, body) = caller.answer(path, &json!({ "text": "x" }));
            assert_eq!((status, &*body["error"]["code"].to_string()), (401, "\"TOKEN_EXPIRED\""));
            let call = json!({ "functionPath": path });
            let batch = caller.post("/rpc-batch", json!({ "calls": [call] }).to_string());
            assert_eq!(batch.0, 401, "{name} {path}");
            assert_eq!(room.host().statements(), 0, "{name} {path}");
            assert_eq!(entries.get(), 0, "{name} {path}");
        }
    }
}

#[test]
fn an_internal_function_is_unknown_to_others_than_the_server() {
    let (room, entries) = fresh();
    for (name, caller, _) in callers(&room) {
        if name != "system" {
            assert!(caller.answer("messages:internal", &NoArgs {}).0 >= 400, "{name}");
        }
    }
    assert_eq!((room.host().statements(), entries.get()), (0, 0));
    assert_eq!(room.system().answer("messages:internal", &NoArgs {}).0, 200);
}

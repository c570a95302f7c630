//! Queries across shards, and where imported rows go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc};

use futures::executor::block_on;
use lunora::{
    AdminToken, Request, Response,
    coordinator::{QueryCoordinator, RetryPolicy, Sharding, StaticShardRegistry},
    functions::{FunctionInfo, FunctionKind},
    platform::{NoopExecutionContext, ShardCallError},
    shard::prelude::*,
    testing::{self, ManualClock, MemoryEnvironment, MemoryNamespace},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
struct Note {
    folder: String,
}

const NOTES: Table<Note> = table!("notes").shard_by("folder");
const DRAFTS: Table<Note> = table!("drafts").shard_by("folder");

lunora::shard! {
    /// Notes, by their folder.
    pub struct Folder;
    tables: [NOTES, DRAFTS],
    functions: { query "notes:count" => count },
}

fn count(ctx: &Query<'_>, _args: NoArgs) -> Result<usize, lunora::LunoraError> {
    Ok(ctx.db().table(NOTES).collect()?.len())
}

#[test]
fn imports_each_row_into_the_shard_that_its_table_declares() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let shards = MemoryNamespace::new({
        let asked = asked.clone();
        async move |address, _request| {
            asked.borrow_mut().push(address.key.to_string());
            Response::raw_json(r#"{"result":{"inserted":{"notes":1},"conflicts":0,"errors":[]}}"#)
        }
    });
    let app = testing::builder()
        .sharding(Sharding::new().by("drafts", "_id"))
        .shard_do(Folder::shards(shards))
        .admin_token(AdminToken::new("correct-horse-battery-staple").unwrap())
        .query_coordinator(
            QueryCoordinator::new(StaticShardRegistry::new()).clock(ManualClock::new(0)),
        )
        .build();
    let lines = [
        r#"{"table":"notes","doc":{"_id":"1","folder":"inbox"}}"#,
        r#"{"table":"notes","doc":{"_id":"2","folder":"work"}}"#,
        r#"{"table":"drafts","doc":{"_id":"3","folder":"inbox"}}"#,
        r#"{"table":"loose","doc":{"_id":"4"}}"#,
    ];
    let request = Request::post("https://app.test/_lunora/admin/import", lines.join("\n"))
        .with_header("authorization", "Bearer correct-horse-battery-staple");
    let answer = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    let (head, body) = answer.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&body));
    let mut asked = asked.take();
    asked.sort();
    asked.dedup();
    // What the application says of a table counts more than what the table says of itself.
    assert_eq!(asked, ["3", "__root__", "inbox", "work"]);
}

/// Asks two shards, each of which answers `answer`; the first attempt on `a` fails if `moves`.
fn across(
    coordinator: impl FnOnce(QueryCoordinator) -> QueryCoordinator,
    (path, merge): (&str, &str),
    answer: &'static str,
    moves: bool,
) -> serde_json::Value {
    let shards = MemoryNamespace::new(async move |_, _| Response::raw_json(answer));
    if moves {
        shards.shard("a").fails_once(|key| ShardCallError::unavailable(key, "moving").retryable());
    }
    let clock = ManualClock::new(0);
    let registry = StaticShardRegistry::new().table("notes", ["a", "b"]).unwrap();
    let app = testing::builder()
        .shard_do(shards)
        .query_coordinator(coordinator(QueryCoordinator::new(registry).clock(clock.clone())))
        .functions(vec![
            FunctionInfo::new("notes:count", FunctionKind::Query),
            FunctionInfo::new("notes:sweep", FunctionKind::Mutation),
        ])
        .authorize_fan_out(async |_| true)
        .build();
    let body = format!(
        r#"{{"functionPath":"{path}","args":{{"table":"notes"}},"fanOut":{{"table":"notes","merge":{merge}}}}}"#
    );
    let request = Request::post("https://app.test/_lunora/rpc", body);
    let env = MemoryEnvironment::new();
    let answer = block_on(clock.run(app.fetch(request, &env, &NoopExecutionContext)));
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&block_on(answer.into_parts().1.into_bytes(usize::MAX)).unwrap())
        .unwrap()
}

#[test]
fn merges_the_results_of_ordinary_queries() {
    let merged =
        |merge, answer| across(|it| it, ("notes:count", merge), answer, false)["data"].clone();
    assert_eq!(merged(r#"{"kind":"sum"}"#, r#"{"result":2,"commitCursor":9}"#), 4);
    assert_eq!(
        merged(r#"{"kind":"topK","k":3,"by":"n"}"#, r#"{"result":[{"n":1},{"n":5}]}"#),
        serde_json::json!([{ "n": 5 }, { "n": 5 }, { "n": 1 }])
    );
    // A shard that answers a bare value, as for a relation read.
    assert_eq!(merged(r#"{"kind":"max"}"#, "7"), 7);
}

#[test]
fn merges_the_answer_of_a_relation_read_as_it_is() {
    let relation = ("__lunora_relation__:notes", r#"{"kind":"first"}"#);
    let answer = across(|it| it, relation, r#"{"result":"a field"}"#, false);
    assert_eq!(answer["data"], serde_json::json!({ "result": "a field" }));
}

#[test]
fn merges_whole_answers_where_the_coordinator_says_so() {
    let first = ("notes:count", r#"{"kind":"first"}"#);
    let answer = across(QueryCoordinator::merge_whole_answers, first, r#"{"result":2}"#, false);
    assert_eq!(answer["data"], serde_json::json!({ "result": 2 }));
}

#[test]
fn repeats_a_listed_query_and_no_other_function() {
    let ask = |path| {
        let retry = |it: QueryCoordinator| it.retry(RetryPolicy::retries(1));
        across(retry, (path, r#"{"kind":"sum"}"#), r#"{"result":1}"#, true)["data"].clone()
    };
    assert_eq!(ask("notes:count"), 2);
    assert_eq!(ask("notes:sweep"), 1);
    assert_eq!(ask("notes:unknown"), 1);
}

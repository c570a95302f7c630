//! Where imported rows go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc};

use futures::executor::block_on;
use lunora::{
    AdminToken, Request, Response,
    coordinator::{QueryCoordinator, Sharding, StaticShardRegistry},
    platform::NoopExecutionContext,
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

//! NDJSON: its lines, and rows that are imported.

use futures::{executor::block_on, stream};
use lunora::{
    AdminToken, Response,
    coordinator::{ImportTarget, QueryCoordinator, ShardAdmin, Sharding, StaticShardRegistry},
    parsers,
    testing::{ManualClock, MemoryNamespace},
};

pub(super) const TOKENS: &[&str] = &[
    "{\"table\":\"messages\",\"doc\":{}}",
    "\n",
    "\r\n",
    "\"table\":",
    "\"doc\":",
    "\"shardKey\":\"k\"",
    "\"channel\":\"a\"",
    "{\"$end\":{\"rows\":1,\"sha256\":\"",
    "\"$auth\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "\"",
    "::relay::",
    "\\u0000",
    "1e400",
    "7",
];

/// The lines are those of the whole text, wherever it is cut.
pub(super) fn lines(input: &[u8]) -> bool {
    let mut expected: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    if expected.last().is_some_and(|last| last.is_empty()) {
        expected.pop();
    }
    let expected: Vec<_> =
        (1..).zip(expected.into_iter().map(|line| Some(line.to_vec()))).collect();
    for size in [1, 7, input.len().max(1)] {
        assert_eq!(parsers::lines(input.chunks(size)), expected, "pieces of {size} bytes");
    }
    true
}

/// The report is the same wherever the body is cut, and counts every line.
pub(super) fn import(input: &[u8]) -> bool {
    let whole = report(input, input.len().max(1));
    assert_eq!(report(input, 3), whole, "another report in pieces");
    whole
        .get("inserted")
        .and_then(|tables| tables.as_object())
        .is_some_and(|tables| !tables.is_empty())
}

fn report(input: &[u8], size: usize) -> serde_json::Value {
    let shards = MemoryNamespace::new(async |_, _| {
        Response::raw_json(r#"{"result":{"conflicts":0,"errors":[],"inserted":{"messages":1}}}"#)
    });
    let Ok(token) = AdminToken::new("a-token-for-this-run-alone-0123456789") else {
        unreachable!("the token is long enough")
    };
    let coordinator = QueryCoordinator::new(StaticShardRegistry::new()).clock(ManualClock::new(0));
    let admin = ShardAdmin::new(coordinator, shards, &token);
    let target = ImportTarget::Sharding(Sharding::new().by("messages", "channel"));
    let pieces: Vec<_> = input.chunks(size).map(|piece| Ok(piece.to_vec().into())).collect();
    let body = lunora::Body::from_stream(stream::iter(pieces));
    let report = block_on(admin.import(body, &target));
    let Ok(report) = report else { unreachable!("the body is whole: {report:?}") };
    serde_json::to_value(report).unwrap_or_default()
}

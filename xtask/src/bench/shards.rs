//! `cargo xtask bench shards`: what a call costs at a shard, beside a shard written by hand.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    contenders::{Contender, Row, SHARDS, post},
    load,
    measure::{HEAD, Options, Server, warm_up},
    report,
    workerd::Workerd,
};

/// What every shard holds before the first call.
const MESSAGES: usize = 10_000;
const CHANNELS: usize = 100;
const SEEDED_AT_ONCE: usize = 500;

/// The channel that the measured mutation writes to, which is empty before each round.
const WRITTEN: &str = "written";

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Constant,
    OneDocument,
    List,
    /// The same list, as the text that is stored.
    Stored,
    ByIndex,
    Mutation,
    /// A page of an export, as an operator asks for it.
    Export,
}

const CALLS: [Call; 7] = [
    Call::Constant,
    Call::OneDocument,
    Call::List,
    Call::Stored,
    Call::ByIndex,
    Call::Mutation,
    Call::Export,
];

/// The documents on a page of an export.
const EXPORTED: usize = 500;

/// A row of the table of shards.
struct ShardRow {
    call: Call,
    connections: usize,
}

/// Runs the table.
///
/// # Errors
/// When something cannot be built or started, or the contenders answer differently.
pub(crate) fn run(options: &Options) -> Result<()> {
    let rows = CALLS
        .into_iter()
        .flat_map(|call| [1, 32].map(|connections| ShardRow { call, connections }));
    let rows = options.rows(rows.collect())?;
    let servers = options.serve(&SHARDS)?;
    for (contender, server) in &servers {
        seed(server).with_context(|| format!("{}: seeding", contender.name))?;
    }
    for call in CALLS {
        compare(&ShardRow { call, connections: 1 }, &servers)?;
    }
    compare_refusals(&servers)?;
    for row in rows.iter().filter(|row| row.connections == rows[0].connections) {
        for server in &servers {
            warm_up(row, 10_000, server)?;
        }
    }
    let table = options.measure(&rows, &servers)?;
    if options.write {
        let Options { rounds, milliseconds, .. } = options;
        let section = format!(
            "`cargo xtask bench shards`, {rounds} rounds of {milliseconds} ms. Each contender is a Worker and the class of\n\
             its shards, on disk, with {MESSAGES} documents in the same tables, and a change log. The first lines of\n\
             `bench/contenders/room.mjs` say what the shard by hand leaves out. Every document that a mutation inserts\n\
             is deleted after the round. Calls of (d) go by RPC.\n\n\
             {HEAD}{table}"
        );
        report::write("Shards", &section)?;
    }
    Ok(())
}

impl Row for ShardRow {
    fn name(&self) -> String {
        let name = match self.call {
            Call::Constant => "no document",
            Call::OneDocument => "one document",
            Call::List => "50 documents",
            Call::Stored => "50 documents, as stored",
            Call::ByIndex => "by an index",
            Call::Mutation => "a mutation",
            Call::Export => "500 documents of an export",
        };
        name.to_owned()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn address(&self, server: &Workerd) -> SocketAddr {
        server.address()
    }

    fn request(&self, _contender: &Contender) -> Option<Vec<u8>> {
        let (path, args) = match self.call {
            Call::Constant => ("messages:constant", json!({})),
            Call::OneDocument => ("messages:get", json!({ "id": id(MESSAGES / 2) })),
            Call::List => ("messages:list", json!({ "limit": 50 })),
            Call::Stored => ("messages:stored", json!({ "limit": 50 })),
            Call::ByIndex => ("messages:newest", json!({ "channel": channel(7), "limit": 10 })),
            Call::Mutation => ("messages:send", json!({ "channel": WRITTEN, "text": text(0) })),
            Call::Export => (
                "__lunora_admin__:exportShard",
                json!({ "cursor": null, "batchSize": EXPORTED, "maxBytes": 1_048_576, "tables": ["messages"] }),
            ),
        };
        Some(request(path, &args))
    }

    fn undo(&self, server: &Workerd) -> Result<()> {
        if self.call != Call::Mutation {
            return Ok(());
        }
        while call(server, "messages:clear", &json!({ "channel": WRITTEN }))? != json!(0) {}
        Ok(())
    }
}

/// Stores the documents by mutations of the contender itself.
fn seed(server: &Workerd) -> Result<()> {
    for first in (0..MESSAGES).step_by(SEEDED_AT_ONCE) {
        let message = |n| json!({ "id": id(n), "channel": channel(n % CHANNELS), "text": text(n) });
        let messages: Vec<_> = (first..first + SEEDED_AT_ONCE).map(message).collect();
        call(server, "messages:seed", &json!({ "messages": messages }))?;
    }
    Ok(())
}

fn id(n: usize) -> String {
    format!("message-{n:05}")
}

fn channel(n: usize) -> String {
    format!("channel-{n:02}")
}

/// A text with which a document has about 200 bytes.
fn text(n: usize) -> String {
    format!("{n:05} the quick brown fox jumps over the lazy dog and says \"hello\" to the café")
}

fn request(path: &str, args: &Value) -> Vec<u8> {
    let body = json!({ "functionPath": path, "args": args, "shardKey": "room" });
    post("/_lunora/rpc", &body.to_string())
}

/// Returns the result of one call.
fn call(server: &Workerd, path: &str, args: &Value) -> Result<Value> {
    let (status, body) = load::ask(server.address(), request(path, args))?;
    ensure!(status == 200, "{path}: {status} {body}");
    Ok(serde_json::from_str::<Value>(&body)?["result"].take())
}

/// Checks that every contender answers a row alike.
fn compare(row: &ShardRow, servers: &[Server<'_>]) -> Result<()> {
    let mut first: Option<Value> = None;
    for (contender, server) in servers {
        let request = row.request(contender).context("every contender knows every row")?;
        let (status, body) = load::ask(server.address(), request)?;
        row.undo(server)?;
        let mut answer: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        hide(&mut answer);
        ensure!(
            status == row.status() && is_whole(row.call, &answer["result"]),
            "{}: {}: {status} {body}",
            contender.name,
            row.name()
        );
        match &first {
            Some(first) => ensure!(
                *first == answer,
                "{}: {}: {answer} instead of {first}",
                contender.name,
                row.name()
            ),
            None => first = Some(answer),
        }
    }
    Ok(())
}

/// Whether a result has as much as was asked for.
fn is_whole(call: Call, result: &Value) -> bool {
    let count = result.as_array().map(Vec::len);
    match call {
        Call::Constant => *result == json!(1),
        Call::OneDocument => result["_id"] == json!(id(MESSAGES / 2)),
        Call::List | Call::Stored => count == Some(50),
        Call::ByIndex => count == Some(10),
        Call::Mutation => result["channel"] == json!(WRITTEN),
        Call::Export => {
            result["rows"].as_array().map(Vec::len) == Some(EXPORTED)
                && result["cursor"].is_string()
        }
    }
}

/// Replaces what no two contenders have in common: times, positions, and ids that they made.
fn hide(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(hide),
        Value::Object(fields) => {
            for (name, value) in fields {
                let made = |id: &str| !id.starts_with("message-");
                match name.as_str() {
                    "_creationTime" | "commitCursor" | "seq" if value.is_number() => {
                        *value = json!(0);
                    }
                    // Each shard has its own form of it.
                    "cursor" if value.is_string() => *value = json!("made"),
                    "_id" if value.as_str().is_some_and(made) => *value = json!("made"),
                    _ => hide(value),
                }
            }
        }
        _ => {}
    }
}

/// Checks that every contender validates: none is faster because it does not.
fn compare_refusals(servers: &[Server<'_>]) -> Result<()> {
    let refused = [
        ("messages:get", json!({ "id": 1 }), 400),
        ("messages:list", json!({ "limit": 0 }), 400),
        ("messages:newest", json!({ "channel": channel(7), "limit": 1.5 }), 400),
        ("messages:send", json!({ "channel": WRITTEN, "text": " " }), 400),
        ("messages:unknown", json!({}), 404),
    ];
    for (contender, server) in servers {
        for (path, args, expected) in &refused {
            let (status, body) = load::ask(server.address(), request(path, args))?;
            ensure!(
                status == *expected,
                "{}: {path} {args}: {status} instead of {expected}: {body}",
                contender.name
            );
        }
    }
    Ok(())
}

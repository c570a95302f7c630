//! Who is measured, and with what.

use std::{fs, net::SocketAddr, path::PathBuf, time::SystemTime};

use anyhow::{Context, Result};

use super::workerd::{Objects, Workerd};
use crate::{
    build,
    shell::{program, root, run as sh},
};

/// One way to get a call to its shard, or to be the shard.
pub(crate) struct Contender {
    pub(crate) letter: char,
    pub(crate) name: &'static str,
    source: Source,
    objects: Objects,
    /// Whether it knows batches and queries across shards.
    whole: bool,
}

enum Source {
    /// A file of `bench/contenders/`, bundled with the packages of `bench/`.
    JavaScript(&'static str),
    /// A crate below `bench/`, built by lunora-build with these features.
    Lunora(&'static str, &'static [&'static str]),
}

/// The ways to a shard. The first is what the others are compared with.
pub(crate) const CONTENDERS: [Contender; 6] = [
    Contender {
        letter: 'a',
        name: "the same job in JavaScript",
        source: Source::JavaScript("same"),
        objects: Objects::Shared,
        whole: true,
    },
    Contender {
        letter: 'b',
        name: "Hono",
        source: Source::JavaScript("hono"),
        objects: Objects::Shared,
        whole: true,
    },
    Contender {
        letter: 'c',
        name: "partyserver",
        source: Source::JavaScript("partyserver"),
        objects: Objects::Shared,
        whole: false,
    },
    Contender {
        letter: 'd',
        name: "lunora",
        source: Source::Lunora("rpc", &[]),
        objects: Objects::Shared,
        whole: true,
    },
    Contender {
        letter: 'e',
        name: "workers-rs",
        source: Source::Lunora("bare", &[]),
        objects: Objects::Shared,
        whole: false,
    },
    Contender {
        letter: 'f',
        name: "JavaScript, forwards only",
        source: Source::JavaScript("javascript"),
        objects: Objects::Shared,
        whole: true,
    },
];

/// What the default feature adds to a Worker: only its start is measured.
pub(crate) const WITH_ADMIN: Contender = Contender {
    letter: 'h',
    name: "lunora with the feature `admin`, as by default",
    source: Source::Lunora("rpc", &["admin"]),
    objects: Objects::Shared,
    whole: true,
};

/// The shards, each behind the front of its kind. The first is what the others are compared with.
pub(crate) const SHARDS: [Contender; 3] = [
    Contender {
        letter: 'a',
        name: "JavaScript, asked by fetch",
        source: Source::JavaScript("room-fetch"),
        objects: Objects::Own("Room"),
        whole: false,
    },
    Contender {
        letter: 'g',
        name: "JavaScript, asked by RPC",
        source: Source::JavaScript("room-rpc"),
        objects: Objects::Own("Room"),
        whole: false,
    },
    Contender {
        letter: 'd',
        name: "lunora",
        source: Source::Lunora("shards", &[]),
        objects: Objects::Own("Room"),
        whole: false,
    },
];

impl Contender {
    /// The entry point, and the folder it and all its modules are in.
    pub(crate) fn modules(&self) -> (String, PathBuf) {
        let dir = root().join("bench");
        match self.source {
            Source::JavaScript(name) => ("index.mjs".into(), dir.join("build").join(name)),
            Source::Lunora(name, []) => ("shim.js".into(), dir.join(name).join("build")),
            Source::Lunora(name, features) => {
                let name = [&[name], features].concat().join("-");
                ("shim.js".into(), dir.join("build").join(name))
            }
        }
    }

    /// Builds it.
    pub(crate) fn build(&self) -> Result<()> {
        let dir = root().join("bench");
        match self.source {
            Source::JavaScript(name) => {
                let (_, out) = self.modules();
                fs::create_dir_all(&out)?;
                sh(program("node_modules/.bin/esbuild")
                    .arg(format!("contenders/{name}.mjs"))
                    .args(["--bundle", "--format=esm", "--target=esnext", "--log-level=warning"])
                    .arg("--external:cloudflare:workers")
                    .current_dir(&dir)
                    .arg(format!("--outfile={}", out.join("index.mjs").display())))?;
            }
            Source::Lunora(name, []) => build::one(&dir.join(name), true).map(drop)?,
            Source::Lunora(name, features) => {
                build::with_features(name, features, self.modules().1)?;
            }
        }
        Ok(())
    }

    /// Starts what was built, in a process of its own.
    pub(crate) fn serve(&self, name: &str) -> Result<Workerd> {
        let (entry, modules) = self.modules();
        Workerd::start(name, &entry, &modules, self.objects)
    }

    /// Whether there is wasm in it.
    pub(crate) fn is_wasm(&self) -> bool {
        matches!(self.source, Source::Lunora(..))
    }

    fn is_partyserver(&self) -> bool {
        self.letter == 'c'
    }
}

/// Installs the packages of `bench/`, once.
pub(crate) fn install() -> Result<()> {
    let dir = root().join("bench");
    let modified =
        |file: &str| -> Option<SystemTime> { fs::metadata(dir.join(file)).ok()?.modified().ok() };
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_none() || installed < modified("package-lock.json") {
        println!("Installing the packages of bench/ …");
        sh(program("npm").arg("ci").current_dir(&dir)).context("the packages of bench/")?;
    }
    Ok(())
}

/// A row of a table: what every contender is asked for, and by how many at once.
pub(crate) trait Row {
    fn name(&self) -> String;

    fn connections(&self) -> usize;

    /// The status of every answer.
    fn status(&self) -> u16 {
        200
    }

    /// Where the contender takes it.
    fn address(&self, server: &Workerd) -> SocketAddr;

    /// The whole request; `None` if the contender has no such thing.
    fn request(&self, contender: &Contender) -> Option<Vec<u8>>;

    /// Undoes what a round has written, while nothing is measured.
    fn undo(&self, _server: &Workerd) -> Result<()> {
        Ok(())
    }
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Small,
    /// With 100 KiB of arguments.
    Large,
    FanOut,
    Batch,
    Upgrade,
}

/// A row of the table of requests.
pub(crate) struct Profile {
    call: Call,
    connections: usize,
}

/// Every row.
pub(crate) fn profiles() -> Vec<Profile> {
    let mut profiles = Vec::new();
    for call in [Call::Small, Call::Large] {
        for connections in [1, 32, 256] {
            profiles.push(Profile { call, connections });
        }
    }
    for call in [Call::FanOut, Call::Batch, Call::Upgrade] {
        for connections in [1, 32] {
            profiles.push(Profile { call, connections });
        }
    }
    profiles
}

impl Row for Profile {
    fn name(&self) -> String {
        let call = match self.call {
            Call::Small => "one call",
            Call::Large => "one call, 100 KiB",
            Call::FanOut => "100 shards",
            Call::Batch => "batch of 100",
            Call::Upgrade => "WebSocket upgrade",
        };
        call.to_owned()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn address(&self, server: &Workerd) -> SocketAddr {
        server.address()
    }

    fn status(&self) -> u16 {
        if self.call == Call::Upgrade { 101 } else { 200 }
    }

    fn request(&self, contender: &Contender) -> Option<Vec<u8>> {
        let party = "/parties/shard/shard-0";
        let to = |path| if contender.is_partyserver() { party } else { path };
        let (path, body) = match self.call {
            Call::Small => (
                to("/_lunora/rpc"),
                r#"{"functionPath":"rows:count","args":{"channel":"general","limit":50},"shardKey":"shard-0"}"#.to_owned(),
            ),
            Call::Large => (
                to("/_lunora/rpc"),
                format!(
                    r#"{{"functionPath":"rows:count","args":{{"text":"{}"}},"shardKey":"shard-0"}}"#,
                    "0123456789abcdef".repeat(6400)
                ),
            ),
            Call::FanOut if contender.whole => (
                "/_lunora/rpc",
                r#"{"functionPath":"rows:count","args":{},"fanOut":{"table":"of-100","merge":{"kind":"concat"}}}"#.to_owned(),
            ),
            Call::Batch if contender.whole => {
                let call = |n: u32| {
                    format!(
                        r#"{{"id":"{n}","functionPath":"rows:count","args":{{"channel":"general","limit":50}},"shardKey":"shard-{}"}}"#,
                        n % 10
                    )
                };
                let calls: Vec<_> = (0..100).map(call).collect();
                ("/_lunora/rpc-batch", format!(r#"{{"calls":[{}]}}"#, calls.join(",")))
            }
            Call::FanOut | Call::Batch => return None,
            Call::Upgrade => {
                let path = to("/_lunora/ws?shard=shard-0");
                let head = format!(
                    "GET {path} HTTP/1.1\r\n{HEADERS}connection: Upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                );
                return Some(head.into_bytes());
            }
        };
        Some(post(path, &body))
    }
}

/// Returns a call as a browser sends it.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{HEADERS}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What a browser sends, more or less.
const HEADERS: &str = "host: bench.example.com\r\n\
    origin: https://app.example.com\r\n\
    authorization: Bearer a-token-for-benchmarks\r\n\
    accept: */*\r\n\
    accept-language: en-GB,en;q=0.9\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n";

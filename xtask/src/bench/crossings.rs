//! How often a request crosses between JavaScript and wasm, which no machine makes faster or slower.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{
    contenders::{Contender, Profile, Row},
    load::Load,
    workerd::{Objects, Workerd},
};

/// Calls of one request: of wasm by JavaScript, and of JavaScript by wasm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossings {
    pub(crate) into: f64,
    pub(crate) out: f64,
}

impl Crossings {
    pub(crate) fn total(self) -> f64 {
        self.into + self.out
    }
}

/// What is put into the generated JavaScript: every function on either side is counted.
const COUNTER: &str = r"
const __crossings = { into: 0, out: 0 };
export function crossings() { return `${__crossings.into} ${__crossings.out}`; }
function __counted(functions, side) {
  const counted = {};
  for (const [name, it] of Object.entries(functions)) {
    counted[name] = typeof it !== 'function' ? it : (...args) => { __crossings[side]++; return it(...args); };
  }
  return counted;
}
function __counted_imports(modules) {
  return Object.fromEntries(Object.entries(modules).map(([name, it]) => [name, __counted(it, 'out')]));
}
";

const ENTRY: &str = r#"
import main from "./shim.js";
import { crossings } from "./index.js";
export default {
  fetch(request, env, ctx) {
    if (request.url.endsWith("/crossings")) return new Response(crossings());
    return main.fetch(request, env, ctx);
  },
};
"#;

/// Counts the crossings of a request, by a hundred of them.
pub(crate) fn count(contender: &Contender, profile: &Profile) -> Result<Crossings> {
    const REQUESTS: u64 = 100;

    let (_, modules) = contender.modules();
    let dir = std::env::temp_dir().join(format!("lunora-crossings-{}", std::process::id()));
    let outcome = (|| {
        copy(&modules, &dir)?;
        instrument(&dir)?;
        let mut server = Workerd::start("crossings", "count.mjs", &dir, Objects::Shared)?;
        server.wait()?;
        let address = server.address();
        let load = Load {
            address,
            request: profile.request(contender).context("the contender has no such request")?,
            connections: 1,
            time: Duration::from_secs(60),
            requests: REQUESTS,
            status: profile.status(),
        };
        // The first one builds the application.
        load.run()?;
        let before = read(address)?;
        load.run()?;
        let after = read(address)?;
        Ok(Crossings {
            into: (after.0 - before.0) as f64 / REQUESTS as f64,
            out: (after.1 - before.1) as f64 / REQUESTS as f64,
        })
    })();
    let _ = fs::remove_dir_all(&dir);
    outcome
}

fn instrument(dir: &Path) -> Result<()> {
    let file = dir.join("index.js");
    let js = fs::read_to_string(&file)?;
    let counted = js
        .replace(
            "new WebAssembly.Instance(wasmModule, __wbg_get_imports())",
            "new WebAssembly.Instance(wasmModule, __counted_imports(__wbg_get_imports()))",
        )
        .replace("= wasmInstance.exports;", "= __counted(wasmInstance.exports, 'into');");
    ensure!(
        counted.matches("__counted(").count() == 2 && counted.contains("__counted_imports("),
        "wasm-bindgen writes other JavaScript than this knows"
    );
    // Behind the imports, and before what makes the instance.
    let imports = counted.rfind("import wasmModule").context("no import of the wasm module")?;
    let line = counted[imports..].find('\n').context("the import has no end")? + imports + 1;
    fs::write(&file, [&counted[..line], COUNTER, &counted[line..]].concat())?;
    fs::write(dir.join("count.mjs"), ENTRY)?;
    Ok(())
}

/// The counter, asked over a connection of its own.
fn read(address: SocketAddr) -> Result<(u64, u64)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /crossings HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split("\r\n\r\n").nth(1).context("no body")?;
    let (into, out) = body.trim().split_once(' ').context("not a count")?;
    Ok((into.parse()?, out.parse()?))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            fs::copy(&path, &to)?;
        }
    }
    Ok(())
}

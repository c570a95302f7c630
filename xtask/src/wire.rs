//! The wire cases against the fixture on workerd.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result};

use crate::shell::{cargo, program, run};

/// Serves the fixture, asks it every case, and stops it.
pub(crate) fn check() -> Result<()> {
    let mut server = program("node")
        .args(["e2e/serve.mjs", "e2e/fixture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Some cases fail on purpose, and the Worker logs why.
        .stderr(Stdio::null())
        .spawn()
        .context("could not start the server")?;
    let mut ready = String::new();
    BufReader::new(server.stdout.take().context("the server has an output")?)
        .read_line(&mut ready)?;
    let address = ready.trim().strip_prefix("READY http://").context("the server did not start")?;

    let cases = run(cargo(["test", "--package", "fixture", "--test", "wire", "--", "--ignored"])
        .env("LUNORA_WIRE_ADDRESS", address));
    // It stops when its input closes.
    drop(server.stdin.take());
    server.wait()?;
    cases
}

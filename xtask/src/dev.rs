//! `cargo xtask dev`: the example on workerd, rebuilt whenever a source changes.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    build, node,
    shell::{program, root},
};

/// What `dev` was asked for.
pub(crate) struct Options {
    port: u16,
    release: bool,
}

impl Options {
    /// Reads the command line after `dev`.
    pub(crate) fn parse(mut args: &[&str]) -> Result<Self> {
        let mut options = Self { port: 8787, release: false };
        loop {
            args = match args {
                ["--release", rest @ ..] => {
                    options.release = true;
                    rest
                }
                ["--port", port, rest @ ..] => {
                    options.port =
                        port.parse().with_context(|| format!("`{port}` is not a port"))?;
                    rest
                }
                [] => return Ok(options),
                [unknown, ..] => {
                    bail!("unknown option `{unknown}`; `dev` takes --port and --release")
                }
            };
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    build::install_target()?;
    node::install()?;
    let example = build::example();
    build::one(&example, options.release)?;

    let mut server = serve(&example, options.port)?;
    let mut seen = newest(&root())?;
    loop {
        thread::sleep(Duration::from_millis(500));
        if let Some(status) = server.try_wait()? {
            ensure!(status.success(), "the server stopped ({status})");
            return Ok(());
        }
        let now = newest(&root())?;
        if now > seen {
            seen = now;
            // The server takes up the new build by itself.
            if let Err(error) = build::one(&example, options.release) {
                eprintln!("error: {error:#}");
            }
        }
    }
}

fn serve(dir: &Path, port: u16) -> Result<Child> {
    let mut command = program("node");
    command
        .arg("e2e/dev.mjs")
        .arg(dir)
        .arg(port.to_string())
        .arg(".state")
        .arg("--stop-with-stdin");
    command.stdin(Stdio::piped()).spawn().context("could not start the server")
}

/// When a Rust source or manifest below `dir` was last changed.
fn newest(dir: &Path) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name = name.to_string_lossy();
        if kind.is_dir()
            && !name.starts_with('.')
            && !matches!(&*name, "target" | "node_modules" | "build")
        {
            newest = newest.max(self::newest(&entry.path())?);
        } else if kind.is_file() && (name.ends_with(".rs") || name == "Cargo.toml") {
            newest = newest.max(entry.metadata()?.modified()?);
        }
    }
    Ok(newest)
}

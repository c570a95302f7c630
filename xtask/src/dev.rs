//! `cargo xtask dev`: the example on workerd, following every change of what it is made of.

mod watch;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use self::watch::{Effect, Snapshot};
use crate::{
    build, node,
    shell::{program, root},
    steps::{seconds, step},
};

/// The time between two looks at the files.
const TICK: Duration = Duration::from_millis(200);

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

/// Serves the example until it is stopped. A failed build leaves the last good one being served.
///
/// # Errors
///
/// When a tool is missing, or the server stops with an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    build::install_target()?;
    node::install()?;
    let root = root();
    let example = build::example();
    let name = relative(&example, &root);

    let mut seen = Snapshot::take(&root, &example);
    if !example.join("build").exists() {
        println!("The first build compiles every dependency, which takes a minute or two.");
    }
    let built = step(&format!("Compiling {name}"), || build::one(&example, options.release));
    let mut server = None;
    match built {
        Ok(_) => server = Some(Server::start(&example, options.port)?),
        Err(error) => {
            report(&error);
            if example.join("build/shim.js").exists() {
                println!("Serving the last good build until the error is fixed.");
                server = Some(Server::start(&example, options.port)?);
            }
        }
    }
    seen.accept(&root.join("Cargo.lock"));

    // The server has yet to take up a build, or its configuration.
    let mut stale = false;
    loop {
        thread::sleep(TICK);
        if let Some(server) = &mut server
            && let Some(status) = server.child.try_wait()?
        {
            ensure!(status.success(), "the server stopped ({status})");
            return Ok(());
        }
        let now = Snapshot::take(&root, &example);
        if now == seen {
            continue;
        }
        let now = settled(now, &root, &example);
        let changes = seen.changes(&now);
        seen = now;
        let effect = Effect::of(&changes);
        println!("{}", announce(&changes, effect, &root));

        stale |= effect.restart;
        if effect.build {
            let start = Instant::now();
            let built = build::one(&example, options.release);
            seen.accept(&root.join("Cargo.lock"));
            match built {
                Ok(output) => stale |= !output.reused,
                Err(error) => {
                    report(&error);
                    if server.is_some() {
                        println!("The last good build is still being served.");
                    }
                    continue;
                }
            }
            println!("rebuilt in {}", seconds(start.elapsed()));
        }
        match &mut server {
            Some(server) if stale => server.reload()?,
            None if effect.build => server = Some(Server::start(&example, options.port)?),
            _ => {}
        }
        stale = false;
    }
}

/// The Node process with workerd below it.
struct Server {
    child: Child,
}

impl Server {
    fn start(example: &Path, port: u16) -> Result<Self> {
        println!("Starting workerd …");
        let mut command = program("node");
        command.arg("e2e/dev.mjs").arg(example).arg(port.to_string()).arg(".state");
        // It reads commands there, and stops where this process is gone.
        command.arg("--commands").stdin(Stdio::piped());
        let child = command.spawn().context("could not start the server")?;
        Ok(Self { child })
    }

    /// Makes the server take up the build and the configuration on disk.
    fn reload(&mut self) -> Result<()> {
        let stdin = self.child.stdin.as_mut().context("the server takes no commands")?;
        stdin.write_all(b"reload\n").context("the server takes no commands")
    }
}

/// Waits until no file changes any more: a save may be of many files.
fn settled(mut now: Snapshot, root: &Path, example: &Path) -> Snapshot {
    loop {
        thread::sleep(Duration::from_millis(50));
        let next = Snapshot::take(root, example);
        if next == now {
            return now;
        }
        now = next;
    }
}

fn announce(changes: &[PathBuf], effect: Effect, root: &Path) -> String {
    let verb = if effect.build { "rebuilding" } else { "restarting" };
    let first = changes.first().map(|path| relative(path, root)).unwrap_or_default();
    match changes.len() {
        0 | 1 => format!("{verb}: {first} changed"),
        more => format!("{verb}: {first} and {} more changed", more - 1),
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_file_changed() {
        let say = |names: &[&str]| {
            let changes: Vec<_> = names.iter().map(|name| Path::new("/w").join(name)).collect();
            announce(&changes, Effect::of(&changes), Path::new("/w"))
        };
        let lib = "examples/chat/src/lib.rs";
        assert_eq!(say(&[lib]), "rebuilding: examples/chat/src/lib.rs changed");
        assert_eq!(say(&["a/.dev.vars"]), "restarting: a/.dev.vars changed");
        assert_eq!(
            say(&[lib, "a", "b"]),
            "rebuilding: examples/chat/src/lib.rs and 2 more changed"
        );
    }
}

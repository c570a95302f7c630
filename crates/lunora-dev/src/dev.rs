//! The loop: look at the files, build, tell the server.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use lunora_build::{Build, Output};

use crate::{
    Error, runtime,
    server::Server,
    types::Types,
    watch::{Effect, Snapshot},
};

/// The time between two looks at the files.
const TICK: Duration = Duration::from_millis(200);

/// A development server of one crate, with its options.
#[derive(Debug, Clone)]
#[must_use]
pub struct Dev {
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) state: PathBuf,
    pub(crate) tool: String,
    release: bool,
    runtime: Option<PathBuf>,
    client: Option<PathBuf>,
    client_rust: Option<PathBuf>,
}

impl Dev {
    /// Serves the crate whose `Cargo.toml` is in `dir`, on port 8787 of this machine.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self {
            port: 8787,
            state: dir.join(".state"),
            tool: "lunora".into(),
            release: false,
            runtime: None,
            client: None,
            client_rust: None,
            dir,
        }
    }

    /// Chooses the port on 127.0.0.1; 0 takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Chooses between cargo's release and dev profile; by default dev.
    pub fn release(mut self, release: bool) -> Self {
        self.release = release;
        self
    }

    /// Chooses the folder of Durable Objects, buckets and databases; by default `.state` of the crate.
    pub fn state(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state = dir.into();
        self
    }

    /// Names a folder whose `node_modules` holds Miniflare, instead of looking for one.
    pub fn runtime(mut self, dir: impl Into<PathBuf>) -> Self {
        self.runtime = Some(dir.into());
        self
    }

    /// Writes the typed client into `dir` after each build. By default a client that the crate has in `client/`
    /// is rewritten, and no client is created.
    pub fn client(mut self, dir: impl Into<PathBuf>) -> Self {
        self.client = Some(dir.into());
        self
    }

    /// Writes the functions for the Rust crate `lunora-client` to `file` after each build. By default there is no such
    /// file.
    pub fn client_rust(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_rust = Some(file.into());
        self
    }

    /// Sets how the printed commands of an operator begin; by default `lunora`.
    pub fn tool(mut self, command: impl Into<String>) -> Self {
        self.tool = command.into();
        self
    }

    /// Serves until the server is stopped, by Ctrl-C.
    ///
    /// Progress goes to the standard output, errors of builds to the standard error.
    ///
    /// # Errors
    ///
    /// Returns an error if Node or the crate's manifest is missing, or if the server stops with an
    /// error. A build that fails is not an error: the server waits for the next change of a file.
    pub fn run(mut self) -> Result<(), Error> {
        let clients = self.client.iter_mut().chain(&mut self.client_rust);
        for path in [&mut self.dir, &mut self.state].into_iter().chain(clients) {
            let whole = std::path::absolute(&path);
            *path = whole.map_err(|source| Error::File { path: path.clone(), source })?;
        }
        let runtime = match &self.runtime {
            Some(dir) => dir.clone(),
            None => runtime::find(&self.dir)?,
        };
        Session::open(&self, runtime)?.run()
    }
}

/// One run of the loop.
struct Session<'d> {
    dev: &'d Dev,
    runtime: PathBuf,
    root: PathBuf,
    seen: Snapshot,
    server: Option<Server>,
    types: Types,
    /// The server has yet to take up a build, or its configuration.
    stale: bool,
}

impl<'d> Session<'d> {
    fn open(dev: &'d Dev, runtime: PathBuf) -> Result<Self, Error> {
        let root = Build::new(&dev.dir).workspace_root()?;
        let seen = Snapshot::take(&root, &dev.dir);
        let types = Types::new(&dev.dir, dev.client.as_deref(), dev.client_rust.as_deref());
        Ok(Self { dev, runtime, root, seen, server: None, types, stale: false })
    }

    fn run(&mut self) -> Result<(), Error> {
        if !self.dev.dir.join("build").exists() {
            say("The first build compiles every dependency, which takes a minute or two.");
        }
        say(&format!("Compiling {}", self.relative(&self.dev.dir)));
        let is_built = self.build();
        if is_built || self.has_build() {
            self.serve()?;
        }
        if is_built {
            self.start_types();
        }
        loop {
            thread::sleep(TICK);
            if self.server.as_mut().is_some_and(|server| !server.is_running()) {
                return self.server.take().map_or(Ok(()), Server::finish);
            }
            self.follow()?;
            self.finish_types();
        }
    }

    /// Acts on the files that changed since the last look.
    fn follow(&mut self) -> Result<(), Error> {
        let now = self.look();
        if now == self.seen {
            return Ok(());
        }
        let now = self.settled(now);
        let changes = self.seen.changes(&now);
        self.seen = now;
        let effect = Effect::of(&changes);
        say(&self.announce(&changes, effect));
        self.stale |= effect.restart;
        if effect.build {
            self.types.pause(effect.types);
            if !self.build() {
                return Ok(());
            }
        }
        match self.server {
            Some(_) if self.stale => self.serve()?,
            None if effect.build => self.serve()?,
            _ => {}
        }
        if effect.build {
            self.start_types();
        }
        Ok(())
    }

    /// Begins to follow the functions with the typed client, when the server has the build.
    fn start_types(&mut self) {
        if let Err(error) = self.types.start() {
            complain(&error);
        }
    }

    /// Writes the typed client if its compilation has ended. The written files are no change to follow.
    fn finish_types(&mut self) {
        if !self.types.is_ready() {
            return;
        }
        let before = self.look();
        match self.types.write() {
            Ok(written) if written.is_empty() => {}
            Ok(written) => {
                let after = self.look();
                let is_written = |path: &&PathBuf| {
                    written.iter().any(|written| written.file_name() == path.file_name())
                };
                let changes = before.changes(&after);
                changes.iter().filter(is_written).for_each(|path| self.seen.adopt(path, &after));
                let names: Vec<_> = written.iter().map(|path| self.relative(path)).collect();
                say(&format!("Rewrote {}", names.join(" and ")));
            }
            Err(error) => complain(&error),
        }
    }

    /// Builds, and prints the result.
    fn build(&mut self) -> bool {
        let start = Instant::now();
        let build = Build::new(&self.dev.dir).release(self.dev.release);
        let built = thread::scope(|scope| {
            let (sender, compiled) = mpsc::channel();
            let build = scope.spawn(move || {
                build.run_with(|| {
                    let _ = sender.send(());
                })
            });
            while !build.is_finished() {
                // Cargo is free: the types need not wait for the rest of the build. The first page does not
                // wait for them.
                if compiled.try_recv().is_ok() && self.server.is_some() {
                    self.start_types();
                }
                self.finish_types();
                thread::sleep(TICK);
            }
            build.join()
        });
        let built = built.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Cargo itself writes it.
        self.seen.accept(&self.root.join("Cargo.lock"));
        match built {
            Ok(output) => {
                say(&finished(&output, start.elapsed()));
                output.notes.iter().for_each(|note| say(note));
                self.stale |= !output.reused;
                true
            }
            Err(error) => {
                complain(&error);
                if self.has_build() {
                    say("The last good build is served until the error is fixed.");
                }
                false
            }
        }
    }

    /// Starts the server, or makes it take up the build and the configuration on disk.
    fn serve(&mut self) -> Result<(), Error> {
        let config = match lunora_codegen::wrangler::config(&self.dev.dir) {
            Ok(config) => config,
            Err(problem) => {
                complain(&Error::Config(problem));
                return Ok(());
            }
        };
        self.stale = false;
        match &mut self.server {
            Some(server) => server.serve(&config),
            None => {
                say("Starting workerd");
                self.server = Some(Server::start(self.dev, &self.runtime, &config)?);
                Ok(())
            }
        }
    }

    /// Returns whether an earlier build is on disk. A failed build keeps it.
    fn has_build(&self) -> bool {
        self.dev.dir.join("build/shim.js").exists()
    }

    fn look(&self) -> Snapshot {
        Snapshot::take(&self.root, &self.dev.dir)
    }

    /// Waits until no file changes any more: a save may be of many files.
    fn settled(&self, mut now: Snapshot) -> Snapshot {
        loop {
            thread::sleep(Duration::from_millis(50));
            let next = self.look();
            if next == now {
                return now;
            }
            now = next;
        }
    }

    fn announce(&self, changes: &[PathBuf], effect: Effect) -> String {
        let verb = if effect.build { "Rebuilding" } else { "Restarting" };
        let first = changes.first().map(|path| self.relative(path)).unwrap_or_default();
        match changes.len() {
            0 | 1 => format!("{verb}: {first} changed"),
            more => format!("{verb}: {first} and {} more changed", more - 1),
        }
    }

    fn relative(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(rest) if !rest.as_os_str().is_empty() => rest.display().to_string(),
            _ => path.display().to_string(),
        }
    }
}

fn finished(output: &Output, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    match output.reused {
        true => format!("The build is up to date after {seconds:.1} s."),
        false => format!("Built after {seconds:.1} s: the wasm has {}.", output.wasm),
    }
}

#[allow(clippy::print_stdout, reason = "it is what `lunora dev` shows")]
fn say(line: &str) {
    println!("{line}");
}

fn complain(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_file_changed() {
        let dev = Dev::new("/w/examples/chat");
        let session = Session {
            dev: &dev,
            runtime: PathBuf::new(),
            root: "/w".into(),
            seen: Snapshot::default(),
            server: None,
            types: Types::new(&dev.dir, None, None),
            stale: false,
        };
        let announce = |names: &[&str]| {
            let changes: Vec<_> = names.iter().map(|name| Path::new("/w").join(name)).collect();
            session.announce(&changes, Effect::of(&changes))
        };
        let lib = "examples/chat/src/lib.rs";
        assert_eq!(announce(&[lib]), "Rebuilding: examples/chat/src/lib.rs changed");
        assert_eq!(announce(&["a/.dev.vars"]), "Restarting: a/.dev.vars changed");
        assert_eq!(
            announce(&[lib, "a", "b"]),
            "Rebuilding: examples/chat/src/lib.rs and 2 more changed"
        );
    }
}

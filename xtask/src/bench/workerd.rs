//! Workers on bare `workerd serve`: no front Worker, no inspector, no log.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::shell::root;

/// The objects that a Worker calls.
#[derive(Clone, Copy)]
pub(crate) enum Objects {
    /// Those of `bench/contenders/shards.mjs`.
    Shared,
    /// Those of a class that the Worker exports.
    Own(&'static str),
}

/// A process of workerd, which ends with this value.
pub(crate) struct Workerd {
    process: Child,
    dir: PathBuf,
    port: u16,
}

impl Workerd {
    /// Serves the Worker whose modules are the files in `modules`.
    pub(crate) fn start(name: &str, entry: &str, modules: &Path, objects: Objects) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("lunora-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("data"))?;
        let modules = list(entry, &copy(modules, &dir.join("modules"))?)?;
        let workers = match objects {
            Objects::Shared => {
                let shards = root().join("bench/contenders/shards.mjs");
                fs::copy(&shards, dir.join("shards.mjs"))
                    .with_context(|| shards.display().to_string())?;
                over_shared(&modules)
            }
            Objects::Own(class) => with_own(class, &modules),
        };
        let (config, port) = (dir.join("config.capnp"), free_port()?);
        fs::write(&config, configuration(&dir.join("data"), objects, port, &workers))?;
        let process = Command::new(binary()?)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("log"))?)
            .spawn()
            .context("could not start workerd")?;
        Ok(Self { process, dir, port })
    }

    /// Where the Worker listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Waits until it takes connections.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let address = self.address();
        while TcpStream::connect(address).is_err() {
            let ended = self.process.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                anyhow::bail!("workerd did not start:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    /// What it wrote to its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// The processor time it took so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        // One line of numbers a thread, the first its nanoseconds on a processor: far finer than
        // the ticks of `/proc/<pid>/stat`. A thread that ended is missing, and workerd's do not.
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let line = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = line.split(' ').next().unwrap_or_default();
            nanoseconds += first.trim().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The workerd that comes with Miniflare.
fn binary() -> Result<PathBuf> {
    let packages = root().join("e2e/node_modules/@cloudflare");
    let entries = fs::read_dir(&packages).with_context(|| packages.display().to_string())?;
    let mut found = entries.filter_map(|entry| Some(entry.ok()?.path().join("bin/workerd")));
    found.find(|path| path.exists()).context("workerd is not among the packages of e2e/")
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The whole configuration: the services, where they listen, and their Workers.
fn configuration(data: &Path, objects: Objects, port: u16, workers: &str) -> String {
    let shards = match objects {
        Objects::Shared => "(name = \"shards\", worker = .shards),\n",
        Objects::Own(_) => "",
    };
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (services = [\n\
         (name = \"disk\", disk = (path = \"{}\", writable = true)),\n\
         {shards}\
         (name = \"main\", worker = .main),\n\
         ], sockets = [\n\
         (name = \"main\", address = \"127.0.0.1:{port}\", http = (), service = \"main\"),\n\
         ]);\n\
         {workers}",
        data.display()
    )
}

/// The Worker `main` over the shared objects.
fn over_shared(modules: &str) -> String {
    format!(
        "const shards :Workerd.Worker = (\n\
         modules = [(name = \"shards.mjs\", esModule = embed \"shards.mjs\")],\n\
         compatibilityDate = \"2026-04-01\",\n\
         durableObjectNamespaces = [\n\
         (className = \"Shard\", uniqueKey = \"shard\", enableSql = true)],\n\
         durableObjectStorage = (localDisk = \"disk\"));\n\
         const main :Workerd.Worker = (\nmodules = [\n{modules}],\n\
         compatibilityDate = \"2026-04-01\",\n\
         bindings = [(name = \"SHARD\", \
         durableObjectNamespace = (className = \"Shard\", serviceName = \"shards\"))]);\n"
    )
}

/// The Worker `main` over objects of its own.
fn with_own(class: &str, modules: &str) -> String {
    format!(
        "const main :Workerd.Worker = (\nmodules = [\n{modules}],\n\
         compatibilityDate = \"2026-04-01\",\n\
         bindings = [(name = \"SHARD\", durableObjectNamespace = \"{class}\"),\n\
         (name = \"LUNORA_ADMIN_TOKEN\", text = \"a-token-for-benchmarks\")],\n\
         durableObjectNamespaces = [(className = \"{class}\", uniqueKey = \"own\", enableSql = true)],\n\
         durableObjectStorage = (localDisk = \"disk\"));\n"
    )
}

/// The modules as a configuration names them, the entry point first.
fn list(entry: &str, modules: &[PathBuf]) -> Result<String> {
    let entry = Path::new(entry);
    ensure!(modules.iter().any(|module| module == entry), "there is no {}", entry.display());
    let rest = modules.iter().map(PathBuf::as_path).filter(|module| *module != entry);
    let mut text = String::new();
    for file in std::iter::once(entry).chain(rest) {
        let name = file.display();
        let kind = match file.extension().and_then(|extension| extension.to_str()) {
            Some("wasm") => "wasm",
            _ => "esModule",
        };
        let _ = writeln!(text, "(name = \"{name}\", {kind} = embed \"modules/{name}\"),");
    }
    Ok(text)
}

/// Copies every module below a folder: a configuration embeds what lies beside it.
fn copy(from: &Path, to: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(to)?;
    let mut copied = Vec::new();
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        if path.is_dir() {
            let below = copy(&path, &to.join(&name))?;
            copied.extend(below.into_iter().map(|file| name.join(file)));
        } else if path.extension().is_some_and(|e| e == "js" || e == "mjs" || e == "wasm") {
            fs::copy(&path, to.join(&name))?;
            copied.push(name);
        }
    }
    Ok(copied)
}

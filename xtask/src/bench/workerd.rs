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

/// The class of the objects, in `bench/contenders/shards.mjs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shard {
    Instant,
    Sqlite,
}

impl Shard {
    const ALL: [Self; 2] = [Self::Instant, Self::Sqlite];

    fn class(self) -> &'static str {
        match self {
            Self::Instant => "Instant",
            Self::Sqlite => "Sqlite",
        }
    }
}

/// The objects that a Worker calls.
#[derive(Clone, Copy)]
pub(crate) enum Objects {
    /// Those of `bench/contenders/shards.mjs`, the Worker once over each class.
    Shared,
    /// Those of a class that the Worker exports.
    Own(&'static str),
}

/// A process of workerd, which ends with this value.
pub(crate) struct Workerd {
    process: Child,
    dir: PathBuf,
    ports: Vec<u16>,
}

impl Workerd {
    /// Serves the Worker whose modules are the files in `modules`.
    pub(crate) fn start(name: &str, entry: &str, modules: &Path, objects: Objects) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("lunora-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("data"))?;
        let modules = list(entry, &copy(modules, &dir.join("modules"))?)?;
        let (services, workers) = match objects {
            Objects::Shared => {
                let shards = root().join("bench/contenders/shards.mjs");
                fs::copy(&shards, dir.join("shards.mjs"))
                    .with_context(|| shards.display().to_string())?;
                let [instant, sqlite] = Shard::ALL.map(Shard::class);
                let services = vec![
                    (instant, Some(free_port()?)),
                    (sqlite, Some(free_port()?)),
                    ("shards", None),
                ];
                (services, over_shared(&modules))
            }
            Objects::Own(class) => (vec![("main", Some(free_port()?))], with_own(class, &modules)),
        };
        let config = dir.join("config.capnp");
        fs::write(&config, configuration(&dir.join("data"), &services, &workers))?;
        let ports = services.into_iter().filter_map(|(_, port)| port).collect();
        let process = Command::new(binary()?)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("log"))?)
            .spawn()
            .context("could not start workerd")?;
        Ok(Self { process, dir, ports })
    }

    /// Where the Worker over this class of shared objects listens.
    pub(crate) fn address(&self, shard: Shard) -> SocketAddr {
        let place = usize::from(shard == Shard::Sqlite);
        SocketAddr::from(([127, 0, 0, 1], self.ports[place]))
    }

    /// Where a Worker listens that has objects of its own.
    pub(crate) fn own_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[0]))
    }

    /// Waits until it takes connections.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let address = self.own_address();
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

/// The whole configuration: the services, each with the port where it listens, and their Workers.
fn configuration(data: &Path, services: &[(&str, Option<u16>)], workers: &str) -> String {
    let mut text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (services = [\n\
         (name = \"disk\", disk = (path = \"{}\", writable = true)),\n",
        data.display()
    );
    for (service, _) in services {
        let _ = writeln!(text, "(name = \"{service}\", worker = .{}),", service.to_lowercase());
    }
    text.push_str("], sockets = [\n");
    for (service, port) in services {
        let Some(port) = port else { continue };
        let _ = writeln!(
            text,
            "(name = \"{service}\", address = \"127.0.0.1:{port}\", http = (), service = \"{service}\"),"
        );
    }
    text.push_str("]);\n");
    text.push_str(workers);
    text
}

/// The Worker once over each class of the shared objects.
fn over_shared(modules: &str) -> String {
    let mut text = String::from(
        "const shards :Workerd.Worker = (\n\
         modules = [(name = \"shards.mjs\", esModule = embed \"shards.mjs\")],\n\
         compatibilityDate = \"2026-04-01\",\n\
         durableObjectNamespaces = [\n\
         (className = \"Instant\", uniqueKey = \"instant\", enableSql = true),\n\
         (className = \"Sqlite\", uniqueKey = \"sqlite\", enableSql = true)],\n\
         durableObjectStorage = (localDisk = \"disk\"));\n",
    );
    for class in Shard::ALL.map(Shard::class) {
        let _ = write!(
            text,
            "const {} :Workerd.Worker = (\nmodules = [\n{modules}],\n\
             compatibilityDate = \"2026-04-01\",\n\
             bindings = [(name = \"SHARD\", \
             durableObjectNamespace = (className = \"{class}\", serviceName = \"shards\"))]);\n",
            class.to_lowercase()
        );
    }
    text
}

/// The Worker `main` over objects of its own.
fn with_own(class: &str, modules: &str) -> String {
    format!(
        "const main :Workerd.Worker = (\nmodules = [\n{modules}],\n\
         compatibilityDate = \"2026-04-01\",\n\
         bindings = [(name = \"SHARD\", durableObjectNamespace = \"{class}\")],\n\
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

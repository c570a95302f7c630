//! Checks that wrangler's configuration has what the code needs.

mod check;
mod file;
mod fix;
mod lack;
mod report;
mod shards;
#[cfg(test)]
mod tests;
mod value;

use std::{fmt, fs, path::Path};

pub use self::check::{MIN_COMPATIBILITY_DATE, check, check_file};
pub(crate) use self::file::Wrangler;
pub use self::fix::{Change, Fixed, fix, fix_crate};
use crate::{
    Place, Problem,
    scan::{self, Shards, Sources},
};

/// The name of the file of a new Worker.
pub const FILE: &str = "wrangler.jsonc";

/// The file names that wrangler reads. Of several files in a folder it reads the first.
pub const FILES: [&str; 3] = ["wrangler.json", FILE, "wrangler.toml"];

/// Returns the name of the file that wrangler reads in `dir`; [`FILE`] if there is no such file.
#[must_use]
pub fn file_of(dir: &Path) -> &'static str {
    FILES.into_iter().find(|file| dir.join(file).is_file()).unwrap_or(FILE)
}

/// The needs of a Worker's code in wrangler's configuration, each with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub(crate) needs: Vec<(Need, Place)>,
    pub(crate) shards: Shards,
}

/// One need of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A trigger, as `cron!("0 3 * * *")` names it.
    Cron(String),
    /// A binding, as `env.bucket("FILES")` names it.
    Binding(BindingKind, String),
    /// The class of a Durable Object, which keeps its rows in SQLite.
    Class(String),
}

/// The kinds of bindings that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingKind {
    /// `durable_objects.bindings`
    DurableObject,
    /// `r2_buckets`
    Bucket,
    /// `kv_namespaces`
    Kv,
    /// `d1_databases`
    D1,
    /// `queues.producers`
    Queue,
    /// `services`
    Service,
    /// `workflows`
    Workflow,
    /// `ratelimits`
    RateLimit,
}

impl Expected {
    /// Creates a set without needs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a need, and its place in the code.
    #[must_use]
    pub fn with(mut self, need: Need, place: Place) -> Self {
        self.add(need, place);
        self
    }

    /// Reads the needs of the Rust sources of the crate in `dir`, as [`check_crate`] does.
    ///
    /// # Errors
    /// Returns a problem for each file that cannot be read, or is not Rust.
    pub fn of_sources(dir: &Path) -> Result<Self, Vec<Problem>> {
        let Sources { expected, unread } = scan::sources(dir);
        if unread.is_empty() { Ok(expected) } else { Err(unread) }
    }

    /// Adds a need once, at its first place.
    pub(crate) fn add(&mut self, need: Need, place: Place) {
        if !self.needs.iter().any(|(known, _)| *known == need) {
            self.needs.push((need, place));
        }
    }
}

impl BindingKind {
    /// Returns the list of the file that has them.
    #[must_use]
    pub fn list(self) -> &'static str {
        match self {
            Self::DurableObject => "durable_objects.bindings",
            Self::Bucket => "r2_buckets",
            Self::Kv => "kv_namespaces",
            Self::D1 => "d1_databases",
            Self::Queue => "queues.producers",
            Self::Service => "services",
            Self::Workflow => "workflows",
            Self::RateLimit => "ratelimits",
        }
    }

    /// Returns the key of an entry that holds the name.
    pub(crate) fn name_key(self) -> &'static str {
        match self {
            Self::DurableObject | Self::RateLimit => "name",
            _ => "binding",
        }
    }

    /// Returns the kind that a method of `worker::Env` names.
    pub(crate) fn of_method(method: &str) -> Option<Self> {
        Some(match method {
            "durable_object" => Self::DurableObject,
            "bucket" => Self::Bucket,
            "kv" => Self::Kv,
            "d1" => Self::D1,
            "queue" => Self::Queue,
            "service" => Self::Service,
            "rate_limiter" => Self::RateLimit,
            _ => return None,
        })
    }
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DurableObject => "Durable Object binding",
            Self::Bucket => "R2 binding",
            Self::Kv => "KV binding",
            Self::D1 => "D1 binding",
            Self::Queue => "queue binding",
            Self::Service => "service binding",
            Self::Workflow => "workflow binding",
            Self::RateLimit => "rate limiting binding",
        })
    }
}

/// Checks the `wrangler.jsonc`, `wrangler.json` or `wrangler.toml` of the crate in `dir` against its
/// sources below `src/`.
///
/// Nothing is declared twice: needs are read from the tokens of the sources, `lunora::shard!` and other
/// macros included:
///
/// - `cron!("…")` is a trigger,
/// - `.durable_object("…")`, `.bucket("…")`, `.kv("…")`, `.d1("…")`, `.queue("…")`, `.service("…")` and
///   `.rate_limiter("…")` with one literal are bindings where an environment is before the dot; so are
///   `CloudflareWorkflow::from_env(_, "…")`, `registry: "…"` of `shard!`, and `SHARD` where a backend is
///   mounted that takes it by default,
/// - `shard! { struct Room; … }` and `#[durable_object] struct Room` are classes.
///
/// An environment is `ctx`, a value with `env` in its name (`self.env`, `ctx.env()`, `worker_env`), and
/// what the same file declares as `Env` or `RouteContext` (`bindings: &Env`) or assigns from such a value
/// (`let bindings = &self.env;`). So `s3.put_object().bucket("…")` is not a binding.
///
/// The check skips tests (`#[test]`, `#[tokio::test]`, and anything under a `#[cfg(…)]` that has `test`
/// outside of `not(…)`), `src/bin/`, and `src/main.rs` beside a `src/lib.rs`. Comments change the
/// needs:
///
/// - `// lunora: ignore` on its own line removes the needs of the item or statement that follows, and
///   at the end of a line those of that line,
/// - `// lunora: binding` on the line of such a method, or the line above, makes it a binding
///   whatever is before the dot.
///
/// The same literals show two mistakes about backups that no type catches: a
/// `DurableShardRegistry::new(env.durable_object("…")?)` of another binding than `registry: "…"` of the
/// `shard!` is an error, and a bucket of `.store(env.bucket("…")?)` outside the `jurisdiction:` of the
/// `shard!` is a warning. If a crate has several `shard!`, those of `.shard_do(Room::shards(…))` count.
///
/// A value that is not a literal is not seen: a name in a constant, an expression that is parsed when
/// the Worker runs, code that a macro generates, the needs of a dependency. Secrets and variables are
/// not checked, since the file need not list them.
///
/// # Errors
/// Returns every problem in the order of the places, [warnings](crate::Severity::Warning) included.
pub fn check_crate(dir: &Path) -> Result<(), Vec<Problem>> {
    let (unread, problems) = check_sources(dir);
    let problems: Vec<Problem> = problems.into_iter().chain(unread).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Returns a problem for each source that cannot be read, and the problems of the file with the needs
/// of the others.
pub(crate) fn check_sources(dir: &Path) -> (Vec<Problem>, Vec<Problem>) {
    let file = file_of(dir);
    let Sources { expected, unread } = scan::sources(dir);
    let problems = match read(dir, file) {
        Ok(text) => check_file(file, &text, &expected).err().unwrap_or_default(),
        Err(problem) => vec![problem],
    };
    (unread, problems)
}

/// Reads the wrangler configuration of the crate in `dir` as JSON, for a tool that serves the Worker.
///
/// # Errors
/// Returns a problem if there is no such file, or it cannot be parsed.
pub fn config(dir: &Path) -> Result<serde_json::Value, Problem> {
    let file = file_of(dir);
    let text = read(dir, file)?;
    value::to_json(file, text.strip_prefix('\u{feff}').unwrap_or(&text))
}

pub(crate) fn read(dir: &Path, file: &str) -> Result<String, Problem> {
    fs::read_to_string(dir.join(file)).map_err(|error| {
        let place = Place { file: file.into(), line: 1 };
        Problem::new(
            place,
            format!("cannot read the file: {error}"),
            format!("put it beside Cargo.toml in {}", dir.display()),
        )
    })
}

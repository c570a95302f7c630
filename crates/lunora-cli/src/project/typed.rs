//! `lunora codegen client`: a typed `api` for `lunora-client`, from the functions of a crate on this machine.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use lunora_codegen::{
    Place, Problem, Severity,
    typescript::{self, Api, Function},
};
use tempfile::TempDir;

use super::sources::answer;
use crate::{Outcome, failure::Failure, output::Output};

/// Names the folder into which the tests of `shard!` write.
const FUNCTIONS_DIR: &str = "LUNORA_FUNCTIONS_DIR";

/// The module that the generated types import.
const CLIENT: &str = "lunora-client";

/// Write api.js and api.d.ts: the functions of the crate in the current folder, typed for lunora-client.
///
/// It runs the tests of the crate that `shard!` makes. Each type of a function derives
/// `schemars::JsonSchema`. Does not contact a deployment.
#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// The output folder; client/ beside Cargo.toml by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only check whether the files are up to date.
    #[arg(long)]
    check: bool,
}

/// Writes the typed client, or only checks that it matches the functions.
pub(crate) fn client(args: ClientArgs, output: &Output) -> Result<Outcome, Failure> {
    let krate = current_crate()?;
    let shards = match typescript::shards(&krate) {
        Ok(shards) => shards,
        Err(problems) => return Ok(answer(&problems, "", output)),
    };
    let functions = functions(&krate, &shards)?;
    let untyped = typescript::untyped(&krate, &functions);
    if !untyped.is_empty() {
        return Ok(answer(&untyped, "", output));
    }
    let out = args.out.unwrap_or_else(|| krate.join("client"));
    let api = typescript::api(&functions, CLIENT);
    let shown = out.display();
    if args.check {
        let fine = format!("{shown} is up to date");
        return Ok(answer(&stale(&out, &api), &fine, output));
    }
    fs::create_dir_all(&out).map_err(|error| Failure::file(&out, error))?;
    for (name, text) in files(&api) {
        let file = out.join(name);
        fs::write(&file, text).map_err(|error| Failure::file(&file, error))?;
    }
    Ok(answer(&[], &format!("{shown}: api.js and api.d.ts are written"), output))
}

fn files(api: &Api) -> [(&'static str, &str); 2] {
    [("api.js", &api.js), ("api.d.ts", &api.dts)]
}

/// Returns a problem for each file that differs from what the functions generate.
fn stale(out: &Path, api: &Api) -> Vec<Problem> {
    let differing = files(api).into_iter().filter_map(|(name, text)| {
        let file = out.join(name);
        let written = fs::read_to_string(&file).unwrap_or_default();
        Some(Problem {
            place: Place::of_difference(file.display().to_string(), &written, text)?,
            message: "differs from the functions of the crate".to_owned(),
            fix: "run `lunora codegen client` with the same `--out`".to_owned(),
            severity: Severity::Error,
        })
    });
    differing.collect()
}

/// Returns the folder of the crate that the current folder is in.
fn current_crate() -> Result<PathBuf, Failure> {
    let current = env::current_dir().map_err(|error| Failure::file(Path::new("."), error))?;
    let is_crate = |dir: &&Path| {
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == "[package]")
    };
    current.ancestors().find(is_crate).map(Path::to_owned).ok_or_else(|| {
        Failure::Project(format!(
            "{} is not in a crate: neither it nor a folder above has a Cargo.toml with `[package]`; change to \
             the folder of the Worker's crate",
            current.display()
        ))
    })
}

/// Returns the functions of `shards`, which their tests write.
fn functions(krate: &Path, shards: &[String]) -> Result<Vec<Function>, Failure> {
    let folder = TempDir::new().map_err(|error| Failure::file(&env::temp_dir(), error))?;
    let tests = tests(krate, shards)?;
    let ran = cargo_test(krate)
        .args(["--exact"])
        .args(tests)
        .env(FUNCTIONS_DIR, folder.path())
        .output()
        .map_err(|error| no_cargo(&error))?;
    if !ran.status.success() {
        // The standard error cannot fail in a way that could be told.
        let _ = io::stderr().write_all(&ran.stdout);
        let _ = io::stderr().write_all(&ran.stderr);
        return Err(Failure::Project(
            "the functions of the crate cannot be described; fix the failed test above".to_owned(),
        ));
    }
    let mut found: BTreeMap<String, Function> = BTreeMap::new();
    let entries =
        fs::read_dir(folder.path()).map_err(|error| Failure::file(folder.path(), error))?;
    for entry in entries {
        let file = entry.map_err(|error| Failure::file(folder.path(), error))?.path();
        let text = fs::read_to_string(&file).map_err(|error| Failure::file(&file, error))?;
        let list = Function::list(&text).ok_or_else(|| {
            Failure::Project(
                "the functions of the crate have an unknown form; use the tool of the same version as the \
                 crate's `lunora`"
                    .to_owned(),
            )
        })?;
        for function in list {
            let path = function.path.clone();
            let before = found.insert(path.clone(), function);
            if before.is_some_and(|before| found.get(&path) != Some(&before)) {
                return Err(Failure::Project(format!(
                    "two shards have a function `{path}` with different types; rename one of them"
                )));
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Compiles the tests of the crate, and returns those that write the functions of `shards`.
fn tests(krate: &Path, shards: &[String]) -> Result<Vec<String>, Failure> {
    let listed = cargo_test(krate)
        .args(["--list", "--format", "terse"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_cargo(&error))?;
    if !listed.status.success() {
        return Err(Failure::Project(
            "cargo cannot build the tests of the crate; fix what it reports above. A crate whose types derive \
             `schemars::JsonSchema` depends on `schemars` 1, and every type of their fields derives it too"
                .to_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let mut tests = Vec::new();
    for shard in shards {
        let of_shard = names.iter().find(|name| name.rsplit("::").next() == Some(shard));
        let test = of_shard.ok_or_else(|| {
            Failure::Project(format!(
                "the library has no `shard!` named `{shard}` when it is compiled for tests; remove the `cfg` \
                 that excludes it, or the declaration in a file that is no module"
            ))
        })?;
        tests.push((*test).to_owned());
    }
    Ok(tests)
}

fn cargo_test(krate: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--lib", "--features", "lunora/schema", "--"]).current_dir(krate);
    cargo
}

fn no_cargo(error: &io::Error) -> Failure {
    Failure::Project(format!("cannot run cargo: {error}; install Rust from https://rustup.rs"))
}

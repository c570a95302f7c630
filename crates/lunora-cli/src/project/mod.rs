//! The commands for a crate on this machine: `new`, `dev`, `build`, `check` and `codegen`. They do not
//! contact a deployment.

mod create;
mod origin;
mod sources;
mod template;
mod typed;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lunora_build::{Build, SchemaLock, WasmOpt};
use lunora_dev::Dev;

pub(crate) use self::{
    create::create,
    sources::{check, codegen, fix},
    template::Kind,
    typed::{ClientArgs, client},
};
use crate::{Outcome, failure::Failure, output::Output};

/// Serve the Worker of a crate on workerd, and follow every change of its files.
///
/// The Worker is at http://127.0.0.1:8787/, and needs no account and no network. Durable Objects, R2 and
/// KV are on disk in .state/. If client/ has an api.d.ts, it is rewritten when a function changes.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The folder of the crate.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The port on 127.0.0.1.
    #[arg(short, long, default_value_t = 8787)]
    port: u16,
    /// Optimize each build, as for a deployment.
    #[arg(long)]
    release: bool,
    /// Write api.js and api.d.ts into this folder after each build; client/ by default, if it has an api.d.ts.
    #[arg(long, value_name = "DIR")]
    client: Option<PathBuf>,
    /// Write the functions for the Rust crate lunora-client to this file after each build, such as
    /// ../tool/src/api.rs.
    #[arg(long, value_name = "FILE")]
    client_rust: Option<PathBuf>,
}

/// Build the Worker of a crate into build/, for wrangler.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The folder of the crate.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Compile quickly; the Worker is slower and larger.
    #[arg(long)]
    dev: bool,
    /// The output folder; build/ beside Cargo.toml by default.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// The wasm-opt to run; WASM_OPT_BIN or npm's binaryen by default.
    #[arg(long, value_name = "PATH", conflicts_with = "no_wasm_opt")]
    wasm_opt: Option<PathBuf>,
    /// Do not run wasm-opt.
    #[arg(long)]
    no_wasm_opt: bool,
    /// Keep the names of functions, for stack traces and profiles.
    #[arg(long)]
    names: bool,
    /// What to do with lunora.schema.lock, which says how stored documents look; update by default, frozen
    /// where CI is set, warn with --dev.
    #[arg(long, value_enum, value_name = "MODE")]
    schema_lock: Option<LockMode>,
}

/// What a build does with the schema lock.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LockMode {
    /// Write it; fail if a change needs a migration.
    Update,
    /// Write nothing; fail if it would change, too.
    Frozen,
    /// Write nothing, and print what would fail.
    Warn,
    /// Do not look at it.
    Ignore,
}

impl From<LockMode> for SchemaLock {
    fn from(mode: LockMode) -> Self {
        match mode {
            LockMode::Update => Self::Update,
            LockMode::Frozen => Self::Frozen,
            LockMode::Warn => Self::Warn,
            LockMode::Ignore => Self::Ignore,
        }
    }
}

/// Serves the crate until Ctrl-C.
pub(crate) fn dev(args: &DevArgs) -> Result<Outcome, Failure> {
    let mut dev = Dev::new(&args.dir).port(args.port).release(args.release);
    if let Some(dir) = &args.client {
        dev = dev.client(dir);
    }
    if let Some(file) = &args.client_rust {
        dev = dev.client_rust(file);
    }
    dev.run().map_err(|error| Failure::Project(error.to_string()))?;
    Ok(Outcome::Done)
}

/// Builds the crate once.
pub(crate) fn build(args: BuildArgs, output: &Output) -> Result<Outcome, Failure> {
    let mut build = Build::new(&args.dir).release(!args.dev);
    if let Some(dir) = args.out_dir {
        build = build.out_dir(dir);
    }
    if args.names {
        build = build.names(true);
    }
    if let Some(mode) = args.schema_lock {
        build = build.schema_lock(mode.into());
    }
    if args.no_wasm_opt {
        build = build.wasm_opt(WasmOpt::Off);
    } else if let Some(program) = args.wasm_opt {
        build = build.wasm_opt(WasmOpt::Program(program));
    }
    let built = build.run().map_err(|error| Failure::Project(error.to_string()))?;
    output.line(&format!("Built {}: the wasm has {}.", built.dir.display(), built.wasm));
    for note in &built.notes {
        output.note(note);
    }
    if built.wasm_opt.is_none() && built.wasm.gzip.is_some() && !args.no_wasm_opt {
        output.note(
            "hint: run `npm install --save-dev binaryen`: its wasm-opt makes the Worker smaller",
        );
    }
    Ok(Outcome::Done)
}

/// Create an application: a page, a shard, a registry, nightly backups, and tests.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to create; its name is that of the Worker.
    dir: PathBuf,
    /// The part that answers requests for pages.
    #[arg(long, value_enum, default_value_t = Kind::Plain)]
    with: Kind,
    /// The source of the lunora crates: a git URL, or the folder of a checkout. By default the source of
    /// this tool.
    #[arg(long, value_name = "SOURCE")]
    lunora: Option<String>,
}

impl NewArgs {
    pub(crate) fn run(&self, output: &Output) -> Result<Outcome, Failure> {
        create(&self.dir, self.with, self.lunora.as_deref(), output)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", clap::builder::PossibleValue::get_name))
    }
}

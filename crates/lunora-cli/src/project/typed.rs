//! `lunora codegen client`: a typed `api` for `lunora-client`, from the functions of a crate on this machine.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use lunora_dev::{Error, TypedClient};

use super::sources::answer;
use crate::{Outcome, failure::Failure, output::Output};

/// Write api.js and api.d.ts, or a file of Rust: the functions of the crate in the current folder, typed for lunora-client.
///
/// It runs the tests of the crate that `shard!` makes. Each type of a function derives
/// `schemars::JsonSchema`. Does not contact a deployment.
#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// The output folder; client/ beside Cargo.toml by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the functions for the Rust crate lunora-client to this file, such as ../tool/src/api.rs. Without --out,
    /// nothing else is written.
    #[arg(long, value_name = "FILE")]
    rust: Option<PathBuf>,
    /// Only check whether the files are up to date.
    #[arg(long)]
    check: bool,
}

/// Writes the typed client, or only checks that it matches the functions.
pub(crate) fn client(args: ClientArgs, output: &Output) -> Result<Outcome, Failure> {
    let mut client = TypedClient::new(current_crate()?);
    if let Some(out) = args.out {
        client = client.out(out);
    }
    if let Some(file) = args.rust {
        client = client.rust(file);
    }
    let api = match client.generate() {
        Ok(api) => api,
        Err(Error::Sources(problems)) => return Ok(answer(&problems, "", output)),
        Err(error) => return Err(failure(&error)),
    };
    let files: Vec<_> = client.files().iter().map(|file| file.display().to_string()).collect();
    let shown = files.join(" and ");
    if args.check {
        let fine = format!("up to date: {shown}");
        return Ok(answer(&client.stale(&api), &fine, output));
    }
    client.write(&api).map_err(|error| failure(&error))?;
    Ok(answer(&[], &format!("{shown} written"), output))
}

/// Prints what a failed test said, and returns the error.
fn failure(error: &Error) -> Failure {
    if let Error::Tests { output, .. } = error {
        // The standard error cannot fail in a way that could be told.
        let _ = io::stderr().write_all(output.as_bytes());
    }
    Failure::Project(error.to_string())
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

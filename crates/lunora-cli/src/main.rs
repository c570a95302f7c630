//! `lunora`: makes, serves and checks a Worker, and operates its deployment.
//!
//! The token comes only from `LUNORA_ADMIN_TOKEN`, since every process of a machine sees arguments. The
//! answer of a command goes to the standard output, everything else to the standard error.

#![allow(clippy::print_stdout, reason = "it is a command")]

mod args;
mod backup;
mod client;
mod conformance;
mod cron;
mod failure;
mod migrate;
mod moment;
mod output;
mod project;
mod registry;
mod rpc;
mod seal;
mod transfer;

use std::process::ExitCode;

use crate::{
    args::{Args, Codegen, Command},
    client::Client,
    failure::Failure,
    output::Output,
    rpc::Caller,
};

/// The result of a command that ran to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// The command succeeded.
    Done,
    /// The snapshot for the last due time is missing.
    Overdue,
    /// The command found a problem: a damaged snapshot, rejected rows, failed shards.
    Flawed,
}

fn main() -> ExitCode {
    let args = args::parse();
    let output = Output::new(args.json);
    match run(args, &output) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Overdue) => ExitCode::from(1),
        Ok(Outcome::Flawed) => ExitCode::from(3),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(args: Args, output: &Output) -> Result<Outcome, Failure> {
    let connect = || Client::new(&args.url, args.timeout);
    match args.command {
        Command::New(args) => args.run(output),
        Command::Dev(args) => project::dev(&args),
        Command::Build(args) => project::build(args, output),
        Command::Check { dir, fix: true } => Ok(project::fix(&dir, output)),
        Command::Check { dir, fix: false } => Ok(project::check(&dir, output)),
        Command::Codegen { target: Some(Codegen::Client(args)), .. } => {
            project::client(args, output)
        }
        Command::Codegen { target: None, dir, check } => Ok(project::codegen(&dir, check, output)),
        Command::Cron(command) => cron::run(&command, output),
        Command::Backup(command) => backup::run(command, &connect()?, output),
        Command::Export { tables, allow_empty_registry, output: file } => {
            let wish =
                transfer::ExportWish { tables, allow_empty_registry, end: true, shard_keys: true };
            transfer::export(&wish, file.as_deref(), &connect()?, output)
        }
        Command::Import { file, shard } => {
            transfer::import(&file, shard.as_deref(), &connect()?, output)
        }
        Command::Migrate(args) => migrate::run(&args, &connect()?, output),
        Command::Registry(command) => registry::run(command, &connect()?, output),
        Command::Rpc { function, args, shard, token, as_user } => {
            let caller = match (as_user, token) {
                (Some(user), _) => Caller::Operator { user },
                (None, Some(token)) => Caller::User { token },
                (None, None) => Caller::Anonymous,
            };
            rpc::run(&function, &args, shard.as_deref(), &caller, &connect()?, output)
        }
        Command::Conformance(command) => conformance::run(&command, &args.url, output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut args::command(), "lunora", &mut std::io::stdout());
            Ok(Outcome::Done)
        }
    }
}

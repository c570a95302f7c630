//! `cargo xtask`: what a checkout needs beyond cargo itself.

#![allow(clippy::print_stdout)]

mod build;
mod dependencies;
mod dev;
mod node;
mod shell;
mod test;
mod wire;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

  dev [--port 8787] [--release]   builds the example and serves it on workerd, rebuilding on changes
  build [--dev]                   builds the example
  test [--only lint|unit|e2e]     runs every check, or those of one kind";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["dev", ref rest @ ..] => dev::run(&dev::Options::parse(rest)?),
        ["build"] => build::run(true),
        ["build", "--dev"] => build::run(false),
        ["test"] => test::run(None),
        ["test", "--only", kind] => test::run(Some(kind)),
        [] | ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown command `{}`\n\n{USAGE}", words.join(" ")),
    }
}

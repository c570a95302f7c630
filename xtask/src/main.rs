//! `cargo xtask`: what a checkout needs beyond cargo itself.

#![allow(clippy::print_stdout)]

#[cfg(test)]
mod arrows;
mod bench;
mod browser;
mod budgets;
mod build;
mod citations;
mod codegen;
mod deny;
mod dependencies;
mod dev;
#[cfg(test)]
mod english;
mod fuzz;
mod kills;
mod node;
mod package;
#[cfg(test)]
mod public;
mod readme;
mod release;
mod shell;
mod simulate;
mod size;
mod soak;
#[cfg(test)]
mod sources;
mod steps;
mod teeth;
mod template;
mod test;
mod wire;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

  dev [--port 8787] [--release]   builds the example, serves it on workerd, and follows changes
  build [--dev]                   builds the example
  codegen [--check]               writes the generated entries, or says whether they are up to date
  template                        makes, tests and builds an application of each kind that `lunora new` has
  readme                          builds the application that README.md shows
  package                         packages the crates for crates.io, and checks their metadata and files
  bench [requests] [--quick] [--only ROW] [--contenders adb] [--rounds 7] [--ms 1000]
                                  measures requests beside other ways to serve them
  bench shards [--quick] [--only ROW] [--contenders adg] [--rounds 7] [--ms 1000]
                                  measures queries and mutations beside a shard by hand in JavaScript
  bench native [FILTER]           measures codecs, merges and calls beside serde alone
  bench backup [--mib 1024] [--rounds 3]   measures backups against a copy by JavaScript
  bench fan-out [--rounds 15]              measures queries across 1 to 1,000 shards
  bench live [--rounds 31]                 measures a write that live queries wait for
  simulate [--seeds N] [--minutes M] [--seed S] [--operations K]
                                  runs the workload over simulated deployments, one per seed
  teeth [FAULT ..]                plants each fault of simulation/faults, and finds it again
  fuzz [--minutes N] [--seed S] [TARGET]   feeds mutated input to the parsers
  deny                            checks licences, sources, banned crates and advisories
  soak [CALLS] [CONNECTIONS]      drives the example with a million calls and 2,000 connections, and
                                  prints its memory
  kills [--runs N] [--seed S]     kills workerd at random points of backups, restores, imports and writes,
                                  and checks rows and snapshots after each
  size                            prints what each part of a Worker weighs, and its largest functions
  budgets                         checks sizes and crossings against their budgets
  release --dry-run               walks the checklist of a release, and publishes nothing
  test [--fast] [--only lint|unit|e2e]
                                  runs every check, those of less than a minute, or those of one kind";

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
    // A question is no order: `bench requests --help` must not measure for minutes.
    if matches!(words[..], [] | ["help"])
        || words.iter().any(|word| ["-h", "--help"].contains(word))
    {
        println!("{USAGE}");
        return Ok(());
    }
    match words[..] {
        ["dev", ref rest @ ..] => dev::run(dev::parse(rest)?),
        ["build"] => build::run(true),
        ["build", "--dev"] => build::run(false),
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["release", ref rest @ ..] => release::run(rest),
        ["package"] => package::check(),
        ["template"] => template::check(),
        ["readme"] => readme::check(),
        ["bench", ref rest @ ..] => bench::run(rest),
        ["simulate", ref rest @ ..] => simulate::run(rest),
        ["teeth", ref faults @ ..] => teeth::run(faults),
        ["soak", ref rest @ ..] => soak::run(rest),
        ["kills", ref rest @ ..] => kills::run(rest),
        ["fuzz", ref rest @ ..] => fuzz::run(rest),
        ["deny"] => deny::check(),
        ["size"] => size::run(),
        ["budgets"] => budgets::check(),
        ["test"] => test::run(None),
        ["test", "--fast"] => test::run_fast(),
        ["test", "--only", kind] => test::run(Some(kind)),
        _ => bail!("unknown command `{}`\n\n{USAGE}", words.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::shell::root;

    /// The oldest Rust that is promised is the one that every check runs on.
    #[test]
    fn the_stated_rust_version_is_the_checked_one() {
        let value = |file: &str, key: &str| {
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split('"').nth(1).unwrap_or_default().to_owned()
        };
        let (stated, checked) =
            (value("Cargo.toml", "rust-version"), value("rust-toolchain.toml", "channel"));
        assert!(!stated.is_empty());
        assert!(
            checked == stated || checked.starts_with(&format!("{stated}.")),
            "{stated} {checked}"
        );
    }
}

//! Feeds mutated input to every parser that reads bytes of a client or an operator; see
//! `cargo xtask fuzz`.

#![allow(clippy::print_stdout, reason = "a command that reports")]

mod campaign;
mod corpus;
mod mutate;
mod targets;

use std::{env, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{campaign::Campaign, targets::TARGETS};

const USAGE: &str = "\
Usage: lunora-fuzz [--minutes N | --seconds N] [--seed S] [TARGET]

  --minutes N, --seconds N   time for all targets together; default 5 minutes
  --seed S                   repeats a run; default a fresh one, which is printed";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every target held.
fn run(args: &[String]) -> Result<bool> {
    let mut total = Duration::from_secs(300);
    let mut campaign = Campaign { seed: fastrand::u64(..), ..Campaign::default() };
    let mut name = None;
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let mut number = || -> Result<u64> {
            let value = args.next().with_context(|| format!("{arg} needs a number"))?;
            value.parse().with_context(|| format!("invalid number for {arg}: `{value}`"))
        };
        match arg {
            "--minutes" => total = Duration::from_secs(60 * number()?),
            "--seconds" => total = Duration::from_secs(number()?),
            "--seed" => campaign.seed = number()?,
            // What the fuzzer starts itself with.
            "--child" => campaign.child = true,
            "--trace" => campaign.trace = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(true);
            }
            target if !target.starts_with('-') && name.is_none() => name = Some(target),
            other => bail!("unexpected argument `{other}`\n\n{USAGE}"),
        }
    }
    let chosen: Vec<_> =
        TARGETS.iter().filter(|target| name.is_none_or(|name| name == target.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("unknown target; expected one of {}", names.join(", "));
    }
    let targets = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    campaign.time = total / targets;
    let mut held = true;
    for target in chosen {
        held &= if campaign.child { campaign.run(target)? } else { campaign.run_apart(target)? };
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use crate::{campaign, corpus, targets::TARGETS};

    #[test]
    fn every_target_has_seeds_and_holds_for_them() {
        for target in TARGETS {
            let seeds = corpus::load(target.name).unwrap_or_default();
            assert!(seeds.len() > 1, "{} has no corpus", target.name);
            for (name, input) in seeds {
                let failure = campaign::failure(target, &input);
                assert_eq!(failure, None, "{}/{name}", target.name);
            }
        }
    }
}

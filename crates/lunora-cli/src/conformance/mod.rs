//! `lunora conformance`: checks that a deployment keeps the rules of the wire.
//!
//! A case is a rule, the section of `docs/wire.md` that states it, and a function that asks the
//! deployment and checks its answers. The engine runs the table of cases one after another, each under
//! a deadline. Without a mutation on the command line no case writes.

mod answer;
mod case;
mod cases;
mod engine;
mod report;
mod socket;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use crate::{
    Outcome, client::Client, conformance::target::Target, failure::Failure, output::Output,
};

/// Check that a deployment keeps the rules of the wire.
///
/// Each case stands on a section of docs/wire.md. Cases that need the admin token (LUNORA_ADMIN_TOKEN), a
/// query or a mutation are skipped without it. Without --mutation nothing is written. The exit code is 3
/// if a case failed.
#[derive(Debug, Args)]
pub(crate) struct ConformanceArgs {
    /// The deployment, such as https://chat.example.com; LUNORA_URL by default.
    #[arg(value_name = "URL")]
    deployment: Option<String>,
    /// A query that the caller may run, such as messages:list.
    #[arg(long, value_name = "PATH")]
    query: Option<String>,
    /// Its arguments, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = object)]
    query_args: Map<String, Value>,
    /// A mutation that the caller may run, each run of which changes the value of the query.
    #[arg(long, value_name = "PATH", requires = "query")]
    mutation: Option<String>,
    /// Its arguments, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = object)]
    mutation_args: Map<String, Value>,
    /// The shard of both; the default shard if absent. With --mutation, one without other writers.
    #[arg(long, value_name = "KEY")]
    shard: Option<String>,
    /// The bearer token of a user; anonymous without it.
    #[arg(long, env = "LUNORA_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Run only the cases whose rule contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
}

/// The time that a case may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Timeout of the first request, which finds out whether there is a deployment, in seconds.
const REACHABLE_WITHIN: u64 = 10;

pub(crate) fn run(args: &ConformanceArgs, url: &str, output: &Output) -> Result<Outcome, Failure> {
    let client = Client::new(args.deployment.as_deref().unwrap_or(url), REACHABLE_WITHIN)?;
    let admin = client.has_token().then(|| client.bearer()).transpose()?;
    let target = Target::new(client, args, admin)?;
    let filter = args.filter.as_deref().unwrap_or_default().trim().replace([' ', '-'], "_");
    let cases: Vec<_> = cases::all().filter(|case| case.rule.contains(&filter)).collect();
    if cases.is_empty() {
        return Err(Failure::Usage(format!("no case has a rule that contains `{filter}`")));
    }
    target.reach()?;
    let report = engine::run(&cases, &target, DEADLINE, |line| output.line(line));
    output.answer(&report, || report.summary());
    Ok(if report.failed == 0 { Outcome::Done } else { Outcome::Flawed })
}

/// Parses arguments of a function.
fn object(json: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(json).map_err(|error| format!("expected a JSON object: {error}"))
}

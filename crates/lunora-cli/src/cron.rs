//! `lunora cron`.

use lunora::schedule::CronExpression;

use crate::{Outcome, args::Cron, failure::Failure, moment::Moment, output::Output};

pub(crate) fn run(command: &Cron, output: &Output) -> Result<Outcome, Failure> {
    let Cron::Next { expression, count, after } = command;
    let cron: CronExpression =
        expression.parse().map_err(|error| Failure::Usage(format!("`{expression}`: {error}")))?;
    let after = after.unwrap_or_else(Moment::now).as_ms();
    let times: Vec<String> = cron
        .upcoming(after)
        .map_while(Moment::of_ms)
        .take(*count)
        .map(|moment| moment.to_string())
        .collect();
    output.answer(&times, || times.join("\n"));
    Ok(Outcome::Done)
}

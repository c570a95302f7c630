//! The loop over contenders, round after round, and its figures.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{
    contenders::{self, Contender, Row},
    load::Load,
    workerd::Workerd,
};
use crate::{build, node};

/// What is measured, and for how long.
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) milliseconds: u32,
    /// Only rows and contenders like these.
    only: Option<String>,
    letters: Option<String>,
    /// Whether the file of the tables is written.
    pub(crate) write: bool,
}

/// The head of every table.
pub(crate) const HEAD: &str = "\
| request | connections | contender | requests/s | to (a) | p50 | p99 | to (a) | CPU per request | to (a) |
|---|---|---|---|---|---|---|---|---|---|
";

/// A contender, and the process that serves it.
pub(crate) type Server<'a> = (&'a Contender, Workerd);

/// One contender's figures of one round.
struct Sample {
    per_second: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of processor a request.
    cpu: f64,
}

impl Options {
    /// `--quick`, `--rounds 5`, `--ms 1000`, `--only "one call x1"`, `--contenders ad`. The file of the
    /// tables is written by a whole run only.
    pub(crate) fn parse(args: &[&str]) -> Result<Self> {
        let quick = args.contains(&"--quick");
        let value = |name: &str| -> Option<&str> {
            let place = args.iter().position(|arg| *arg == name)?;
            args.get(place + 1).copied()
        };
        let number = |name: &str, default: u32| match value(name) {
            Some(text) => text.parse().with_context(|| format!("`{name} {text}`")),
            None => Ok(default),
        };
        let (only, letters) =
            (value("--only").map(str::to_owned), value("--contenders").map(str::to_owned));
        Ok(Self {
            rounds: number("--rounds", if quick { 3 } else { 7 })?,
            milliseconds: number("--ms", if quick { 300 } else { 1000 })?,
            write: !quick && only.is_none() && letters.is_none(),
            only,
            letters,
        })
    }

    /// Builds and starts the contenders that are asked for.
    ///
    /// # Errors
    /// When something cannot be built or started.
    pub(crate) fn serve<'a>(&self, contenders: &'a [Contender]) -> Result<Vec<Server<'a>>> {
        build::install_target()?;
        node::install()?;
        contenders::install()?;
        let letter = |contender: &&Contender| {
            self.letters.as_ref().is_none_or(|letters| letters.contains(contender.letter))
        };
        let mut servers = Vec::new();
        for contender in contenders.iter().filter(letter) {
            contender.build()?;
            let mut server = contender.serve(&contender.letter.to_string())?;
            server.wait()?;
            servers.push((contender, server));
        }
        ensure!(!servers.is_empty(), "no contender has a letter like that");
        Ok(servers)
    }

    /// Keeps the rows that are asked for.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn rows<R: Row>(&self, mut rows: Vec<R>) -> Result<Vec<R>> {
        rows.retain(|row| {
            let row = format!("{} x{}", row.name(), row.connections());
            self.only.as_ref().is_none_or(|only| row.contains(only.as_str()))
        });
        ensure!(!rows.is_empty(), "no row has a name like that");
        Ok(rows)
    }

    /// Measures every row, prints its lines, and returns all of them.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub(crate) fn measure<R: Row>(&self, rows: &[R], servers: &[Server<'_>]) -> Result<String> {
        let mut table = String::new();
        print!("{HEAD}");
        for row in rows {
            let lines = self.measure_row(row, servers)?;
            print!("{lines}");
            table.push_str(&lines);
        }
        Ok(table)
    }

    /// The lines of one row: every contender, in turn, round after round.
    fn measure_row(&self, row: &impl Row, servers: &[Server<'_>]) -> Result<String> {
        let mut samples: Vec<Vec<Sample>> = servers.iter().map(|_| Vec::new()).collect();
        // The first round warms up.
        for round in 0..=self.rounds {
            for place in 0..servers.len() {
                // Each goes first in some round.
                let place = (place + round as usize) % servers.len();
                let (contender, server) = &servers[place];
                let Some(request) = row.request(contender) else { continue };
                let load = Load {
                    address: row.address(server),
                    request,
                    connections: row.connections(),
                    time: Duration::from_millis(self.milliseconds.into()),
                    requests: u64::MAX,
                    status: row.status(),
                };
                let before = server.cpu()?;
                let measured =
                    load.run().with_context(|| format!("{}: {}", contender.name, row.name()))?;
                let cpu = server.cpu()? - before;
                row.undo(server)?;
                if round > 0 {
                    samples[place].push(Sample {
                        per_second: measured.per_second(),
                        p50: micros(measured.quantile(0.5)),
                        p99: micros(measured.quantile(0.99)),
                        cpu: micros(cpu) / measured.requests() as f64,
                    });
                }
            }
        }
        let mut lines = String::new();
        for ((contender, _), own) in servers.iter().zip(&samples) {
            if own.is_empty() {
                continue;
            }
            let of = |field: fn(&Sample) -> f64| median(own.iter().map(field));
            let against = |field: fn(&Sample) -> f64| {
                let ratios =
                    own.iter().zip(&samples[0]).map(|(own, first)| field(own) / field(first));
                spread(ratios)
            };
            let _ = writeln!(
                lines,
                "| {} | {} | ({}) {} | {:.0} | {} | {:.0} | {:.0} | {} | {:.1} | {} |",
                row.name(),
                row.connections(),
                contender.letter,
                contender.name,
                of(|s| s.per_second),
                against(|s| s.per_second),
                of(|s| s.p50),
                of(|s| s.p99),
                against(|s| s.p99),
                of(|s| s.cpu),
                against(|s| s.cpu),
            );
        }
        Ok(lines)
    }
}

/// Asks for a row until the runtime has optimized the code of the contender: it counts as processor
/// time of the process while it does.
///
/// # Errors
/// When an answer is not what it must be.
pub(crate) fn warm_up(
    row: &impl Row,
    requests: u64,
    (contender, server): &Server<'_>,
) -> Result<()> {
    let Some(request) = row.request(contender) else { return Ok(()) };
    let load = Load {
        address: row.address(server),
        request,
        connections: 32,
        time: Duration::from_secs(60),
        requests,
        status: row.status(),
    };
    load.run().with_context(|| format!("{}: warming up", contender.name))?;
    row.undo(server)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median, and from where to where.
pub(crate) fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(first), Some(last)) => {
            format!("{:.2} ({first:.2}–{last:.2})", values[values.len() / 2])
        }
        _ => String::new(),
    }
}

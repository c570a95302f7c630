//! `cargo xtask bench requests`: what a request costs, beside what people would use instead.

use std::{fmt::Write as _, fs, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{
    contenders::{self, CONTENDERS, Contender, Profile},
    crossings,
    load::Load,
    workerd::{Shard, Workerd},
};
use crate::{build, node, shell::root};

pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) milliseconds: u32,
    /// Only rows and contenders like these.
    pub(crate) only: Option<String>,
    pub(crate) letters: Option<String>,
    /// Whether the file of the table is written.
    pub(crate) write: bool,
}

/// One contender's figures of one round.
struct Sample {
    per_second: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of processor a request.
    cpu: f64,
}

/// Runs the table.
///
/// # Errors
/// When something cannot be built or started, or answers otherwise than it must.
pub(crate) fn run(options: &Options) -> Result<()> {
    build::install_target()?;
    node::install()?;
    contenders::install()?;
    let letter = |contender: &&Contender| {
        options.letters.as_ref().is_none_or(|letters| letters.contains(contender.letter))
    };
    let mut servers = Vec::new();
    for contender in CONTENDERS.iter().filter(letter) {
        let (entry, modules) = contender.build()?;
        let mut server = Workerd::start(&contender.letter.to_string(), &entry, &modules)?;
        server.wait()?;
        warm_up(contender, &server)?;
        servers.push((contender, server));
    }

    let profiles: Vec<Profile> = contenders::profiles()
        .into_iter()
        .filter(|profile| {
            let row = format!("{} x{}", profile.name(), profile.connections);
            options.only.as_ref().is_none_or(|only| row.contains(only.as_str()))
        })
        .collect();
    ensure!(!profiles.is_empty(), "no row has a name like that");
    let mut table = String::new();
    for profile in &profiles {
        let rows = measure(profile, &servers, options)?;
        print!("{rows}");
        table.push_str(&rows);
    }
    let starts = start_up(&servers.iter().map(|(c, _)| *c).collect::<Vec<_>>(), options.rounds)?;
    print!("{starts}");
    let crossings = crossings(&servers.iter().map(|(c, _)| *c).collect::<Vec<_>>())?;
    print!("{crossings}");
    if options.write {
        write_down(options, &table, &starts, &crossings)?;
    }
    Ok(())
}

/// Runs calls until the runtime has optimized the code of the contender: it counts as processor time
/// of the process while it does.
fn warm_up(contender: &Contender, server: &Workerd) -> Result<()> {
    let small = contenders::profiles().remove(0);
    let load = Load {
        address: server.address(Shard::Instant),
        request: small.request(contender).context("everyone knows a call")?,
        connections: 32,
        time: Duration::from_secs(60),
        requests: 20_000,
        status: small.status(),
    };
    load.run().with_context(|| format!("{}: warming up", contender.name)).map(drop)
}

/// The rows of one profile: every contender, in turn, round after round.
fn measure(
    profile: &Profile,
    servers: &[(&Contender, Workerd)],
    options: &Options,
) -> Result<String> {
    let mut samples: Vec<Vec<Sample>> = servers.iter().map(|_| Vec::new()).collect();
    // The first round warms up.
    for round in 0..=options.rounds {
        for place in 0..servers.len() {
            // Each goes first in some round.
            let place = (place + round as usize) % servers.len();
            let (contender, server) = &servers[place];
            let Some(request) = profile.request(contender) else { continue };
            let load = Load {
                address: server.address(profile.shard),
                request,
                connections: profile.connections,
                time: Duration::from_millis(options.milliseconds.into()),
                requests: u64::MAX,
                status: profile.status(),
            };
            let before = server.cpu()?;
            let measured =
                load.run().with_context(|| format!("{}: {}", contender.name, profile.name()))?;
            let cpu = server.cpu()? - before;
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
    let mut rows = String::new();
    for ((contender, _), own) in servers.iter().zip(&samples) {
        if own.is_empty() {
            continue;
        }
        let of = |field: fn(&Sample) -> f64| median(own.iter().map(field));
        let against = |field: fn(&Sample) -> f64| {
            let ratios = own.iter().zip(&samples[0]).map(|(own, first)| field(own) / field(first));
            spread(ratios)
        };
        let _ = writeln!(
            rows,
            "| {} | {} | ({}) {} | {:.0} | {} | {:.0} | {:.0} | {} | {:.1} | {} |",
            profile.name(),
            profile.connections,
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
    Ok(rows)
}

/// How long each takes from the start of its process to its first answer.
fn start_up(contenders: &[&Contender], rounds: u32) -> Result<String> {
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    let small = contenders::profiles().remove(0);
    for _ in 0..rounds.max(3) {
        for (contender, times) in contenders.iter().zip(&mut times) {
            let (entry, modules) = contender.modules();
            let request = small.request(contender).context("everyone knows a call")?;
            let start = std::time::Instant::now();
            let mut server = Workerd::start("start", &entry, &modules)?;
            server.wait()?;
            let load = Load {
                address: server.address(Shard::Instant),
                request,
                connections: 1,
                time: Duration::from_secs(1),
                requests: 1,
                status: 200,
            };
            load.run()?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let mut rows = String::new();
    for (contender, own) in contenders.iter().zip(&times) {
        let ratio = spread(own.iter().zip(&times[0]).map(|(own, first)| own / first));
        let _ = writeln!(
            rows,
            "| ({}) {} | {:.1} | {ratio} |",
            contender.letter,
            contender.name,
            median(own.iter().copied())
        );
    }
    Ok(rows)
}

/// What one call crosses.
fn crossings(contenders: &[&Contender]) -> Result<String> {
    let small = contenders::profiles().remove(0);
    let mut rows = String::new();
    for contender in contenders.iter().filter(|contender| contender.is_wasm()) {
        let counted = crossings::count(contender, &small)?;
        let _ = writeln!(
            rows,
            "| ({}) {} | {:.1} | {:.1} |",
            contender.letter, contender.name, counted.into, counted.out
        );
    }
    Ok(rows)
}

fn write_down(options: &Options, table: &str, starts: &str, crossings: &str) -> Result<()> {
    let text = format!(
        "# Benchmarks\n\n\
         `cargo xtask bench requests` writes this file. A run takes minutes, and absolute figures depend on the\n\
         machine. Each contender is a bare `workerd serve` in its own process with the same object behind it; the\n\
         load generator shares the machine. {} rounds of {} ms, contenders in turn. The figures are medians, with\n\
         the lowest and highest ratio to (a) of any round in brackets. Latencies and the processor time of the\n\
         workerd process are in microseconds.\n\n\
         | request | connections | contender | requests/s | to (a) | p50 | p99 | to (a) | CPU per request | to (a) |\n\
         |---|---|---|---|---|---|---|---|---|---|\n\
         {table}\n\
         Time from the start of the process to its first answer, in milliseconds:\n\n\
         | contender | ms | to (a) |\n|---|---|---|\n{starts}\n\
         Crossings between JavaScript and wasm for one small call, including allocations for the values that\n\
         cross:\n\n\
         | contender | into wasm | out of wasm |\n|---|---|---|\n{crossings}",
        options.rounds, options.milliseconds
    );
    fs::write(root().join("BENCHMARKS.md"), text)?;
    println!("\nWritten to BENCHMARKS.md.");
    Ok(())
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median, and from where to where.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(first), Some(last)) => {
            format!("{:.2} ({first:.2}–{last:.2})", values[values.len() / 2])
        }
        _ => String::new(),
    }
}

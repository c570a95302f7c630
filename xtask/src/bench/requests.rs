//! `cargo xtask bench requests`: what a request costs, beside what people would use instead.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result};

use super::{
    contenders::{self, CONTENDERS, Contender, Row, WITH_ADMIN},
    crossings,
    load::Load,
    measure::{HEAD, Options, median, spread, warm_up},
    report,
};

/// Runs the table.
///
/// # Errors
/// When something cannot be built or started, or answers otherwise than it must.
pub(crate) fn run(options: &Options) -> Result<()> {
    let rows = options.rows(contenders::profiles())?;
    let servers = options.serve(&CONTENDERS)?;
    let small = contenders::profiles().remove(0);
    for server in &servers {
        warm_up(&small, 20_000, server)?;
    }
    let table = options.measure(&rows, &servers)?;
    let contenders: Vec<_> = servers.iter().map(|(contender, _)| *contender).collect();
    WITH_ADMIN.build()?;
    let mut started = contenders.clone();
    started.push(&WITH_ADMIN);
    let starts = start_up(&started, options.rounds)?;
    print!("{starts}");
    let crossings = crossings(&contenders)?;
    print!("{crossings}");
    if options.write {
        let Options { rounds, milliseconds, .. } = options;
        let section = format!(
            "`cargo xtask bench requests`, {rounds} rounds of {milliseconds} ms. Every contender calls the same objects in JavaScript.\n\n\
             {HEAD}{table}\n\
             Time from the start of the process to its first answer, in milliseconds:\n\n\
             | contender | ms | to (a) |\n|---|---|---|\n{starts}\n\
             Crossings between JavaScript and wasm for one small call, including allocations for the values that\n\
             cross:\n\n\
             | contender | into wasm | out of wasm |\n|---|---|---|\n{crossings}"
        );
        report::write("Requests", &section)?;
    }
    Ok(())
}

/// How long each takes from the start of its process to its first answer.
fn start_up(contenders: &[&Contender], rounds: u32) -> Result<String> {
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    let small = contenders::profiles().remove(0);
    for _ in 0..rounds.max(3) {
        for (contender, times) in contenders.iter().zip(&mut times) {
            let request = small.request(contender).context("everyone knows a call")?;
            let start = std::time::Instant::now();
            let mut server = contender.serve("start")?;
            server.wait()?;
            let load = Load {
                address: small.address(&server),
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

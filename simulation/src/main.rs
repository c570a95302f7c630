//! `lunora-simulation`: the workload over many seeds.

#![allow(clippy::print_stdout)]

use std::{
    env,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use lunora::testing::check_seed;
use mimalloc::MiMalloc;

/// A fifth of a run is the allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "\
Usage: lunora-simulation [--seeds N] [--minutes M] [--seed S] [--operations K] [--quick]
       lunora-simulation --scripts N

  --seeds N        so many seeds, after the first (default: 1000)
  --minutes M      no new seed after so many minutes
  --seed S         the first seed; alone, only this one (default: from the clock)
  --operations K   operations per seed (default: 1000)
  --quick          reports a failure without making it smaller
  --scripts N      prints the first N seeds as scripts, with what clients must see";

struct Options {
    first: u64,
    seeds: u64,
    until: Option<Duration>,
    operations: u32,
    /// Whether a failure is reported as it is, and not made smaller.
    quick: bool,
}

fn main() -> ExitCode {
    if let [flag, count] = &env::args().skip(1).collect::<Vec<_>>()[..]
        && flag == "--scripts"
    {
        return write_scripts(count);
    }
    match options(env::args().skip(1).collect()) {
        Ok(options) => simulate(&options),
        Err(problem) => {
            eprintln!("error: {problem}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the scripts of the first seeds, one per line.
fn write_scripts(count: &str) -> ExitCode {
    for seed in 0..count.parse().unwrap_or(0) {
        match serde_json::to_string(&lunora_simulation::script(seed)) {
            Ok(script) => println!("{script}"),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn options(args: Vec<String>) -> Result<Options, String> {
    let (mut seeds, mut seed, mut minutes, mut operations) = (None, None, None, 1000);
    let mut args = args.into_iter();
    let mut quick = false;
    while let Some(name) = args.next() {
        if name == "--quick" {
            quick = true;
            continue;
        }
        let value = args.next().ok_or(format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{name} {value}: {error}"));
        match &*name {
            "--seeds" => seeds = Some(number()?),
            "--seed" => seed = Some(number()?),
            "--minutes" => minutes = Some(number()?),
            "--operations" => operations = u32::try_from(number()?).map_err(|e| e.to_string())?,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let alone = if seed.is_some() && minutes.is_none() { 1 } else { 1000 };
    Ok(Options {
        first: seed.unwrap_or(clock),
        seeds: seeds.unwrap_or(if minutes.is_some() { u64::MAX } else { alone }),
        until: minutes.map(|minutes| Duration::from_secs(60 * minutes)),
        operations,
        quick,
    })
}

/// Runs the seeds on every core; the first failure ends it.
fn simulate(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let failure = Mutex::new(None);
    println!("Simulating from seed {}.", options.first);
    let work = || {
        while failure.lock().is_ok_and(|failure| failure.is_none())
            && options.until.is_none_or(|until| start.elapsed() < until)
        {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= options.seeds {
                return;
            }
            let seed = options.first.wrapping_add(at);
            let test = |world: &_| lunora_simulation::run(world, options.operations);
            let checked = check_seed(seed, test).map_err(|failure| {
                if options.quick { failure.to_string() } else { failure.report(test) }
            });
            if let Err(report) = checked {
                if let Ok(mut failure) = failure.lock() {
                    failure.get_or_insert(report);
                }
                return;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let done = done.into_inner();
    let seconds = start.elapsed().as_secs_f64();
    println!("{done} seeds of {} operations in {seconds:.1} s.", options.operations);
    match failure.into_inner().ok().flatten() {
        None => ExitCode::SUCCESS,
        Some(report) => {
            println!("{report}");
            ExitCode::FAILURE
        }
    }
}

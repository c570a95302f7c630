//! A run of one target: corpus first, then mutations until the time is over.

use std::{
    cell::RefCell,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    path::PathBuf,
    process::Command,
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use crate::{corpus, mutate::mutate, targets::Target};

/// How many inputs that a parser accepted are kept to be mutated further.
const MAX_POOL: usize = 4096;

/// How a run is done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Campaign {
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    /// Runs in a process of its own: a stack overflow ends it.
    pub(crate) child: bool,
    /// Writes each input to a file before it runs.
    pub(crate) trace: bool,
}

impl Campaign {
    /// Runs a target in another process. Returns whether it held.
    pub(crate) fn run_apart(self, target: &Target) -> Result<bool> {
        let status = self.command(target)?.status()?;
        if status.code().is_some() {
            return Ok(status.success());
        }
        // The same inputs in the same order, each written first: the last one is what ended it.
        self.command(target)?.arg("--trace").output()?;
        let input = fs::read(trace_file(target)).context("the process ended before any input")?;
        self.report(target, &input, &format!("the process ended ({status})"))?;
        Ok(false)
    }

    fn command(self, target: &Target) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        let seconds = self.time.as_secs().max(1).to_string();
        command.args(["--child", "--seed", &self.seed.to_string(), "--seconds", &seconds]);
        command.arg(target.name);
        Ok(command)
    }

    /// Runs a target here. Returns whether it held.
    pub(crate) fn run(self, target: &Target) -> Result<bool> {
        let started = Instant::now();
        let mut pool: Vec<Vec<u8>> =
            corpus::load(target.name)?.into_iter().map(|(_, input)| input).collect();
        if pool.is_empty() {
            bail!("{} has no corpus", target.name);
        }
        let seeds = pool.len();
        let mut rng = Rng::with_seed(self.seed);
        let (mut runs, mut accepted) = (0_u64, 0_u64);
        // A clock per input would cost as much as a short parser.
        while !runs.is_multiple_of(16) || started.elapsed() < self.time {
            let input =
                match usize::try_from(runs).ok().and_then(|at| pool.get(at).filter(|_| at < seeds))
                {
                    Some(seed) => seed.clone(),
                    None => mutate(&mut rng, &pool, target.tokens),
                };
            runs += 1;
            if self.trace {
                fs::write(trace_file(target), &input)?;
            }
            match attempt(target, &input) {
                Ok(false) => {}
                Ok(true) => {
                    accepted += 1;
                    if pool.len() < MAX_POOL {
                        pool.push(input);
                    } else {
                        let at = rng.usize(seeds..MAX_POOL);
                        if let Some(old) = pool.get_mut(at) {
                            *old = input;
                        }
                    }
                }
                Err(message) => {
                    let (input, message) = shrink(target, input, message);
                    self.report(target, &input, &message)?;
                    return Ok(false);
                }
            }
        }
        println!("{:<10} {runs:>9} inputs, {accepted} accepted, seed {}", target.name, self.seed);
        Ok(true)
    }

    fn report(self, target: &Target, input: &[u8], message: &str) -> Result<()> {
        let path = corpus::write_failure(target.name, input)?;
        println!("{}: {message}", target.name);
        println!("  seed:  {} (repeat: cargo xtask fuzz --seed {0} {})", self.seed, target.name);
        println!("  input: b\"{}\"", input.escape_ascii());
        println!("  file:  {}", path.display());
        Ok(())
    }
}

fn trace_file(target: &Target) -> PathBuf {
    env::temp_dir().join(format!("lunora-fuzz-{}", target.name))
}

/// Returns why a target fails for an input.
#[cfg(test)]
pub(crate) fn failure(target: &Target, input: &[u8]) -> Option<String> {
    attempt(target, input).err()
}

thread_local! {
    /// The message of the panic under way; `None` outside of a target.
    static MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the messages of targets, and leaves every other panic to the hook before.
static HOOK: LazyLock<()> = LazyLock::new(|| {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        let in_target = MESSAGE.with_borrow_mut(|message| {
            message.as_mut().map(|message| *message = info.to_string()).is_some()
        });
        if !in_target {
            before(info);
        }
    }));
});

/// Runs a target. Returns whether its parser accepted the input, or the message of the panic.
fn attempt(target: &Target, input: &[u8]) -> Result<bool, String> {
    LazyLock::force(&HOOK);
    MESSAGE.set(Some(String::new()));
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let message = MESSAGE.take().unwrap_or_default();
    outcome.map_err(|_| message)
}

/// Cuts pieces out of an input for as long as it still fails.
fn shrink(target: &Target, mut input: Vec<u8>, mut message: String) -> (Vec<u8>, String) {
    let until = Instant::now() + Duration::from_secs(5);
    let mut size = input.len().div_ceil(2);
    while size > 0 && Instant::now() < until {
        let mut at = 0;
        let mut cut = false;
        while at < input.len() {
            let end = (at + size).min(input.len());
            let shorter =
                [input.get(..at), input.get(end..)].map(Option::unwrap_or_default).concat();
            if let Err(again) = attempt(target, &shorter) {
                (input, message, cut) = (shorter, again, true);
            } else {
                at = end;
            }
        }
        if !cut || size > 1 {
            size /= 2;
        }
    }
    (input, message)
}

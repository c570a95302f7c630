//! Announces work that takes more than a moment.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs `work`, naming it before and printing the elapsed time after it.
///
/// # Errors
///
/// Returns the error of `work`.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("{name} …");
    let start = Instant::now();
    let result = work();
    let verb = if result.is_ok() { "done" } else { "failed" };
    println!("{name}: {verb} after {}", seconds(start.elapsed()));
    result
}

/// Formats a duration the way a person waits for it.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

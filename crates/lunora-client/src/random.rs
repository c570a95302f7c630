//! Random ids, and the jitter of retries.

use std::time::Duration;

use crate::Error;

const FIRST: Duration = Duration::from_millis(250);

/// The longest pause before a retry.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// Returns an id of 128 random bits.
pub(crate) fn id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let absent = |error| Error::Usage(format!("the platform has no random numbers: {error}"));
    getrandom::fill(&mut bytes).map_err(absent)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Returns the pause before the next attempt: exponential, with full jitter. `attempt` counts from 0.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let longest = LONGEST.min(FIRST * 2_u32.saturating_pow(attempt.min(16)));
    // Without randomness, the longest pause is as good.
    let share = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_distinct() -> Result<(), Error> {
        let ids = (0..100).map(|_| id()).collect::<Result<BTreeSet<_>, _>>()?;
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 32));
        Ok(())
    }

    #[test]
    fn a_pause_is_bounded() {
        for attempt in [0, 1, 5, 16, u32::MAX] {
            let longest = LONGEST.min(FIRST * 2_u32.pow(attempt.min(16)));
            assert!(backoff(attempt) <= longest);
        }
    }
}

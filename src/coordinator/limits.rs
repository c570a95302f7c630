//! Limits on how many shards are asked at once, and how often each.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    num::{NonZeroUsize, TryFromIntError},
    time::Duration,
};

use crate::{platform::ShardCallError, wire::ShardKey};

/// The number of shards that are asked at once: at least one. The default is 16.
///
/// ```
/// use lunora::coordinator::Concurrency;
///
/// const FEW: Concurrency = Concurrency::of::<4>();
/// assert_eq!(Concurrency::try_from(4), Ok(FEW));
/// assert!(Concurrency::try_from(0).is_err());
/// ```
///
/// A zero in the source does not compile:
///
/// ```compile_fail
/// let none = lunora::coordinator::Concurrency::of::<0>();
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Concurrency(NonZeroUsize);

impl Concurrency {
    /// Creates a limit from a constant.
    #[must_use]
    pub const fn of<const SHARDS: usize>() -> Self {
        const { assert!(SHARDS > 0, "at least one shard must be asked at a time") }
        match NonZeroUsize::new(SHARDS) {
            Some(shards) => Self(shards),
            None => Self(NonZeroUsize::MIN),
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

impl Default for Concurrency {
    fn default() -> Self {
        Self::of::<16>()
    }
}

impl From<NonZeroUsize> for Concurrency {
    fn from(shards: NonZeroUsize) -> Self {
        Self(shards)
    }
}

impl TryFrom<usize> for Concurrency {
    type Error = TryFromIntError;

    fn try_from(shards: usize) -> Result<Self, TryFromIntError> {
        shards.try_into().map(Self)
    }
}

/// The rules for repeating a failed call. By default it is never repeated.
///
/// Only a call that is [safe to repeat](crate::coordinator::ShardCall::read) is repeated, and only after a
/// failure that the platform calls retryable and not an overload. The pause before the n-th retry
/// is a random time up to `base_delay * 2^(n-1)`, so that callers who failed together do not return
/// together.
///
/// ```
/// use std::time::Duration;
/// use lunora::coordinator::RetryPolicy;
///
/// let policy = RetryPolicy::retries(2).base_delay(Duration::from_millis(50));
/// assert_eq!(RetryPolicy::default(), RetryPolicy::retries(0));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    retries: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl RetryPolicy {
    /// Creates a policy of at most this many retries after the first call.
    #[must_use]
    pub const fn retries(retries: u32) -> Self {
        Self { retries, base_delay: Duration::from_millis(100), max_delay: Duration::from_secs(2) }
    }

    /// Sets the longest pause before the first retry; it doubles with each. 100 ms by default.
    #[must_use]
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the longest pause of all; 2 seconds by default.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    pub(super) fn retries_any(&self) -> bool {
        self.retries > 0
    }

    /// Returns the pause before the retry of a call that failed `failed` times; `None` if it is not
    /// retried.
    pub(super) fn pause(
        &self,
        failed: u32,
        error: &ShardCallError,
        jitter: &mut Jitter,
    ) -> Option<Duration> {
        let may_work_now =
            matches!(error, ShardCallError::Unavailable { retryable: true, overloaded: false, .. });
        if !may_work_now || failed > self.retries {
            return None;
        }
        let doublings = failed.saturating_sub(1).min(31);
        let longest = self.base_delay.saturating_mul(1 << doublings);
        Some(jitter.up_to(longest.min(self.max_delay)))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::retries(0)
    }
}

/// A generator that is random enough to spread retries: xorshift, seeded by the time and the shard.
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(now_ms: u64, key: &ShardKey) -> Self {
        let mut hasher = DefaultHasher::new();
        (now_ms, key).hash(&mut hasher);
        // A state of zero would stay zero.
        Self(hasher.finish() | 1)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let longest = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.0 % longest.saturating_add(1).max(1))
    }
}

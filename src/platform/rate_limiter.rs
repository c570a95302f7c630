//! Counting calls by key.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
    time::Duration,
};

use futures::future::{LocalBoxFuture, ready};

use super::Clock;
use crate::errors::LunoraError;

/// A rate limiter that counts calls by key: one of Cloudflare, or an [`IsolateRateLimiter`].
///
/// `worker::RateLimiter` is such a limiter: `env.rate_limiter("LIMITER")?`.
pub trait RateLimiter: 'static {
    /// Counts one call of `key`.
    fn count<'a>(
        &'a self,
        key: &'a str,
        clock: &'a dyn Clock,
    ) -> LocalBoxFuture<'a, Result<RateVerdict, LunoraError>>;
}

impl<L: RateLimiter + ?Sized> RateLimiter for Rc<L> {
    fn count<'a>(
        &'a self,
        key: &'a str,
        clock: &'a dyn Clock,
    ) -> LocalBoxFuture<'a, Result<RateVerdict, LunoraError>> {
        (**self).count(key, clock)
    }
}

/// The verdict of a [`RateLimiter`] on one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RateVerdict {
    /// The call is within the limit.
    Allowed,
    /// The call is over the limit.
    #[non_exhaustive]
    Limited {
        /// The time until the key may call again.
        retry_after: Duration,
    },
}

impl RateVerdict {
    /// Returns the verdict on a call over the limit.
    #[must_use]
    pub const fn limited(retry_after: Duration) -> Self {
        Self::Limited { retry_after }
    }
}

/// Counts calls in the memory of one isolate, by fixed windows of time.
///
/// A deployment runs in many isolates, each of which counts for itself, and which are short-lived:
/// a limit that must hold needs the platform's rate limiter. This one is meant for local
/// development and tests.
///
/// It keeps 10,000 keys, and restarts every count beyond that.
///
/// ```
/// use std::time::Duration;
/// use lunora::{Request, Response, access::RateLimit, platform::IsolateRateLimiter, testing};
///
/// # let shards = testing::MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":1}"#));
/// let app = testing::builder()
///     .shard_do(shards)
///     .rate_limit(RateLimit::new(IsolateRateLimiter::new(1, Duration::from_secs(60))))
///     .build();
/// # let call = || {
/// #     let request = Request::post("https://app.test/_lunora/rpc", r#"{"functionPath":"a:b"}"#);
/// #     let env = testing::MemoryEnvironment::new();
/// #     futures::executor::block_on(app.fetch(request, &env, &testing::MemoryContext::new()))
/// # };
/// assert_eq!(call().status(), 200);
/// assert_eq!(call().headers()["retry-after"], "60");
/// ```
#[derive(Debug)]
pub struct IsolateRateLimiter {
    limit: u32,
    period_ms: u64,
    window: Cell<u64>,
    /// By the hash of the key: a key may be as long as a request's headers.
    counts: RefCell<BTreeMap<u64, u32>>,
}

impl IsolateRateLimiter {
    const MAX_KEYS: usize = 10_000;

    /// Allows each key `limit` calls in every `period`.
    #[must_use]
    pub fn new(limit: u32, period: Duration) -> Self {
        let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { limit, period_ms, window: Cell::default(), counts: RefCell::default() }
    }

    fn verdict(&self, key: &str, now_ms: u64) -> RateVerdict {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let key = hasher.finish();
        let mut counts = self.counts.borrow_mut();
        let window = now_ms / self.period_ms;
        let is_full = counts.len() >= Self::MAX_KEYS && !counts.contains_key(&key);
        if self.window.replace(window) != window || is_full {
            counts.clear();
        }
        let count = counts.entry(key).or_default();
        if *count < self.limit {
            *count += 1;
            return RateVerdict::Allowed;
        }
        RateVerdict::limited(Duration::from_millis(self.period_ms - now_ms % self.period_ms))
    }
}

impl RateLimiter for IsolateRateLimiter {
    fn count<'a>(
        &'a self,
        key: &'a str,
        clock: &'a dyn Clock,
    ) -> LocalBoxFuture<'a, Result<RateVerdict, LunoraError>> {
        Box::pin(ready(Ok(self.verdict(key, clock.now_ms()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_key_by_itself_until_its_window_ends() {
        let limiter = IsolateRateLimiter::new(2, Duration::from_secs(10));
        let allowed = RateVerdict::Allowed;
        let limited = |ms| RateVerdict::limited(Duration::from_millis(ms));
        for (key, now_ms, expected) in [
            ("a", 1_000, allowed),
            ("a", 2_000, allowed),
            ("a", 3_500, limited(6_500)),
            ("b", 3_500, allowed),
            ("a", 9_999, limited(1)),
            ("a", 10_000, allowed),
            ("b", 10_000, allowed),
        ] {
            assert_eq!(limiter.verdict(key, now_ms), expected, "{key} at {now_ms}");
        }
    }

    #[test]
    fn remembers_a_bounded_number_of_keys() {
        let limiter = IsolateRateLimiter::new(1, Duration::from_secs(10));
        for n in 0..25_000 {
            assert_eq!(limiter.verdict(&n.to_string(), 0), RateVerdict::Allowed);
        }
        assert!(limiter.counts.borrow().len() <= IsolateRateLimiter::MAX_KEYS);
    }

    #[test]
    fn a_period_of_zero_and_a_limit_of_zero_are_values_like_others() {
        let refusing = IsolateRateLimiter::new(0, Duration::from_secs(1));
        assert_eq!(refusing.verdict("a", 0), RateVerdict::limited(Duration::from_secs(1)));
        let brief = IsolateRateLimiter::new(1, Duration::ZERO);
        assert_eq!(brief.verdict("a", 0), RateVerdict::Allowed);
        assert_eq!(brief.verdict("a", 1), RateVerdict::Allowed);
    }
}

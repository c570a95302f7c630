//! The platform's rate limiter.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::{
    errors::LunoraError,
    platform::{Clock, RateLimiter, RateVerdict},
};

/// The binding does not expose its period, 10 or 60 seconds. A client that retries too early is
/// limited again.
const SHORTEST_PERIOD: Duration = Duration::from_secs(10);

impl RateLimiter for worker::RateLimiter {
    fn count<'a>(
        &'a self,
        key: &'a str,
        _clock: &'a dyn Clock,
    ) -> LocalBoxFuture<'a, Result<RateVerdict, LunoraError>> {
        Box::pin(async move {
            let outcome = self.limit(key.to_owned()).await?;
            Ok(if outcome.success {
                RateVerdict::Allowed
            } else {
                RateVerdict::limited(SHORTEST_PERIOD)
            })
        })
    }
}

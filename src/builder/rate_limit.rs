//! The setter of the rate limit.

use super::{
    Builder,
    requirements::RateLimitOnce,
    state::{SetRateLimit, State},
};
use crate::pipeline::hooks::RateLimit;

/// Setter of the rate limit.
impl<S: State, E: 'static> Builder<S, E> {
    /// Limits the rate of calls, batches, upgrades and requests to the application's own paths. Calls
    /// of operators, and of handlers within the Worker, are not limited. Default: no limit.
    pub fn rate_limit(mut self, limit: RateLimit) -> Builder<SetRateLimit<S>, E>
    where
        S::RateLimit: RateLimitOnce,
    {
        self.settings.rate_limit = Some(limit);
        self.advance()
    }
}

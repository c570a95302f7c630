//! Limits on the rate of calls.

use std::{fmt, rc::Rc, time::Duration};

use crate::{
    errors::{Code, LunoraError},
    log,
    message::Request,
    pipeline::hop,
    platform::{Bindings, Clock, IsolateRateLimiter, RateLimiter, RateVerdict},
    wire::paths,
};

/// A limit on the rate of calls, by a key of each call.
///
/// It runs before the body is read, the caller is identified and a shard is called. A call over the
/// limit is 429 `RATE_LIMITED` with `Retry-After`. If the limiter itself fails, the call passes and
/// the failure is logged: a limit is not a gate.
///
/// ```
/// use lunora::{Lunora, access::{CallKind, RateLimit}, platform::Bindings, prelude::*};
///
/// fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
///     Ok(Lunora::builder_for::<E>()
///         .shard_do(env.durable_object("SHARD")?)
///         .rate_limit(RateLimit::binding(env, "LIMITER").by(|call| match call.kind() {
///             CallKind::Route => None,
///             _ => call.client_ip().map(str::to_owned),
///         }))
///         .build())
/// }
/// # let _ = app::<Env>;
/// ```
///
/// The binding, its limit and its period of 10 or 60 seconds are in `wrangler.jsonc`:
///
/// ```jsonc
/// "ratelimits": [
///     { "name": "LIMITER", "namespace_id": "1001", "simple": { "limit": 300, "period": 60 } }
/// ]
/// ```
pub struct RateLimit {
    /// Absent if the deployment has no such binding.
    limiter: Option<Rc<dyn RateLimiter>>,
    fallback: IsolateRateLimiter,
    key: Box<KeyFn>,
}

type KeyFn = dyn Fn(&RateLimitedCall<'_>) -> Option<String>;

impl RateLimit {
    /// The key of callers without an address, which share one limit.
    const NO_ADDRESS: &'static str = "no-trusted-ip";

    /// Limits calls by `limiter`. The default key is the address of the client.
    #[must_use]
    pub fn new(limiter: impl RateLimiter) -> Self {
        Self::of(Some(Rc::new(limiter)))
    }

    /// Limits calls by the rate limiter behind a binding. The default key is the address of the
    /// client.
    ///
    /// Without such a binding, as in local development, the limit is per isolate: 100 calls a
    /// minute unless [`or_per_isolate`](Self::or_per_isolate) sets another, and a warning is
    /// logged.
    #[must_use]
    pub fn binding(env: &impl Bindings, binding: &str) -> Self {
        let limiter = env.rate_limiter(binding).inspect_err(|error| {
            log::warn(&format!("calls are limited per isolate only: {}", error.message()));
        });
        Self::of(limiter.ok())
    }

    /// Sets the limit per isolate that applies if the binding is absent.
    #[must_use]
    pub fn or_per_isolate(mut self, limit: u32, period: Duration) -> Self {
        self.fallback = IsolateRateLimiter::new(limit, period);
        self
    }

    /// Chooses the key that a call counts under; `None` does not limit it.
    ///
    /// Derive the key from a value that the client cannot choose freely: a client that sends
    /// another value with each call is never limited.
    #[must_use]
    pub fn by(mut self, key: impl Fn(&RateLimitedCall<'_>) -> Option<String> + 'static) -> Self {
        self.key = Box::new(key);
        self
    }

    fn of(limiter: Option<Rc<dyn RateLimiter>>) -> Self {
        let by_address = |call: &RateLimitedCall<'_>| {
            Some(call.client_ip().unwrap_or(Self::NO_ADDRESS).to_owned())
        };
        Self {
            limiter,
            fallback: IsolateRateLimiter::new(100, Duration::from_secs(60)),
            key: Box::new(by_address),
        }
    }

    /// Counts a request and refuses it if it is over the limit.
    ///
    /// # Errors
    /// 429 `RATE_LIMITED` with `Retry-After`.
    pub(crate) async fn check(
        &self,
        request: &Request,
        clock: &dyn Clock,
    ) -> Result<(), LunoraError> {
        let Some(kind) = CallKind::of(request.path()) else { return Ok(()) };
        let Some(key) = (self.key)(&RateLimitedCall { kind, request }) else { return Ok(()) };
        let limiter = self.limiter.as_deref().unwrap_or(&self.fallback);
        match limiter.count(&key, clock).await {
            Ok(RateVerdict::Allowed) => Ok(()),
            Ok(RateVerdict::Limited { retry_after }) => {
                let message =
                    "too many requests: send this one again after the time of Retry-After";
                let error = LunoraError::new(Code::RateLimited, message);
                Err(error.with_retry_after(retry_after))
            }
            Err(error) => {
                log::error(&format!(
                    "the rate limiter failed, and a call was not limited: {}",
                    error.to_log_line()
                ));
                Ok(())
            }
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("has_binding", &self.limiter.is_some())
            .finish_non_exhaustive()
    }
}

/// A call that a [`RateLimit`] counts.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitedCall<'a> {
    kind: CallKind,
    request: &'a Request,
}

impl<'a> RateLimitedCall<'a> {
    /// Returns the kind of the call.
    #[must_use]
    pub fn kind(&self) -> CallKind {
        self.kind
    }

    /// Returns the request. Its body has not been read.
    #[must_use]
    pub fn request(&self) -> &'a Request {
        self.request
    }

    /// Returns the address of the client, as the platform vouches for it.
    #[must_use]
    pub fn client_ip(&self) -> Option<&'a str> {
        hop::client_ip(self.request.headers())?.to_str().ok()
    }
}

/// The kind of a call, by its endpoint.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CallKind {
    /// One call, or a query across shards: `POST /_lunora/rpc`.
    Rpc,
    /// Up to 500 calls, which count as one: `POST /_lunora/rpc-batch`.
    Batch,
    /// A live connection: `GET /_lunora/ws`.
    Upgrade,
    /// A path of the application's own, a route's or the router's.
    Route,
}

impl CallKind {
    /// Returns the kind of a call to `path`; `None` for the endpoints of operators and of health.
    fn of(path: &str) -> Option<Self> {
        match path {
            paths::RPC => Some(Self::Rpc),
            paths::RPC_BATCH => Some(Self::Batch),
            paths::WS => Some(Self::Upgrade),
            path if paths::is_reserved(path.as_bytes()) => None,
            _ => Some(Self::Route),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::{
        platform::Environment,
        testing::{ManualClock, MemoryNamespace, MemoryObjectStore, capture_logs},
    };

    /// A deployment without bindings.
    struct Bare;

    impl Environment for Bare {
        fn var(&self, _name: &str) -> Option<String> {
            None
        }
    }

    impl Bindings for Bare {
        type Namespace = MemoryNamespace;
        type Store = MemoryObjectStore;

        fn durable_object(&self, _binding: &str) -> Result<MemoryNamespace, LunoraError> {
            Err(LunoraError::internal("no bindings"))
        }

        fn bucket(&self, _binding: &str) -> Result<MemoryObjectStore, LunoraError> {
            Err(LunoraError::internal("no bindings"))
        }
    }

    #[test]
    fn counts_per_isolate_and_warns_where_the_binding_is_absent() {
        let logs = capture_logs();
        let limit = RateLimit::binding(&Bare, "LIMITER").or_per_isolate(1, Duration::from_secs(9));
        assert!(logs.lines().iter().any(|line| line.contains("per isolate only")));
        let clock = ManualClock::new(0);
        let call = || block_on(limit.check(&Request::get("https://app.test/"), &clock));
        assert!(call().is_ok());
        assert_eq!(call().unwrap_err().retry_after(), Some(Duration::from_secs(9)));
    }
}

//! The bindings of a deployment, so that one function builds a Worker for every platform.

use std::rc::Rc;

use super::{Environment, ObjectStore, RateLimiter, ShardNamespace};
use crate::errors::{Code, LunoraError};

/// The bindings of a deployment, by the names that `wrangler.jsonc` gives them.
///
/// A function over `E: Bindings` builds the same Worker from `worker::Env` and from the
/// environment of a simulated deployment, so that tests run what production runs:
///
/// ```
/// use lunora::{Lunora, platform::Bindings, prelude::*};
///
/// fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
///     let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
///     Ok(Lunora::builder_for::<E>()
///         .shard_do(env.durable_object("SHARD")?)
///         .query_coordinator(QueryCoordinator::new(registry))
///         .build())
/// }
/// # let _ = app::<Env>;
/// ```
pub trait Bindings: Environment {
    /// A namespace of Durable Objects.
    type Namespace: ShardNamespace;
    /// A store of objects: an R2 bucket.
    type Store: ObjectStore;

    /// Returns the namespace behind a binding.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the binding does not exist.
    fn durable_object(&self, binding: &str) -> Result<Self::Namespace, LunoraError>;

    /// Returns the store behind a binding.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the binding does not exist.
    fn bucket(&self, binding: &str) -> Result<Self::Store, LunoraError>;

    /// Returns the rate limiter behind a binding. Default: an error.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the binding does not exist.
    fn rate_limiter(&self, binding: &str) -> Result<Rc<dyn RateLimiter>, LunoraError> {
        let message = format!("no rate limiter `{binding}`: this platform has none");
        Err(LunoraError::new(Code::Misconfigured, message))
    }
}

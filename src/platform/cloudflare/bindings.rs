//! The bindings of a Worker.

use std::rc::Rc;

use worker::{Bucket, Env, ObjectNamespace};

use crate::{
    errors::{Code, LunoraError},
    platform::{Bindings, RateLimiter},
};

impl Bindings for Env {
    type Namespace = ObjectNamespace;
    type Store = Bucket;

    fn durable_object(&self, binding: &str) -> Result<ObjectNamespace, LunoraError> {
        Self::durable_object(self, binding)
            .map_err(|error| missing("durable_objects", binding, error))
    }

    fn bucket(&self, binding: &str) -> Result<Bucket, LunoraError> {
        Self::bucket(self, binding).map_err(|error| missing("r2_buckets", binding, error))
    }

    fn rate_limiter(&self, binding: &str) -> Result<Rc<dyn RateLimiter>, LunoraError> {
        match Self::rate_limiter(self, binding) {
            Ok(limiter) => Ok(Rc::new(limiter)),
            Err(error) => Err(missing("ratelimits", binding, error)),
        }
    }
}

fn missing(section: &str, binding: &str, error: worker::Error) -> LunoraError {
    let message = format!("no binding `{binding}`: add it to `{section}` in wrangler.jsonc");
    LunoraError::new(Code::Misconfigured, message).with_source(error)
}

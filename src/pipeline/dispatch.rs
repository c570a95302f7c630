//! From the Worker to one shard and back.

use std::pin::pin;

use futures::future::{Either, select};
use http::{HeaderMap, HeaderValue};

use super::Lunora;
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::{ResolvedShard, resolve_shard},
    wire::{RpcEnvelope, ShardKey, headers, paths},
};

impl<E> Lunora<E> {
    /// Calls the function of `envelope` on the shard of `key`. Status, headers and body of the
    /// shard's answer pass as they are; the body is not read.
    pub(super) async fn dispatch(
        &self,
        key: ShardKey,
        headers: HeaderMap,
        envelope: &RpcEnvelope,
    ) -> Result<Response, LunoraError> {
        let resolved_key = header_value(&key);
        let mut call = Request::post(paths::SHARD_RPC, envelope.to_shard_body());
        *call.headers_mut() = headers;
        let mut answer = self.ask(key, call).await?;
        if let Some(value) = resolved_key {
            answer.headers_mut().insert(headers::SHARD_KEY, value);
        }
        Ok(answer)
    }

    /// Sends `request` to the shard of `key`, and waits for its answer until the time is up.
    ///
    /// # Errors
    /// 503 `SHARD_UNAVAILABLE` if no answer came, or none in time.
    pub(super) async fn ask(
        &self,
        key: ShardKey,
        request: Request,
    ) -> Result<Response, LunoraError> {
        let shard = self.shard(key);
        let answer = self.in_time(shard.fetch(request)).await?;
        Ok(answer?)
    }

    /// Runs `call` until the time for a shard is up, and drops it then, which aborts it.
    ///
    /// # Errors
    /// `SHARD_UNAVAILABLE` when the time is up, and not `SHARD_TIMEOUT`: clients repeat a queued
    /// write on the former and drop it on the latter.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, LunoraError> {
        let timeout = self.settings.shard_timeout;
        match select(pin!(call), self.settings.clock.sleep(timeout)).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(_) => {
                let limit = timeout.as_millis();
                let message = format!(
                    "the shard timed out after {limit} ms: the call may have run; repeat a mutation with the same id"
                );
                Err(LunoraError::new(Code::ShardUnavailable, message))
            }
        }
    }

    /// The shard of `key`, where the settings place it.
    pub(super) fn shard(&self, key: ShardKey) -> ResolvedShard {
        resolve_shard(&self.shards, key, &self.settings.placement)
    }
}

/// The key as a header says it; none for a key that not every host can say in a header.
///
/// The header tells a client the name of the default shard. A key beyond Latin-1 came from the
/// client itself, which knows it.
fn header_value(key: &ShardKey) -> Option<HeaderValue> {
    let sayable = key.as_str().chars().all(|c| u32::from(c) <= 0xff);
    sayable.then(|| HeaderValue::from_bytes(key.as_str().as_bytes()).ok())?
}

//! From the Worker to one shard and back.

use http::HeaderValue;

use super::{Lunora, admission::Admitted};
use crate::{
    errors::LunoraError,
    message::{Request, Response},
    platform::{Deadline, ResolvedShard, resolve_shard},
    wire::{RpcEnvelope, ShardKey, headers, paths},
};

impl<E> Lunora<E> {
    /// Calls the function of `envelope` on the shard of `key`. Status, headers and body of the
    /// shard's answer pass as they are; the body is not read.
    pub(super) async fn dispatch(
        &self,
        key: ShardKey,
        admitted: Admitted,
        envelope: &RpcEnvelope,
    ) -> Result<Response, LunoraError> {
        let resolved_key = header_value(&key);
        let mut call = Request::post(paths::SHARD_RPC, envelope.to_shard_body());
        *call.headers_mut() = admitted.into_headers();
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
        let answer = self.deadline().run("the shard", shard.fetch(request)).await?;
        Ok(answer?)
    }

    /// Returns the deadline by which a Durable Object must answer.
    pub(super) fn deadline(&self) -> Deadline<'_> {
        Deadline::new(&*self.settings.clock, self.settings.shard_timeout)
    }

    /// Returns the shard of `key`, placed as the settings say.
    pub(super) fn shard(&self, key: ShardKey) -> ResolvedShard {
        resolve_shard(&self.shards, key, &self.settings.placement)
    }
}

/// Returns the key as a header value, or `None` for a key that not every host can send in a header.
///
/// The header tells a client the name of the default shard. A key beyond Latin-1 came from the
/// client itself, which knows it.
fn header_value(key: &ShardKey) -> Option<HeaderValue> {
    let sayable = key.as_str().chars().all(|c| u32::from(c) <= 0xff);
    sayable.then(|| HeaderValue::from_bytes(key.as_str().as_bytes()).ok())?
}

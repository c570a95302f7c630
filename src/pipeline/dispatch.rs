//! From the Worker to one shard and back.

use http::{HeaderMap, HeaderValue};

use super::Lunora;
use crate::{
    errors::LunoraError,
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
        let mut answer = self.shard(key).fetch(call).await?;
        if let Some(value) = resolved_key {
            answer.headers_mut().insert(headers::SHARD_KEY, value);
        }
        Ok(answer)
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

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

/// The key as a header says it, one byte a character; none for a key that no header can say.
///
/// The header tells a client the name of the default shard. A key beyond Latin-1 came from the
/// client itself, which knows it.
fn header_value(key: &ShardKey) -> Option<HeaderValue> {
    let latin1: Option<Vec<u8>> = key.as_str().chars().map(|c| u8::try_from(c).ok()).collect();
    latin1.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok())
}

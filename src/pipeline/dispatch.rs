//! From the Worker to one shard and back.

use headers::HeaderMapExt;

use super::{Lunora, admission::Admitted};
use crate::{
    errors::LunoraError,
    message::{Request, Response},
    platform::{Deadline, ResolvedShard, resolve_shard},
    wire::{RpcEnvelope, ShardKey, headers::AnsweringShard, paths},
};

/// A request to a shard: answered, or ready to be sent.
pub(super) enum Prepared {
    Answer(Response),
    Call(Call),
}

/// A call of one shard that passed every check.
pub(super) struct Call {
    pub(super) key: ShardKey,
    pub(super) request: Request,
}

impl Call {
    pub(super) fn new(key: ShardKey, admitted: Admitted, envelope: &RpcEnvelope) -> Self {
        let mut request = Request::post(paths::SHARD_RPC, envelope.to_shard_body());
        *request.headers_mut() = admitted.into_headers();
        Self { key, request }
    }
}

impl<E> Lunora<E> {
    /// Sends a call to its shard. Status, headers and body of the answer pass as they are; the body is
    /// not read.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub(super) async fn send(&self, call: Call) -> Result<Response, LunoraError> {
        let answering = AnsweringShard::of(&call.key);
        let mut answer = self.ask(call.key, call.request).await?;
        if let Some(shard) = answering {
            answer.headers_mut().typed_insert(shard);
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

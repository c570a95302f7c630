//! Asking shards: bounded in number, in time and in bytes.

use std::pin::pin;

use bytes::Bytes;
use futures::{
    future::{Either, select},
    stream::{self, Stream, StreamExt},
};
use serde_json::Value;

use super::{QueryCoordinator, ShardCall, ShardFailure, limits::Jitter};
use crate::{
    errors::{Code, LunoraError},
    message::{BodyError, Response},
    platform::ShardCallError,
    wire::ShardKey,
};

/// More is not read of an answer that is no success.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// What one shard answered.
pub(crate) struct ShardAnswer {
    /// Its place among the shards that were asked.
    pub(crate) index: usize,
    /// The body of its success. A failure has been logged where it deserves it.
    pub(crate) outcome: Result<Bytes, ShardFailure>,
    /// The shard.
    pub(crate) key: ShardKey,
}

impl QueryCoordinator {
    /// Asks each shard; the answers come as they are ready.
    pub(crate) fn ask_each<'a>(
        &'a self,
        keys: Vec<ShardKey>,
        call: &'a ShardCall<'a>,
    ) -> impl Stream<Item = ShardAnswer> + 'a {
        stream::iter(keys.into_iter().enumerate())
            .map(async move |(index, key)| ShardAnswer {
                index,
                outcome: self
                    .ask(&key, call)
                    .await
                    .map_err(|error| ShardFailure::logged(&key, &error)),
                key,
            })
            .buffer_unordered(self.concurrency.get())
    }

    async fn ask(&self, key: &ShardKey, call: &ShardCall<'_>) -> Result<Bytes, LunoraError> {
        let timeout = self.clock.sleep(self.per_shard_timeout);
        // Whichever loses is dropped on return: a call that is too slow is given up.
        match select(pin!(self.ask_patiently(key, call)), timeout).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(LunoraError::new(
                Code::ShardTimeout,
                format!(
                    "shard \"{key}\" gave no answer within {} ms",
                    self.per_shard_timeout.as_millis()
                ),
            )),
        }
    }

    async fn ask_patiently(
        &self,
        key: &ShardKey,
        call: &ShardCall<'_>,
    ) -> Result<Bytes, LunoraError> {
        let mut jitter = Jitter::new(self.clock.now_ms(), key);
        let mut failed = 0;
        let response = loop {
            let error = match call.resolve(key.clone()).fetch(call.to_request()).await {
                Ok(response) => break response,
                Err(error) => error,
            };
            failed += 1;
            match self.pause(failed, &error, call, &mut jitter) {
                Some(pause) => self.clock.sleep(pause).await,
                None => return Err(error.into()),
            }
        };
        self.read(key, response).await
    }

    fn pause(
        &self,
        failed: u32,
        error: &ShardCallError,
        call: &ShardCall<'_>,
        jitter: &mut Jitter,
    ) -> Option<std::time::Duration> {
        let pause = || self.retry.pause(failed, error, jitter);
        call.is_repeatable().then(pause).flatten()
    }

    async fn read(&self, key: &ShardKey, response: Response) -> Result<Bytes, LunoraError> {
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            let limit = self.max_shard_bytes;
            return body.into_bytes(limit).await.map_err(|error| match error {
                BodyError::TooLarge { limit } => too_large(key, limit),
                broken => LunoraError::from(ShardCallError::unavailable(key.clone(), broken)),
            });
        }
        let status = head.status.as_u16();
        let limit = MAX_ERROR_BYTES.min(self.max_shard_bytes);
        let reported = body.into_bytes(limit).await;
        Err(match reported.ok().as_deref().and_then(reported_error) {
            Some((code, message)) => LunoraError::custom(code, status, message),
            None => {
                LunoraError::new(Code::ShardHttpError, format!("shard \"{key}\" returned {status}"))
            }
        })
    }
}

fn too_large(key: &ShardKey, limit: usize) -> LunoraError {
    LunoraError::new(
        Code::PayloadTooLarge,
        format!("the answer of shard \"{key}\" is larger than {limit} bytes"),
    )
}

/// Code and message of a body `{"error":{"code","message"}}`.
fn reported_error(body: &[u8]) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |field| body.get("error")?.get(field)?.as_str().map(str::to_owned);
    let code = text("code").filter(|code| !code.is_empty())?;
    Some((code, text("message")?))
}

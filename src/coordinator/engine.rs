//! Calls shards, with limits on number, time and bytes.

use std::time::Duration;

use bytes::Bytes;
use futures::{
    future::{self, Either},
    stream::{self, Stream, StreamExt},
};

use super::{QueryCoordinator, ShardCall, ShardFailure, limits::Jitter, success};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
    platform::{EachAnswer, EachFailure, EachSuccess, ResolvedShard, ShardCallError, within},
    wire::ShardKey,
};

/// The answer of one shard.
pub(crate) struct ShardAnswer {
    /// The position of the shard among those that were asked.
    pub(crate) index: usize,
    /// The body of a success. A failure has already been logged where necessary.
    pub(crate) outcome: Result<Bytes, ShardFailure>,
    /// The key of the shard.
    pub(crate) key: ShardKey,
}

impl QueryCoordinator {
    /// Calls each shard; the answers come as they are ready.
    pub(crate) fn ask_each<'a>(
        &'a self,
        keys: Vec<ShardKey>,
        call: &'a ShardCall<'a>,
    ) -> impl Stream<Item = ShardAnswer> + 'a {
        match self.ask_together(keys, call) {
            Ok(answers) => Either::Left(answers),
            Err(keys) => Either::Right(
                stream::iter(keys.into_iter().enumerate())
                    .map(async move |(index, key)| ShardAnswer {
                        index,
                        outcome: self.ask_one(&key, call).await,
                        key,
                    })
                    .buffer_unordered(self.concurrency.get()),
            ),
        }
    }

    /// Calls each shard in the way of the namespace. Returns the keys if that cannot be: calls are
    /// repeated, or the shards are of several namespaces.
    fn ask_together<'a>(
        &'a self,
        keys: Vec<ShardKey>,
        call: &'a ShardCall<'a>,
    ) -> Result<impl Stream<Item = ShardAnswer> + use<'a>, Vec<ShardKey>> {
        if self.retry.retries_any() && call.is_repeatable() {
            return Err(keys);
        }
        let (time, clock) = (self.per_shard_timeout, self.clock.clone());
        let each = call.to_each(self.concurrency.get(), time, self.max_shard_bytes, clock);
        let Some(each) = each else { return Err(keys) };
        let shards = keys.iter().map(|key| call.resolve(key.clone())).collect();
        let Some(answers) = ResolvedShard::fetch_each(shards, each) else { return Err(keys) };
        let mut keys: Vec<_> = keys.into_iter().map(Some).collect();
        Ok(answers.filter_map(move |EachAnswer { place, outcome }| {
            let key = keys.get_mut(place).and_then(Option::take);
            future::ready(key.map(|key| {
                ShardAnswer {
                    index: place,
                    outcome: self
                        .outcome(&key, outcome)
                        .map_err(|(error, late)| ShardFailure::logged(&key, &error, late)),
                    key,
                }
            }))
        }))
    }

    /// Returns the body of a success, or the error and whether it is a timeout.
    fn outcome(
        &self,
        key: &ShardKey,
        outcome: Result<EachSuccess, EachFailure>,
    ) -> Result<Bytes, (LunoraError, bool)> {
        match outcome {
            Ok(EachSuccess { status, body, .. }) => {
                let who = format_args!("shard {:?}", key.as_str());
                success::of_parts(who, status, body).map_err(|error| (error, false))
            }
            Err(EachFailure::Late | EachFailure::NotAsked) => Err((self.late(key), true)),
            Err(EachFailure::NoAnswer(error)) => Err((error.into(), false)),
        }
    }

    /// Calls one shard.
    pub(super) async fn ask_one(
        &self,
        key: &ShardKey,
        call: &ShardCall<'_>,
    ) -> Result<Bytes, ShardFailure> {
        let answer = self.ask(key, call).await;
        answer.map_err(|(error, late)| ShardFailure::logged(key, &error, late))
    }

    /// Returns the answer, or the error and whether it is a timeout.
    async fn ask(
        &self,
        key: &ShardKey,
        call: &ShardCall<'_>,
    ) -> Result<Bytes, (LunoraError, bool)> {
        let answer = self.ask_patiently(key, call);
        match within(&*self.clock, self.per_shard_timeout, answer).await {
            Some(outcome) => outcome.map_err(|error| (error, false)),
            None => Err((self.late(key), true)),
        }
    }

    fn late(&self, key: &ShardKey) -> LunoraError {
        let limit = self.per_shard_timeout.as_millis();
        let message = format!("shard {:?} gave no answer within {limit} ms", key.as_str());
        LunoraError::new(Code::ShardTimeout, message)
    }

    async fn ask_patiently(
        &self,
        key: &ShardKey,
        call: &ShardCall<'_>,
    ) -> Result<Bytes, LunoraError> {
        let response = self.ask_head(key, call).await?;
        success::body(format_args!("shard {:?}", key.as_str()), response, self.max_shard_bytes)
            .await
    }

    /// Returns the shard's answer with its body unread; reading the body has no time limit here.
    pub(super) async fn ask_head(
        &self,
        key: &ShardKey,
        call: &ShardCall<'_>,
    ) -> Result<Response, LunoraError> {
        let mut jitter = Jitter::new(self.clock.now_ms(), key);
        let mut failed = 0;
        loop {
            let error = match call.resolve(key.clone()).fetch(call.to_request()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            failed += 1;
            match self.pause(failed, &error, call, &mut jitter) {
                Some(pause) => self.clock.sleep(pause).await,
                None => return Err(error.into()),
            }
        }
    }

    fn pause(
        &self,
        failed: u32,
        error: &ShardCallError,
        call: &ShardCall<'_>,
        jitter: &mut Jitter,
    ) -> Option<Duration> {
        let pause = || self.retry.pause(failed, error, jitter);
        call.is_repeatable().then(pause).flatten()
    }
}

//! Whispers: messages between the sockets of a topic, which are neither stored nor acknowledged.

use serde_json::value::RawValue;

use super::{
    frame::ShardFrame,
    interfaces::{LiveShard, LiveSocket},
    sockets::{Handle, Live},
};
use crate::{
    errors::{Code, LunoraError},
    wire::{Identity, value::Value},
};

impl<S: LiveSocket> Live<S> {
    /// The maximum number of topics per socket.
    pub(super) const MAX_TOPICS: usize = 64;
    /// The maximum length of a topic's name, in bytes.
    const MAX_TOPIC_BYTES: usize = 256;
    /// The maximum size of a whisper's data, in bytes of JSON.
    const MAX_WHISPER_BYTES: usize = 4096;

    /// Makes a socket one of a topic. The error is the frame to answer with.
    pub(super) fn join_topic(&self, socket: &str, topic: &str) -> Result<(), String> {
        check_topic(topic, Self::MAX_TOPIC_BYTES)?;
        let Some(Handle { attachment, .. }) = self.entry(socket) else { return Ok(()) };
        if attachment.topics.iter().any(|joined| joined == topic) {
            return Ok(());
        }
        if attachment.topics.len() >= Self::MAX_TOPICS {
            let message = format!(
                "too many topics: expected at most {} per socket; leave one first",
                Self::MAX_TOPICS
            );
            return Err(refusal(&LunoraError::new(Code::TooManySubscriptions, message)));
        }
        if !self.update(socket, |attachment| attachment.topics.push(topic.to_owned())) {
            let message = "the socket has no room for one more topic; use another socket";
            return Err(ShardFrame::of_code(None, "SUBSCRIPTION_PERSIST_FAILED", message));
        }
        self.topics.borrow_mut().join(topic, &socket.into());
        Ok(())
    }

    pub(super) fn leave_topic(&self, socket: &str, topic: &str) {
        let Some(Handle { attachment, .. }) = self.entry(socket) else { return };
        if attachment.topics.iter().any(|joined| joined == topic) {
            self.update(socket, |attachment| attachment.topics.retain(|joined| joined != topic));
            self.topics.borrow_mut().leave(topic, socket);
        }
    }

    /// Sends data to the other sockets of a topic. The error is the frame to answer with.
    ///
    /// A whisper over the rate is dropped without an answer.
    pub(super) fn whisper(
        &self,
        socket: &str,
        topic: &str,
        data: Option<&RawValue>,
        shard: &impl LiveShard,
    ) -> Result<(), String> {
        check_topic(topic, Self::MAX_TOPIC_BYTES)?;
        if let Some(data) = data {
            check_data(data.get(), Self::MAX_WHISPER_BYTES)?;
        }
        let Some(Handle { who, .. }) = self.entry(socket) else { return Ok(()) };
        let now_ms = shard.now_ms();
        if self.with_entry(socket, |entry| entry.whispers.take(now_ms)) != Some(true) {
            return Ok(());
        }
        let others = self.topics.borrow().others(topic, socket);
        if others.is_empty() {
            return Ok(());
        }
        let from = who.identity.as_ref().and_then(Identity::user_id);
        let frame = ShardFrame::Whisper { topic, data, from }.to_text();
        for other in others {
            if !self.expired(&other, shard) {
                self.with_entry(&other, |entry| entry.socket.send(&frame));
            }
        }
        Ok(())
    }
}

fn refusal(error: &LunoraError) -> String {
    ShardFrame::of_error(None, error)
}

fn check_topic(topic: &str, limit: usize) -> Result<(), String> {
    if (1..=limit).contains(&topic.len()) {
        return Ok(());
    }
    let message = format!("invalid topic: expected 1 to {limit} bytes, got {}", topic.len());
    Err(refusal(&LunoraError::bad_request(message)))
}

/// Refuses data that its receivers could not decode, too.
fn check_data(json: &str, limit: usize) -> Result<(), String> {
    if json.len() > limit {
        let message =
            format!("the whisper is too large: expected at most {limit} bytes, got {}", json.len());
        return Err(refusal(&LunoraError::new(Code::PayloadTooLarge, message)));
    }
    check_wire("the whisper", json)
}

/// Refuses what no client can decode. The error is the frame to answer with.
pub(super) fn check_wire(what: &str, json: &str) -> Result<(), String> {
    Value::from_wire(json).map(drop).map_err(|error| {
        let message = format!("{what} is not a valid wire value: {error}");
        refusal(&LunoraError::bad_request(message))
    })
}

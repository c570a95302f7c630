//! The frames that a client sends, each answered by what it asks for.

use super::{
    frame::{ClientFrame, ShardFrame},
    interfaces::{LiveShard, LiveSocket},
    sockets::{Handle, Live},
};
use crate::{
    errors::Code,
    wire::{Identity, paths},
};

impl<S: LiveSocket> Live<S> {
    /// Answers a frame. Returns whether it may need the database: an invalid one, one too many, and
    /// a whisper do not.
    pub(crate) fn message(&self, id: &str, text: &str, shard: &impl LiveShard) -> bool {
        let Some(Handle { socket, who, .. }) = self.entry(id) else { return false };
        if self.expired(id, shard) || self.exceeds_allowance(id, shard) {
            return false;
        }
        if text.len() > ShardFrame::MAX_BYTES {
            socket.send(&ShardFrame::of_message(None, "frame too large"));
            return false;
        }
        let Some(frame) = ClientFrame::read(text) else {
            socket.send(&ShardFrame::of_message(None, "invalid envelope"));
            return false;
        };
        match frame {
            ClientFrame::Connect { client_id, takes_changes, context } => {
                let client = client_id.filter(|client| client.len() <= 256);
                self.update(id, |attachment| {
                    attachment.client = client;
                    attachment.takes_changes = takes_changes;
                });
                let subject = who.identity.as_ref().and_then(Identity::user_id);
                socket.send(&ShardFrame::Identity { subject }.to_text());
                if let Err(frame) = self.begin(id, context) {
                    socket.send(&frame);
                }
            }
            ClientFrame::Subscribe { id: subscription, query }
                if query.function_path.starts_with(paths::SHAPE_PREFIX) =>
            {
                socket.send(&ShardFrame::of_code(
                    Some(&subscription),
                    Code::FunctionNotFound.as_str(),
                    "a shape is subscribed to by `shape_subscribe`",
                ));
            }
            ClientFrame::Subscribe { id: subscription, query }
            | ClientFrame::ShapeSubscribe { id: subscription, query } => {
                if let Err(frame) = self.subscribe(id, &subscription, query, shard) {
                    socket.send(&frame);
                }
            }
            ClientFrame::Unsubscribe { id: subscription } => {
                self.end_subscription(id, &subscription);
                self.end_stream(id, &subscription);
            }
            ClientFrame::WhisperSubscribe { topic } => {
                if let Err(frame) = self.join_topic(id, &topic) {
                    socket.send(&frame);
                }
                return false;
            }
            ClientFrame::WhisperUnsubscribe { topic } => {
                self.leave_topic(id, &topic);
                return false;
            }
            ClientFrame::Whisper { topic, data } => {
                if let Err(frame) = self.whisper(id, &topic, data.as_deref(), shard) {
                    socket.send(&frame);
                }
                return false;
            }
            ClientFrame::Stream { id: stream, query, resumes } => {
                if let Err(frame) = self.open_stream(id, &stream, query, resumes) {
                    socket.send(&frame);
                }
            }
            ClientFrame::Other => {}
        }
        true
    }
}

//! Streams: functions that answer a client chunk by chunk (docs/wire.md, "Streams").
//!
//! A stream runs in memory, beside the events of its object. Its id is kept with its socket, so that the next
//! instance can tell the client that it was cut off.

use std::rc::Rc;

use futures::{
    StreamExt,
    future::{AbortHandle, Abortable},
};

use super::{
    frame::{Query, ShardFrame},
    interfaces::{LiveSocket, SocketHost},
    object::LiveObject,
    running::{OpenedStream, RunningStream},
    sockets::Live,
    subscribe::checked,
};
use crate::{
    errors::LunoraError,
    shard::{action::Action, answer::check_answer, caller::SharedCaller, function::Kind},
};

/// The code of a stream that has lost chunks.
const INTERRUPTED: &str = "STREAM_INTERRUPTED";

impl<S: LiveSocket> Live<S> {
    /// The maximum number of streams per socket.
    const MAX_STREAMS: usize = 8;

    /// Opens a stream, which [`LiveObject::run_streams`] runs.
    pub(super) fn open_stream(
        &self,
        socket: &str,
        id: &str,
        query: Query,
        resumes: bool,
    ) -> Result<(), String> {
        let Some(handle) = self.entry(socket) else { return Ok(()) };
        let refuse = |code, message: &str| Err(ShardFrame::of_code(Some(id), code, message));
        if resumes {
            return refuse(INTERRUPTED, "the chunks of a stream are not kept; open it again");
        }
        let running = &handle.attachment.streams;
        if running.iter().any(|known| known == id) {
            return refuse("STREAM_ID_IN_USE", "a stream of this id runs already");
        }
        if running.len() >= Self::MAX_STREAMS {
            return refuse("TOO_MANY_STREAMS", "a socket has at most 8 streams");
        }
        let args = match checked(query.args) {
            Ok(args) => args,
            Err(message) => return refuse("BAD_SUBSCRIPTION_ARGS", &message),
        };
        if !self.update(socket, |attachment| attachment.streams.push(id.to_owned())) {
            let message = "the socket has no room for one more stream; use another socket";
            return refuse("SUBSCRIPTION_PERSIST_FAILED", message);
        }
        let (abort, registration) = AbortHandle::new_pair();
        let (socket, id): (Rc<str>, Rc<str>) = (socket.into(), id.into());
        self.with_entry(&socket, |entry| entry.streams.insert(id.clone(), RunningStream(abort)));
        let (path, who) = (query.function_path, handle.who);
        self.opened.borrow_mut().push(OpenedStream { socket, id, path, args, who, registration });
        Ok(())
    }

    /// Ends a stream without a frame: its client asked for that.
    pub(super) fn end_stream(&self, socket: &str, id: &str) -> bool {
        let ended = self.with_entry(socket, |entry| entry.streams.remove(id)).flatten();
        let ends = ended.is_some();
        if ends {
            self.update(socket, |attachment| attachment.streams.retain(|known| known != id));
        }
        ends
    }

    /// Says of the streams of an earlier instance that they were cut off.
    pub(super) fn interrupt_streams(&self, socket: &str) {
        let Some(handle) = self.entry(socket) else { return };
        if handle.attachment.streams.is_empty() {
            return;
        }
        for id in &handle.attachment.streams {
            let message = "the stream was cut off; open it again";
            handle.socket.send(&ShardFrame::of_code(Some(id), INTERRUPTED, message));
        }
        self.update(socket, |attachment| attachment.streams.clear());
    }
}

impl<H: SocketHost> LiveObject<H> {
    /// Runs the streams that were opened.
    pub(super) fn run_streams(self: &Rc<Self>) {
        for opened in self.live.opened.take() {
            let object = self.clone();
            self.host.spawn(Box::pin(async move { object.run_stream(opened).await }));
        }
    }

    async fn run_stream(&self, opened: OpenedStream) {
        let OpenedStream { socket, id, path, args, who, registration } = opened;
        let inner = &self.shard().inner;
        let Ok(function) = inner.definition.functions.of_kind(&path, Kind::Stream) else {
            let refusal = ShardFrame::of_code(Some(&id), "NOT_FOUND", "there is no such stream");
            return self.end(&socket, &id, &refusal);
        };
        let chunks = async {
            self.shard().open().await?;
            self.shard().announce_before_action().await?;
            let action = Action::new(inner.clone(), SharedCaller::clone(&who), 0);
            let mut chunks = function.stream(action, args.get())?;
            while let Some(chunk) = chunks.next().await {
                self.send_chunk(&socket, &id, &chunk?)?;
            }
            Ok(())
        };
        let Ok(outcome) = Abortable::new(chunks, registration).await else { return };
        inner.metrics.count(Some(&path), outcome.is_err());
        let last = match &outcome {
            Ok(()) => ShardFrame::Complete { id: &id }.to_text(),
            Err(error) => {
                inner.failures.record(inner.state.host().now_ms(), &path, None, error);
                ShardFrame::of_error(Some(&id), error)
            }
        };
        self.end(&socket, &id, &last);
    }

    fn send_chunk(&self, socket: &str, id: &str, json: &str) -> Result<(), LunoraError> {
        check_answer(json)?;
        let data = serde_json::from_str(json).map_err(LunoraError::internal)?;
        self.send_of_stream(socket, &ShardFrame::Chunk { id, data }.to_text());
        Ok(())
    }

    /// Ends a stream with its last frame, unless its client has ended it.
    fn end(&self, socket: &str, id: &str, last: &str) {
        if self.live.end_stream(socket, id) {
            self.send_of_stream(socket, last);
        }
    }

    /// Sends a frame to a socket whose identity has not expired. One that has is closed, which ends
    /// its streams.
    fn send_of_stream(&self, socket: &str, frame: &str) {
        if !self.live.expired(socket, &self.on_shard())
            && let Some(handle) = self.live.entry(socket)
        {
            handle.socket.send(frame);
        }
    }
}

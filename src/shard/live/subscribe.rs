//! A subscription: checked, run once, kept, acknowledged, and answered.

use serde_json::value::RawValue;

use super::{
    attachment::Subscription,
    frame::{Query, ShardFrame},
    interfaces::{LiveShard, LiveSocket},
    outcome::{Failure, Latest},
    sockets::{Known, Live, query_of},
};
use crate::{
    errors::{Code, LunoraError},
    shard::{call::check_args, live::answers::SubscriptionKey},
    wire::value,
};

impl<S: LiveSocket> Live<S> {
    /// Subscribes a socket to a query and sends its first answer.
    ///
    /// A query whose first run fails is still subscribed, if a commit can fix it. A refused
    /// subscription is answered with a frame, and changes nothing.
    pub(super) fn subscribe(
        &self,
        socket_id: &str,
        id: &str,
        query: Query,
        shard: &impl LiveShard,
    ) -> Result<(), String> {
        let Some(handle) = self.entry(socket_id) else { return Ok(()) };
        let refuse = |error: &LunoraError| ShardFrame::of_error(Some(id), error);
        let others = handle.attachment.subscriptions.iter().filter(|known| known.id != id);
        if others.count() >= Self::MAX_SUBSCRIPTIONS {
            let message = "a socket has at most 32 subscriptions";
            return Err(refuse(&LunoraError::new(Code::TooManySubscriptions, message)));
        }
        let Query { function_path, args, table, since_seq, since_epoch } = query;
        let args = checked(args)
            .map_err(|message| ShardFrame::of_code(Some(id), "BAD_SUBSCRIPTION_ARGS", &message))?;
        let new = Subscription::new(id, function_path, args, table);
        let (query, is_shape) = (query_of(&new), new.is_shape());
        let key = SubscriptionKey { socket: socket_id.into(), id: id.into() };
        let run = self.run(&key, &query, &new, &mut Latest::default(), shard);
        shard.running(None);
        if let Err(failure) = &run.outcome
            && run.reads.is_constant()
        {
            return Err(failure.refusal(id));
        }
        // A reused name is another subscription.
        let kept = self.update(socket_id, |attachment| {
            attachment.subscriptions.retain(|known| known.id != id);
            attachment.subscriptions.push(new);
        });
        if !kept {
            let message = "the socket has no room for one more subscription; use another socket";
            return Err(ShardFrame::of_code(Some(id), "SUBSCRIPTION_PERSIST_FAILED", message));
        }
        let previous = self.with_entry(socket_id, |entry| entry.subscriptions.remove(id));
        if let Some(previous) = previous.flatten() {
            self.drop_answer(&key, previous.answer);
        }
        let acknowledge = || handle.socket.send(&ShardFrame::Ack { id }.to_text());
        if !is_shape {
            acknowledge();
        }
        let mut at = shard.position();
        let is_ahead = |(cursor, epoch): &(u64, String)| {
            since_epoch.as_ref() == Some(epoch) && since_seq.is_some_and(|seq| seq > *cursor)
        };
        let is_ahead = at.as_ref().is_some_and(is_ahead);
        if is_ahead && !self.started_epoch.replace(true) {
            shard.start_epoch();
            at = shard.position();
        }
        let position = handle.position(&at, shard);
        let sent = match &run.outcome {
            Ok(value) => {
                let is_held = !is_ahead
                    && since_epoch.is_some()
                    && since_epoch.as_deref() == position.epoch
                    && since_seq.is_some_and(|seq| shard.unchanged_since(seq, &run.reads));
                if is_shape {
                    match is_held {
                        true => self.poke(&handle, None, &position),
                        false => self.send_shape(&handle, id, &run, None, &position),
                    }
                } else if !is_held {
                    let around = ShardFrame::around_data(id, &position);
                    handle.socket.send_with(&around, value.text());
                } else {
                    let frame = ShardFrame::Resume { id, position: &position };
                    handle.socket.send(&frame.to_text());
                }
                run.sent(is_shape || handle.attachment.takes_changes)
            }
            Err(failure) => {
                handle.socket.send(&failure.frame(id));
                None
            }
        };
        if is_shape {
            acknowledge();
        }
        let ran = self.with_entry(socket_id, |entry| run.ran(&query, &entry.caller));
        if let Some(ran) = ran {
            let answer = Some(self.answers.borrow_mut().join(&ran, key.clone()));
            let known = Known { query, answer, sent };
            self.with_entry(socket_id, |entry| entry.subscriptions.insert(key.id, known));
        }
        Ok(())
    }
}

/// Returns arguments that a call over HTTP would take as well.
pub(super) fn checked(args: Option<Box<RawValue>>) -> Result<Box<RawValue>, String> {
    check_args(args.as_deref()).map_err(|error| error.message().to_owned())?;
    let args = match args {
        Some(args) => args,
        None => RawValue::from_string("{}".to_owned()).map_err(|error| error.to_string())?,
    };
    value::Value::from_wire(args.get())
        .map_err(|error| format!("the arguments are not valid wire values: {error}"))?;
    Ok(args)
}

impl Failure {
    /// Returns the frame that refuses a subscription.
    fn refusal(&self, id: &str) -> String {
        match self {
            Self::NoAdmin => {
                let message = "an admin subscription needs an admin socket";
                ShardFrame::of_message(Some(id), message)
            }
            Self::Query(_) => self.frame(id),
        }
    }
}

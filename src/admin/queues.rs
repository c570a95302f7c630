//! Batches of queues that an operator delivers (docs/wire.md, "Reserved paths").

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AdminCall, AreaHandler};
use crate::{
    errors::LunoraError,
    message::Response,
    platform::{QueueBatch, QueueMessage},
};

pub(crate) struct Queues;

impl AreaHandler for Queues {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move { deliver(&mut call).await })
    }
}

/// Gives a batch to its handler, for platforms that deliver none, such as a dispatch namespace. The
/// answer lists the messages to deliver again.
async fn deliver(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Delivery {
        queue: Option<String>,
        // Required: an answer without retries acknowledges everything.
        messages: Vec<Value>,
    }

    #[derive(Serialize)]
    struct Delivered<'a> {
        retry: Vec<&'a str>,
    }

    let Delivery { queue, messages } = call.body("Queue").await?;
    let queue = match (queue, &*call.host.queues()) {
        (Some(queue), _) => queue,
        (None, [only]) => (*only).to_owned(),
        (None, known) => {
            return Err(LunoraError::bad_request(format!(
                "`queue` is required: this deployment handles {}",
                known.join(", ")
            )));
        }
    };
    let now = i64::try_from(call.host.clock().now_ms()).map_err(LunoraError::internal)?;
    let messages = messages.into_iter().filter_map(|message| read_message(message, now));
    let batch = QueueBatch::new(queue, messages);
    let decisions = call.host.run_queue(&batch).ok_or_else(|| {
        let name = batch.queue();
        LunoraError::bad_request(format!(
            "no handler for the queue `{name}`: call `.queue(\"{name}\", ..)` on the builder"
        ))
    })?;
    let decided = batch.messages().iter().zip(decisions.await);
    let retried = decided.filter(|(_, decision)| decision.is_retry());
    Response::json(&Delivered { retry: retried.map(|(message, _)| message.id()).collect() })
}

/// Reads a message; one without an id cannot be named in the answer, and is dropped.
fn read_message(message: Value, now: i64) -> Option<QueueMessage> {
    let Value::Object(mut message) = message else { return None };
    let id = match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => id,
        _ => return None,
    };
    let attempts = message.get("attempts").and_then(Value::as_u64);
    let attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(1);
    let timestamp_ms = message.get("timestamp").and_then(Value::as_i64).unwrap_or(now);
    let body = message.remove("body").unwrap_or_default();
    let message = QueueMessage::new(id, body);
    Some(message.with_attempts(attempts).with_timestamp_ms(timestamp_ms))
}

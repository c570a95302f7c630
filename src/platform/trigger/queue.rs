//! Batches of a queue, and what becomes of their messages.

use std::{cell::Cell, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::LunoraError;

/// A batch of messages that the platform delivers from one queue.
///
/// ```
/// use std::time::Duration;
/// use lunora::events::{QueueBatch, QueueDecision, QueueMessage};
/// use serde_json::json;
///
/// let batch = QueueBatch::new("mail", [
///     QueueMessage::new("1", json!({ "to": "ada" })),
///     QueueMessage::new("2", json!({ "to": "bob" })).with_attempts(3),
/// ]);
/// for message in batch.messages() {
///     if message.attempts() > 1 {
///         message.retry_after(Duration::from_secs(60));
///     }
/// }
/// assert_eq!(batch.messages()[0].decision(), None);
/// let later = QueueDecision::Retry { delay: Some(Duration::from_secs(60)) };
/// assert_eq!(batch.messages()[1].decision(), Some(later));
/// ```
#[derive(Clone, Debug)]
pub struct QueueBatch {
    queue: String,
    messages: Vec<QueueMessage>,
}

impl QueueBatch {
    /// Returns a batch of the queue `queue`.
    pub fn new(queue: impl Into<String>, messages: impl IntoIterator<Item = QueueMessage>) -> Self {
        Self { queue: queue.into(), messages: messages.into_iter().collect() }
    }

    /// Returns the name of the queue.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Returns the messages, in the order of their delivery.
    #[must_use]
    pub fn messages(&self) -> &[QueueMessage] {
        &self.messages
    }

    /// Returns the decision on each message after its handler succeeded, or failed.
    pub(crate) fn settle(&self, succeeded: bool) -> Vec<QueueDecision> {
        let open =
            if succeeded { QueueDecision::Ack } else { QueueDecision::Retry { delay: None } };
        self.messages.iter().map(|message| message.decision().unwrap_or(open)).collect()
    }
}

/// A message of a queue.
///
/// A message without a decision is acknowledged when its handler succeeds, and delivered again when
/// the handler fails.
#[derive(Clone, Debug)]
pub struct QueueMessage {
    id: String,
    attempts: u32,
    timestamp_ms: i64,
    body: Value,
    decision: Cell<Option<QueueDecision>>,
}

impl QueueMessage {
    /// Returns a message at its first delivery, sent in 1970.
    pub fn new(id: impl Into<String>, body: Value) -> Self {
        Self { id: id.into(), attempts: 1, timestamp_ms: 0, body, decision: Cell::new(None) }
    }

    /// Sets the number of deliveries, this one included.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Sets when the message was sent, in milliseconds since 1970.
    #[must_use]
    pub fn with_timestamp_ms(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms, ..self }
    }

    /// Returns the id, which is the same at each delivery.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the number of deliveries, this one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns when the message was sent, in milliseconds since 1970.
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Reads the body as a `T`.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` that names the message if its body is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, LunoraError> {
        T::deserialize(&self.body).map_err(|error| {
            LunoraError::bad_request(format!("invalid body of the message `{}`: {error}", self.id))
        })
    }

    /// Acknowledges the message: it is not delivered again, even if the handler fails later.
    pub fn ack(&self) {
        self.decision.set(Some(QueueDecision::Ack));
    }

    /// Delivers the message again, after the delay that the queue has configured.
    pub fn retry(&self) {
        self.decision.set(Some(QueueDecision::Retry { delay: None }));
    }

    /// Delivers the message again after `delay`, in whole seconds rounded up.
    pub fn retry_after(&self, delay: Duration) {
        self.decision.set(Some(QueueDecision::Retry { delay: Some(delay) }));
    }

    /// Returns the last decision on the message.
    #[must_use]
    pub fn decision(&self) -> Option<QueueDecision> {
        self.decision.get()
    }
}

/// A decision on a message of a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueueDecision {
    /// The message is done.
    Ack,
    /// The message is delivered again.
    Retry {
        /// The time until then; by default what the queue has configured.
        delay: Option<Duration>,
    },
}

impl QueueDecision {
    /// Returns whether the message is delivered again.
    #[must_use]
    pub fn is_retry(self) -> bool {
        matches!(self, Self::Retry { .. })
    }
}

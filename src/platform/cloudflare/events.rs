//! Batches of queues and e-mails, from JavaScript and back.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::{js_sys::Promise, web_sys};

use super::{error::JsFailure, message::response_body, promise::Awaited};
use crate::{
    errors::LunoraError,
    platform::{Email, EmailHost, QueueBatch, QueueDecision, QueueMessage},
};

#[wasm_bindgen(module = "/src/platform/cloudflare/events.js")]
extern "C" {
    #[wasm_bindgen(js_name = queueBatch, catch)]
    fn queue_batch(batch: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(js_name = settleQueue, catch)]
    fn settle_queue(batch: &JsValue, decisions: &[i32]) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = emailHead, catch)]
    fn email_head(email: &JsValue) -> Result<String, JsValue>;

    #[wasm_bindgen(js_name = emailBody, catch)]
    fn email_body(email: &JsValue) -> Result<web_sys::Response, JsValue>;

    #[wasm_bindgen(js_name = emailReject)]
    fn email_reject(email: &JsValue, reason: &str) -> Promise;

    #[wasm_bindgen(js_name = emailForward)]
    fn email_forward(email: &JsValue, to: &str) -> Promise;
}

/// A batch of JavaScript: what a handler can read of it, and the rest.
pub(crate) struct Delivery {
    batch: QueueBatch,
    /// For each message of JavaScript, whether it is in `batch`.
    is_readable: Vec<bool>,
    unreadable: Vec<String>,
    raw: JsValue,
}

impl Delivery {
    /// Reads a batch. A message whose body is no JSON is left out, and retried: its queue's dead-letter
    /// queue gets it in the end.
    ///
    /// # Errors
    /// If the batch is not one of the platform.
    pub(crate) fn from_js(raw: JsValue) -> Result<Self, LunoraError> {
        #[derive(Deserialize)]
        struct Batch {
            queue: String,
            messages: Vec<Message>,
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Message {
            id: String,
            attempts: u32,
            timestamp_ms: i64,
            body: Option<String>,
        }

        let json = queue_batch(&raw).map_err(failed)?;
        let Batch { queue, messages } =
            serde_json::from_str(&json).map_err(LunoraError::internal)?;
        let (mut readable, mut unreadable, mut is_readable) = (Vec::new(), Vec::new(), Vec::new());
        for Message { id, attempts, timestamp_ms, body } in messages {
            let body = body.and_then(|body| serde_json::from_str(&body).ok());
            is_readable.push(body.is_some());
            match body {
                Some(body) => readable.push(
                    QueueMessage::new(id, body)
                        .with_attempts(attempts)
                        .with_timestamp_ms(timestamp_ms),
                ),
                None => unreadable.push(id),
            }
        }
        Ok(Self { batch: QueueBatch::new(queue, readable), is_readable, unreadable, raw })
    }

    /// Returns the messages that a handler can read.
    pub(crate) fn batch(&self) -> &QueueBatch {
        &self.batch
    }

    /// Returns the ids of the messages that are left out.
    pub(crate) fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Tells the platform the decisions on the readable messages, and retries the rest.
    ///
    /// # Errors
    /// If the platform refuses them.
    pub(crate) fn settle(&self, decisions: Vec<QueueDecision>) -> Result<(), LunoraError> {
        let mut decisions = decisions.into_iter();
        let retry = QueueDecision::Retry { delay: None };
        let decide = |is_readable: &bool| {
            let decision = if *is_readable { decisions.next() } else { None };
            to_code(decision.unwrap_or(retry))
        };
        let codes: Vec<i32> = self.is_readable.iter().map(decide).collect();
        settle_queue(&self.raw, &codes).map_err(failed)
    }
}

/// Returns the form in which a decision crosses: see `settleQueue`.
fn to_code(decision: QueueDecision) -> i32 {
    match decision {
        QueueDecision::Ack => -2,
        QueueDecision::Retry { delay: None } => -1,
        QueueDecision::Retry { delay: Some(delay) } => {
            let seconds = delay.saturating_add(Duration::from_nanos(999_999_999)).as_secs();
            i32::try_from(seconds).unwrap_or(i32::MAX)
        }
    }
}

/// An e-mail of JavaScript.
struct JsEmail(JsValue);

/// Takes an e-mail over from JavaScript; its content stays there until it is read.
///
/// # Errors
/// If the e-mail is not one of the platform.
pub(crate) fn email_from_js(raw: JsValue) -> Result<Email, LunoraError> {
    let head = email_head(&raw).map_err(failed)?;
    let content = response_body(email_body(&raw).map_err(failed)?);
    let mut lines = head.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (from, to, size) = (line(), line(), line().parse().unwrap_or_default());
    let mut email = Email::new(from, to, JsEmail(raw)).with_raw(content, size);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        email = email.with_header(name, value);
    }
    Ok(email)
}

impl EmailHost for JsEmail {
    fn forward<'a>(&'a self, to: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        let promise = email_forward(&self.0, to);
        Box::pin(async move { Awaited::promise(&promise).await.map(drop).map_err(failed) })
    }

    fn reject<'a>(&'a self, reason: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        let promise = email_reject(&self.0, reason);
        Box::pin(async move { Awaited::promise(&promise).await.map(drop).map_err(failed) })
    }
}

fn failed(thrown: JsValue) -> LunoraError {
    LunoraError::internal(JsFailure::from(thrown))
}

//! The answers of a deployment.

use std::time::Duration;

use http::{HeaderMap, Response, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{DecodeError, Error, FanOutAnswer, ServerError, value::Value, value::from_wire};

/// The successful answer of a call.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// The result in wire form.
    result: Box<RawValue>,
}

impl Answer {
    /// Returns the result as it came, in wire form.
    #[must_use]
    pub fn result(&self) -> &RawValue {
        &self.result
    }

    /// Reads the result.
    ///
    /// # Errors
    /// [`Error::Decode`] if it is of another type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(self.result.get())
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let unexpected = |error| DecodeError::new(200, format!("the result has another type: {error}"));
    Ok(from_wire(text).map_err(unexpected)?)
}

/// Reads the answer of a call.
///
/// # Errors
/// [`Error::Server`] for an error of the deployment, and [`Error::Decode`] for what is not an answer of one.
pub fn answer(response: &Response<Vec<u8>>) -> Result<Answer, Error> {
    read_success(response, |text| serde_json::from_str(text))
}

/// Reads the answer of a query across shards.
///
/// # Errors
/// As [`answer`].
pub fn fan_out<T: DeserializeOwned>(
    response: &Response<Vec<u8>>,
) -> Result<FanOutAnswer<T>, Error> {
    read_success(response, from_wire)
}

/// The results of a batch, by position.
#[derive(Debug)]
pub struct Slots(Vec<Slot>);

#[derive(Debug, Deserialize)]
struct Slot {
    id: usize,
    status: u16,
    #[serde(default)]
    body: Option<Box<RawValue>>,
}

impl Slots {
    /// Returns the answer of the call at a position.
    ///
    /// # Errors
    /// Those of [`answer`]; [`Error::Decode`] if the batch has no such answer.
    pub fn get(&self, position: usize) -> Result<Answer, Error> {
        let slot = self.0.iter().find(|slot| slot.id == position);
        let absent =
            || DecodeError::new(200, format!("the batch has no answer of call {position}"));
        let slot = slot.ok_or_else(absent)?;
        let body = slot.body.as_deref().map_or("null", RawValue::get);
        if !(200..300).contains(&slot.status) {
            return Err(error(slot.status, body.as_bytes(), &HeaderMap::new()));
        }
        let unexpected = |error| DecodeError::new(slot.status, error);
        Ok(serde_json::from_str(body).map_err(unexpected)?)
    }
}

/// Reads the answer of a batch.
///
/// # Errors
/// As [`answer`], where the whole batch failed.
pub fn slots(response: &Response<Vec<u8>>) -> Result<Slots, Error> {
    #[derive(Deserialize)]
    struct Batch {
        results: Vec<Slot>,
    }

    read_success(response, |text| {
        serde_json::from_str(text).map(|Batch { results }| Slots(results))
    })
}

fn read_success<T>(
    response: &Response<Vec<u8>>,
    read: impl FnOnce(&str) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    if !response.status().is_success() {
        return Err(refusal(response));
    }
    let status = response.status().as_u16();
    let text =
        std::str::from_utf8(response.body()).map_err(|error| DecodeError::new(status, error))?;
    let unexpected = |error| {
        let reason = format!("the response did not come from a lunora deployment: {error}");
        DecodeError::new(status, reason)
    };
    Ok(read(text).map_err(unexpected)?)
}

/// Reads the error of an answer whose status is not a success.
#[must_use]
pub fn refusal(response: &Response<Vec<u8>>) -> Error {
    error(response.status().as_u16(), response.body(), response.headers())
}

/// Reads `{"error":{"code","message","data"?,"hint"?,"docsUrl"?}}`.
fn error(status: u16, body: &[u8], headers: &HeaderMap) -> Error {
    #[derive(Deserialize)]
    struct Refusal {
        error: Inner,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inner {
        code: Option<String>,
        #[serde(default)]
        message: String,
        data: Option<serde_json::Value>,
        hint: Option<Hint>,
        docs_url: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Hint {
        Text(String),
        Lines(Vec<String>),
        Parts { title: String },
    }

    let Ok(Refusal { error }) = serde_json::from_slice(body) else {
        let text = String::from_utf8_lossy(body);
        let text: String = text.trim().chars().take(200).collect();
        return DecodeError::new(status, text).into();
    };
    let Inner { code, message, data, hint, docs_url } = error;
    let hint = hint.map(|hint| match hint {
        Hint::Text(text) | Hint::Parts { title: text } => text,
        Hint::Lines(lines) => lines.join("\n"),
    });
    let seconds = headers.get(header::RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
    Error::Server(Box::new(ServerError {
        code: code.unwrap_or_else(|| "INTERNAL".to_owned()),
        message,
        // Data that cannot be read is dropped: the code and the message count more.
        data: data.and_then(|data| serde_json::from_value::<Value>(data).ok()),
        hint,
        docs_url,
        status,
        retry_after: seconds.map(Duration::from_secs),
    }))
}

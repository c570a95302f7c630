//! The wire without I/O: requests from calls, and results or errors from answers.
//!
//! [`Client`](crate::Client) stands on it. Use it directly for a client of another shape, such as a blocking one.
//!
//! ```
//! use http::Response;
//! use lunora_client::protocol::{self, Endpoint, Envelope, Headers};
//!
//! let endpoint = Endpoint::new("https://app.example.com")?;
//! let args = protocol::args(&("hi",))?;
//! let envelope = Envelope { function_path: "messages:send", args: &args, shard_key: Some("general"), fan_out: None };
//! let request = endpoint.call(&envelope, &Headers::default())?;
//! assert_eq!(request.uri(), "https://app.example.com/_lunora/rpc");
//!
//! let answer = protocol::answer(&Response::new(br#"{"result":[1]}"#.to_vec()))?;
//! assert_eq!(answer.read::<Vec<u32>>()?, [1]);
//! # Ok::<(), lunora_client::Error>(())
//! ```

mod answer;
mod endpoint;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::{
    answer::{Answer, Slots, answer, fan_out, refusal, slots},
    endpoint::Endpoint,
};
use crate::{Error, FanOut, value::to_wire};

/// The header in which the database of global tables marks what a client has seen.
pub(crate) const BOOKMARK: HeaderName = HeaderName::from_static("x-d1-bookmark");

/// The body of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a> {
    /// The path of the function, such as `messages:send`.
    pub function_path: &'a str,
    /// The arguments in wire form, as [`args`] writes them.
    pub args: &'a RawValue,
    /// The shard; the default one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_key: Option<&'a str>,
    /// The shards of a query across them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<&'a FanOut>,
}

/// One call of a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    /// The call.
    #[serde(flatten)]
    pub envelope: Envelope<'a>,
    /// The position in the batch.
    pub id: usize,
    /// The id under which a mutation is applied once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation_id: Option<&'a str>,
    /// The namespace of the mutation's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
}

/// The headers of a call. Absent ones are not sent.
#[derive(Clone, Default)]
pub struct Headers<'a> {
    /// The credential, as [`Endpoint::bearer`] makes it.
    pub bearer: Option<HeaderValue>,
    /// The id under which a mutation is applied once.
    pub mutation_id: Option<&'a str>,
    /// The namespace of the mutation's id.
    pub client_id: Option<&'a str>,
    /// The bookmark of an earlier answer.
    pub bookmark: Option<HeaderValue>,
}

impl Headers<'_> {
    fn write(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &self.bearer {
            headers.insert(header::AUTHORIZATION, bearer.clone());
        }
        if let Some(bookmark) = &self.bookmark {
            headers.insert(BOOKMARK, bookmark.clone());
        }
        for (name, value) in
            [("x-lunora-mutation-id", self.mutation_id), ("x-lunora-client-id", self.client_id)]
        {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::Usage(format!("invalid {name}: expected visible ASCII characters"))
            })?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(())
    }
}

/// Writes arguments in wire form. `()` and `None` are the empty arguments `{}`.
///
/// # Errors
/// [`Error::Usage`] if serde cannot write the value.
pub fn args(args: &impl Serialize) -> Result<Box<RawValue>, Error> {
    let invalid = |error| Error::Usage(format!("invalid arguments: {error}"));
    let text = to_wire(args).map_err(invalid)?;
    let text = if text == "null" { "{}".to_owned() } else { text };
    RawValue::from_string(text).map_err(invalid)
}

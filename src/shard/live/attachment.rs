//! What a socket keeps while its object sleeps.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    shard::Caller,
    wire::{Identity, headers},
};

/// What a socket keeps while its object sleeps, as JSON text: who opened it, and what it wants.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Attachment {
    /// The headers that the Worker minted, as they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// The client's name among those of its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// The fingerprint of the admin token that let it in, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subscriptions: Vec<Subscription>,
}

/// A query that a socket wants every new value of.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    #[serde(rename = "f")]
    pub(super) function_path: String,
    #[serde(rename = "a")]
    pub(super) args: Box<RawValue>,
}

impl Attachment {
    /// The most that a socket keeps, in bytes (contract, section 4.6).
    pub(super) const MAX_BYTES: usize = 16_384;

    const KEPT: [HeaderName; 4] =
        [headers::USER_ID, headers::IDENTITY, headers::IDENTITY_EXPIRY, headers::CLIENT_IP];

    /// What is kept of the request that opened the socket.
    pub(super) fn of_request(request: &HeaderMap, admin: Option<String>) -> Self {
        let kept = Self::KEPT.into_iter().filter_map(|name| {
            // A header's value is its text in UTF-8.
            let value = std::str::from_utf8(request.get(&name)?.as_bytes()).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let headers = kept.collect();
        Self { headers, admin, ..Self::default() }
    }

    /// Reads an attachment; an empty one, where there is none that can be read.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The attachment as it is kept; none when it is too large.
    pub(super) fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok().filter(|text| text.len() <= Self::MAX_BYTES)
    }

    /// When the identity expires, in milliseconds since 1970.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        let expiry =
            self.headers.iter().find(|(name, _)| name == headers::IDENTITY_EXPIRY.as_str())?;
        expiry.1.parse().ok()
    }

    /// Who opened the socket.
    pub(super) fn caller(&self) -> Caller {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value.as_bytes()))
            {
                headers.insert(name, value);
            }
        }
        let ip = headers.get(headers::CLIENT_IP).and_then(|ip| ip.to_str().ok());
        let ip = ip.map(str::to_owned);
        Caller { identity: Identity::from_headers(&headers), ip, system: false }
    }
}

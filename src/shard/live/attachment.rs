//! The state of a socket while its object hibernates.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    shard::{Caller, call::client_ip},
    wire::{Identity, headers, identity, paths},
};

/// The state of a socket while its object hibernates, as JSON text: its caller, its
/// subscriptions and its topics.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Attachment {
    /// The headers that the Worker minted, as they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// The name of the client among the clients of its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    /// Whether the client takes changes of rows.
    #[serde(rename = "d", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) takes_changes: bool,
    /// Whether the functions of its beginning have run, or will.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) connected: bool,
    /// What the client said of itself.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Box<RawValue>>,
    /// The fingerprint of the admin token that admitted it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subscriptions: Vec<Subscription>,
    /// The ids of its streams that run.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) streams: Vec<String>,
    /// The topics whose whispers it gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) topics: Vec<String>,
}

/// A query to which a socket is subscribed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    #[serde(rename = "f")]
    pub(super) function_path: String,
    #[serde(rename = "a")]
    pub(super) args: Box<RawValue>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
}

impl Subscription {
    pub(super) fn new(
        id: &str,
        function_path: String,
        args: Box<RawValue>,
        table: Option<String>,
    ) -> Self {
        let table = table.filter(|table| *table != function_path);
        Self { id: id.to_owned(), function_path, args, table }
    }

    /// Returns whether it is a subscription to a shape.
    pub(super) fn is_shape(&self) -> bool {
        self.function_path.starts_with(paths::SHAPE_PREFIX)
    }

    /// Returns what the client calls the table of the rows.
    pub(super) fn table(&self) -> &str {
        self.table.as_deref().unwrap_or(&self.function_path)
    }
}

impl Attachment {
    /// The maximum size of a socket's attachment on the platform, in bytes of V8's serialization.
    const MAX_STORED: usize = 16_384;
    /// The bytes that V8 may add to the characters: its version, the tag and length of the text,
    /// padding.
    const OVERHEAD: usize = 16;

    const KEPT: [HeaderName; 4] =
        [headers::USER_ID, headers::IDENTITY, headers::IDENTITY_EXPIRY, headers::CLIENT_IP];

    /// Returns the attachment of the request that opened the socket.
    pub(super) fn of_request(request: &HeaderMap, admin: Option<String>) -> Self {
        let kept = Self::KEPT.into_iter().filter_map(|name| {
            // A header's value is its text in UTF-8. An expiry that is not must not be lost.
            let value = str::from_utf8(request.get(&name)?.as_bytes());
            let value = if name == headers::IDENTITY_EXPIRY {
                value.unwrap_or_default()
            } else {
                value.ok()?
            };
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let headers = kept.collect();
        Self { headers, admin, ..Self::default() }
    }

    /// Reads an attachment; an absent or invalid one is empty.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Returns the attachment as it is stored; `None` if it is too large.
    pub(super) fn to_text(&self) -> Option<String> {
        let text = serde_json::to_string(self).ok()?;
        (stored_bytes(&text) + Self::OVERHEAD <= Self::MAX_STORED).then_some(text)
    }

    /// Returns the subscription of this id.
    pub(super) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|known| known.id == id)
    }

    /// Returns when the identity expires, in milliseconds since 1970; an invalid expiry is past.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        identity::minted_expiry_ms(&self.headers())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value.as_bytes()))
            {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// Returns the caller that opened the socket.
    pub(super) fn caller(&self) -> Caller {
        let headers = self.headers();
        Caller {
            identity: Identity::from_headers(&headers),
            ip: client_ip(&headers),
            system: false,
        }
    }
}

/// Returns the bytes that V8 serializes the characters of a text to: one each where all of them
/// are ASCII. One character beyond Latin-1 makes it two for each UTF-16 unit; whether characters
/// between are stored in one byte is the engine's choice, so they count as two.
fn stored_bytes(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { 2 * text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_beyond_ascii_makes_every_other_count_twice() {
        assert_eq!(stored_bytes("abc"), 3);
        assert_eq!(stored_bytes("abcé"), 8);
        assert_eq!(stored_bytes("漢"), 2);
        assert_eq!(stored_bytes("💬"), 4);
    }
}

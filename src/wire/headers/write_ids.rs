//! The headers by which a shard recognises a repeated write.

use std::borrow::Cow;

use http::header::HeaderValue;

use super::{CLIENT_ID, MUTATION_ID};
use crate::errors::LunoraError;

/// The id of a write (`x-lunora-mutation-id`). Received, it is not empty.
pub(crate) struct MutationId<'a>(Cow<'a, str>);

/// The name of a client among those of its user (`x-lunora-client-id`). Received, it is not empty.
pub(crate) struct ClientId(String);

/// The number of a write among those of its client (`x-lunora-client-seq`).
#[cfg(feature = "shard")]
pub(crate) struct ClientSeq(pub(crate) u64);

header!(MutationId<'_>, MUTATION_ID);
header!(ClientId, CLIENT_ID);
#[cfg(feature = "shard")]
header!(ClientSeq, super::CLIENT_SEQ);

impl<'a> MutationId<'a> {
    /// Takes an id that the server chose.
    ///
    /// # Errors
    /// 400 if a header cannot carry it.
    pub(crate) fn new(id: &'a str) -> Result<Self, LunoraError> {
        HeaderValue::from_str(id)
            .map_err(|_| LunoraError::bad_request("the id is not a valid header value"))?;
        Ok(Self(Cow::Borrowed(id)))
    }

    #[cfg(feature = "shard")]
    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        text(value).map(|id| Self(Cow::Owned(id)))
    }

    fn write(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl ClientId {
    #[cfg(feature = "shard")]
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        text(value).map(Self)
    }

    fn write(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

#[cfg(feature = "shard")]
impl ClientSeq {
    /// Parses a positive integer; anything else is not the number of a write.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let seq = text.parse().ok().filter(|seq| *seq > 0);
        // Beyond 2^53 neither the client nor SQLite's binding could distinguish it from the next.
        seq.filter(|seq| *seq < 1 << 53).map(Self)
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        Self::parse(str::from_utf8(value.as_bytes()).ok()?)
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(self.0.into())
    }
}

/// Returns a value that is UTF-8 and not empty.
fn text(value: &HeaderValue) -> Option<String> {
    let text = str::from_utf8(value.as_bytes()).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

//! The position at which a page ended, in every shard.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{errors::LunoraError, wire::ShardKey};

/// The position at which a page ended: after one key in every shard, except for shards that are
/// behind it: they gave no answer, are catching up, or have a document with that same key still to
/// come. Opaque to callers.
///
/// One key serves all other shards because pages are in one order: the cursor grows with the number
/// of shards that are behind, and not with the number of shards.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Cursor {
    v: Version,
    after: Option<Box<RawValue>>,
    /// The shards that end elsewhere, with their position; `None` for a shard that has not begun.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    shards: BTreeMap<String, Option<Box<RawValue>>>,
}

/// The only version so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(try_from = "u8", into = "u8")]
struct Version;

impl Cursor {
    /// The largest cursor that is accepted.
    const MAX_BYTES: usize = 256 * 1024;

    pub(super) fn new(
        after: Box<RawValue>,
        shards: BTreeMap<String, Option<Box<RawValue>>>,
    ) -> Self {
        Self { v: Version, after: Some(after), shards }
    }

    /// Returns the key of the shards without a position of their own.
    pub(super) fn common(&self) -> Option<&RawValue> {
        self.after.as_deref()
    }

    /// Returns the shards with a position of their own.
    pub(super) fn behind(&self) -> impl Iterator<Item = (&str, Option<&RawValue>)> {
        self.shards.iter().map(|(shard, after)| (shard.as_str(), after.as_deref()))
    }

    /// Returns whether the shard has a position of its own.
    pub(super) fn is_behind(&self, shard: &str) -> bool {
        self.shards.contains_key(shard)
    }

    /// Reads a cursor; without one, starts at the beginning.
    pub(super) fn read(text: Option<&str>) -> Result<Self, LunoraError> {
        let Some(text) = text else { return Ok(Self::default()) };
        let cursor = (text.len() <= Self::MAX_BYTES)
            .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|json| serde_json::from_slice(&json).ok());
        cursor.ok_or_else(|| {
            LunoraError::bad_request("`cursor` is not one that a page of this index ended with")
        })
    }

    /// Returns the text of the cursor; `None` if it is too long to be accepted.
    pub(super) fn to_text(&self) -> Result<Option<String>, LunoraError> {
        let json = serde_json::to_vec(self).map_err(LunoraError::internal)?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(json);
        Ok((text.len() <= Self::MAX_BYTES).then_some(text))
    }

    /// Returns the key after which a shard continues; `None` for its beginning.
    pub(super) fn after(&self, shard: &ShardKey) -> Option<&RawValue> {
        match self.shards.get(shard.as_str()) {
            Some(own) => own.as_deref(),
            None => self.after.as_deref(),
        }
    }
}

impl TryFrom<u8> for Version {
    type Error = &'static str;

    fn try_from(version: u8) -> Result<Self, Self::Error> {
        if version == 1 { Ok(Self) } else { Err("another version") }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        1
    }
}

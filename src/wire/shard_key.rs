//! The name of a shard.

use std::{fmt, str::FromStr};

/// The name of a shard: the Durable Object of that name owns the key's data.
///
/// Any text up to [`MAX_BYTES`](Self::MAX_BYTES) is a key, the empty one included, except what
/// contains `::relay::` or `::replica::`: those name the companions of a shard, and no client may
/// reach them.
///
/// ```
/// use lunora::ShardKey;
///
/// let key: ShardKey = "room:42".parse()?;
/// assert_eq!(key.as_str(), "room:42");
/// assert!("room::relay::1".parse::<ShardKey>().is_err());
/// # Ok::<(), lunora::wire::ShardKeyError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShardKey(String);

impl ShardKey {
    /// The longest key, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 1024;

    /// The key of the shard that a call without a key goes to, unless configured otherwise.
    pub const DEFAULT: &'static str = "__root__";

    const RESERVED: [&'static str; 2] = ["::relay::", "::replica::"];

    /// Takes `key` as a shard's name.
    ///
    /// # Errors
    /// If the key is too long, or names a companion of a shard.
    pub fn new(key: impl Into<String>) -> Result<Self, ShardKeyError> {
        let key = key.into();
        if key.len() > Self::MAX_BYTES {
            return Err(ShardKeyError::TooLong { bytes: key.len() });
        }
        match Self::RESERVED.into_iter().find(|part| key.contains(part)) {
            Some(part) => Err(ShardKeyError::Reserved { part }),
            None => Ok(Self(key)),
        }
    }

    /// The shard into which a drill restores snapshots. Its name is reserved, so that
    /// [`new`](Self::new) refuses it: no client, registry, row or operator can name it.
    const SCRATCH: &'static str = "__lunora_drill__::replica::0";

    /// Returns the shard into which a drill restores snapshots.
    pub(crate) fn scratch() -> Self {
        Self(Self::SCRATCH.to_owned())
    }

    /// Returns whether a shard of this name is the one of the drill.
    pub(crate) fn is_scratch(key: &str) -> bool {
        key == Self::SCRATCH
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ShardKey {
    /// Returns [`ShardKey::DEFAULT`].
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ShardKey> for String {
    fn from(key: ShardKey) -> Self {
        key.0
    }
}

impl FromStr for ShardKey {
    type Err = ShardKeyError;

    fn from_str(key: &str) -> Result<Self, ShardKeyError> {
        Self::new(key)
    }
}

/// The reason why a text is not a shard key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardKeyError {
    /// The key is longer than [`ShardKey::MAX_BYTES`].
    #[error("a shard key has at most {} bytes, this one has {bytes}", ShardKey::MAX_BYTES)]
    TooLong {
        /// The length of the key, in bytes.
        bytes: usize,
    },
    /// The key names a companion of a shard.
    #[error("a shard key may not contain `{part}`")]
    Reserved {
        /// The reserved part that the key contains.
        part: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_empty_key_and_every_script() {
        for key in ["", "__root__", "München", "部屋", "a::b", "::relay", "relay::"] {
            assert_eq!(ShardKey::new(key).as_ref().map(ShardKey::as_str), Ok(key));
        }
    }

    #[test]
    fn refuses_the_names_of_companions() {
        for key in ["a::relay::0", "::replica::", "x::replica::weur"] {
            assert!(matches!(ShardKey::new(key), Err(ShardKeyError::Reserved { .. })), "{key}");
        }
    }

    #[test]
    fn refuses_the_name_of_the_scratch_shard() {
        let scratch = ShardKey::scratch();
        assert!(ShardKey::is_scratch(scratch.as_str()));
        assert!(matches!(ShardKey::new(scratch.as_str()), Err(ShardKeyError::Reserved { .. })));
    }

    #[test]
    fn refuses_a_key_of_one_byte_too_many() {
        assert!(ShardKey::new("k".repeat(1024)).is_ok());
        assert_eq!(ShardKey::new("k".repeat(1025)), Err(ShardKeyError::TooLong { bytes: 1025 }));
    }
}

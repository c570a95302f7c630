//! Objects of a store, and the options of reads and writes.

use std::{collections::BTreeMap, future::ready};

use bytes::Buf;
use futures::TryStreamExt;

use crate::message::Body;

/// The metadata of an object.
///
/// ```
/// use lunora::platform::ObjectMetadata;
///
/// let metadata = ObjectMetadata::new()
///     .with_content_type("application/x-ndjson")
///     .with_custom("written-by", "0 3 * * *");
/// assert_eq!(metadata.custom["written-by"], "0 3 * * *");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ObjectMetadata {
    /// The media type of the bytes; absent by default.
    pub content_type: Option<String>,
    /// An application's own metadata, by name; empty by default.
    pub custom: BTreeMap<String, String>,
}

impl ObjectMetadata {
    /// Returns empty metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the media type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Adds an entry of the application's own metadata; of a repeated name the last value wins.
    #[must_use]
    pub fn with_custom(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.custom.insert(name.into(), value.into());
        self
    }
}

/// The options of a write.
///
/// By default it replaces the object of the same key, carries no metadata and is not verified.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// The metadata of the object.
    pub metadata: ObjectMetadata,
    /// `true` to fail the write if an object with the key already exists.
    pub only_if_absent: bool,
    /// The etag that the object of this key must have; by default the object may have any etag or
    /// not exist.
    pub only_if_etag: Option<String>,
    /// The hash that the store must find for the bytes that arrived.
    pub sha256: Option<[u8; 32]>,
}

impl PutOptions {
    /// Returns the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the metadata of the object.
    #[must_use]
    pub fn with_metadata(mut self, metadata: ObjectMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Writes only if no object has the key; the check and the write are atomic.
    #[must_use]
    pub fn only_if_absent(mut self) -> Self {
        self.only_if_absent = true;
        self
    }

    /// Writes only over the object with this etag; the check and the write are atomic.
    #[must_use]
    pub fn only_if_etag(mut self, etag: impl Into<String>) -> Self {
        self.only_if_etag = Some(etag.into());
        self
    }

    /// Makes the store verify the SHA-256 of the bytes that arrived, and keep it with the object.
    #[must_use]
    pub fn with_sha256(mut self, sha256: [u8; 32]) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}

/// A selection of objects to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListOptions {
    /// The prefix of the keys; empty for every object.
    pub prefix: String,
    /// The end of the last page.
    pub cursor: Option<String>,
    /// The maximum number of objects per page, 1 to 1000; a value outside is clamped.
    pub limit: u16,
}

impl ListOptions {
    /// Returns options for the first page of objects whose keys begin with `prefix`, up to 1000 of
    /// them.
    pub fn of(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), cursor: None, limit: super::rules::MAX_PAGE }
    }

    /// Continues where a page ended: see [`ObjectPage::cursor`].
    #[must_use]
    pub fn with_cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Sets the most objects of one page.
    #[must_use]
    pub fn with_limit(mut self, limit: u16) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of the requested objects.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ObjectPage {
    /// The objects, in the order of their keys. A page may be shorter than requested, even empty,
    /// although more follow.
    pub objects: Vec<ObjectInfo>,
    /// The cursor of the next page; `None` after the last page, and only then.
    pub cursor: Option<String>,
}

impl ObjectPage {
    /// Returns a page of `objects`, with the cursor of the next page if more follow.
    #[must_use]
    pub fn new(objects: Vec<ObjectInfo>, cursor: Option<String>) -> Self {
        Self { objects, cursor }
    }
}

/// The information about an object that is known without reading it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// The etag of this version of the object, without quotes.
    pub etag: String,
    /// The time of the write, in milliseconds since 1970.
    pub uploaded_ms: u64,
    /// The SHA-256 of the bytes, if it was given at [`put`](crate::platform::ObjectStore::put).
    pub sha256: Option<[u8; 32]>,
    /// The metadata of the object.
    pub metadata: ObjectMetadata,
}

impl ObjectInfo {
    /// Returns an object without metadata, without an etag and of unknown age, for a custom store
    /// to fill in.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        Self {
            key: key.into(),
            size,
            etag: String::new(),
            uploaded_ms: 0,
            sha256: None,
            metadata: ObjectMetadata::new(),
        }
    }
}

/// An object, with its bytes still to be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredObject {
    /// The information about it.
    pub info: ObjectInfo,
    /// The whole object, as a stream.
    pub body: Body,
}

impl StoredObject {
    /// Returns an object with its bytes.
    #[must_use]
    pub fn new(info: ObjectInfo, body: Body) -> Self {
        Self { info, body }
    }

    /// Returns the object without the first `offset` bytes of its body.
    pub(super) fn skip(self, offset: u64) -> Self {
        let mut left = offset;
        let rest = self.body.into_stream().try_filter_map(move |mut piece| {
            let skipped = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            piece.advance(skipped);
            left = left.saturating_sub(skipped as u64);
            ready(Ok((!piece.is_empty()).then_some(piece)))
        });
        Self { info: self.info, body: Body::from_stream(rest) }
    }
}

//! The failure of an operation on a store.

use std::{error::Error, fmt};

use super::rules;

/// The failure of an operation on a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key is empty or too long.
    #[error("an object's key has 1 to {} bytes, this one has {bytes}", rules::MAX_KEY_BYTES)]
    InvalidKey {
        /// The length of the key, in bytes.
        bytes: usize,
    },
    /// The custom metadata is too large.
    #[error(
        "the metadata of `{key}` is too large: the store takes {} bytes",
        rules::MAX_METADATA_BYTES
    )]
    MetadataTooLarge {
        /// The object.
        key: String,
    },
    /// The write required that the object did not exist, but it does.
    #[error("the object `{key}` exists already")]
    AlreadyExists {
        /// The object.
        key: String,
    },
    /// The write required an object with a given etag, but its etag differs.
    #[error("the object `{key}` was changed")]
    Changed {
        /// The object.
        key: String,
    },
    /// The bytes that arrived do not match the given checksum. Nothing was written.
    #[error("the bytes of `{key}` do not match their checksum")]
    ChecksumMismatch {
        /// The object.
        key: String,
    },
    /// A part breaks the rules of a multipart upload.
    #[error("part {number} of `{key}` is not acceptable: {rule}")]
    InvalidPart {
        /// The object.
        key: String,
        /// The part; 0 if no part was written at all.
        number: u16,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The upload was completed or aborted by another caller, or was too old.
    #[error("the upload of `{key}` no longer exists")]
    UploadGone {
        /// The object.
        key: String,
    },
    /// The store failed, or could not be reached.
    #[error("the store failed to {operation} `{key}`")]
    Failed {
        /// The operation that failed.
        operation: StoreOperation,
        /// The object; the prefix for a list, the first key for a delete.
        key: String,
        /// The store's error.
        #[source]
        source: Box<dyn Error + 'static>,
    },
}

impl StoreError {
    /// Returns the error for a store that failed or could not be reached: the error of an
    /// [`ObjectStore`](crate::platform::ObjectStore) without a more exact one.
    pub fn failed(
        operation: StoreOperation,
        key: impl Into<String>,
        source: impl Into<Box<dyn Error + 'static>>,
    ) -> Self {
        Self::Failed { operation, key: key.into(), source: source.into() }
    }
}

/// An operation of a store.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum StoreOperation {
    /// [`put`](crate::platform::ObjectStore::put).
    Put,
    /// [`get`](crate::platform::ObjectStore::get).
    Get,
    /// [`head`](crate::platform::ObjectStore::head).
    Head,
    /// [`delete`](crate::platform::ObjectStore::delete).
    Delete,
    /// [`list`](crate::platform::ObjectStore::list).
    List,
    /// [`create_multipart`](crate::platform::ObjectStore::create_multipart).
    CreateMultipart,
    /// [`upload_part`](crate::platform::MultipartUpload::upload_part).
    UploadPart,
    /// [`complete`](crate::platform::MultipartUpload::complete).
    Complete,
    /// [`abort`](crate::platform::MultipartUpload::abort).
    Abort,
    /// [`suspend`](crate::platform::MultipartUpload::suspend).
    Suspend,
    /// [`resume_multipart`](crate::platform::ObjectStore::resume_multipart).
    ResumeMultipart,
}

/// As in "failed to …".
impl fmt::Display for StoreOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "write",
            Self::Get => "read",
            Self::Head => "look up",
            Self::Delete => "delete",
            Self::List => "list",
            Self::CreateMultipart => "begin the upload of",
            Self::UploadPart => "write a part of",
            Self::Complete => "complete the upload of",
            Self::Abort => "abort the upload of",
            Self::Suspend => "suspend the upload of",
            Self::ResumeMultipart => "take up the upload of",
        })
    }
}

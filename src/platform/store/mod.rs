//! A store of objects, such as backups: an R2 bucket, or its stand-in in a test.

mod error;
mod object;
pub(crate) mod rules;

use std::rc::Rc;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

pub use self::{
    error::{StoreError, StoreOperation},
    object::{ListOptions, ObjectInfo, ObjectMetadata, ObjectPage, PutOptions, StoredObject},
};

/// A store of objects by key: an R2 bucket, or its stand-in in a test.
///
/// Reads see the last finished write. A key has 1 to 1024 bytes of UTF-8; the texts of one
/// object's custom metadata have 2048 bytes together at most, which is what R2's local simulator
/// takes (R2 itself takes 8192).
///
/// ```
/// use lunora::{
///     platform::{ListOptions, ObjectStore, PutOptions, StoreError},
///     testing::MemoryObjectStore,
/// };
///
/// # futures::executor::block_on(async {
/// let store = MemoryObjectStore::new();
/// store.put("backups/1.ndjson", "{}\n".into(), PutOptions::new().only_if_absent()).await?;
///
/// let page = store.list(ListOptions::of("backups/")).await?;
/// assert_eq!(page.objects[0].key, "backups/1.ndjson");
/// let Some(object) = store.get("backups/1.ndjson").await? else { unreachable!() };
/// assert_eq!(object.info.size, 3);
/// assert_eq!(object.body.into_bytes(1024).await.unwrap(), "{}\n");
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
pub trait ObjectStore: 'static {
    /// Writes a whole object; by default it replaces an existing one.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::Changed`] and [`StoreError::ChecksumMismatch`]
    /// if the options require it; nothing is written then.
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        options: PutOptions,
    ) -> LocalBoxFuture<'a, Result<ObjectInfo, StoreError>>;

    /// Reads an object; its body streams. `None` if it does not exist.
    fn get<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>>;

    /// Reads an object from the byte `offset` on; at or after its end the body is empty. `None` if
    /// the object does not exist.
    ///
    /// By default the whole object is read and its beginning skipped.
    fn get_from<'a>(
        &'a self,
        key: &'a str,
        offset: u64,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        Box::pin(async move {
            let found = self.get(key).await?;
            Ok(found.map(|object| object.skip(offset)))
        })
    }

    /// Reads the information about an object, without its body. `None` if it does not exist.
    fn head<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<ObjectInfo>, StoreError>>;

    /// Deletes any number of objects. A key without an object is not an error.
    ///
    /// It is not atomic: after a failure, some may be deleted.
    fn delete<'a>(&'a self, keys: &'a [String]) -> LocalBoxFuture<'a, Result<(), StoreError>>;

    /// Lists objects in the bytewise order of their keys, one page at a time.
    fn list(&self, options: ListOptions) -> LocalBoxFuture<'_, Result<ObjectPage, StoreError>>;

    /// Begins an object that is written in parts; it becomes visible when the upload is completed.
    fn create_multipart<'a>(
        &'a self,
        key: &'a str,
        metadata: ObjectMetadata,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>>;

    /// Resumes an upload that was [suspended](MultipartUpload::suspend), possibly by another
    /// instance.
    ///
    /// By default a store does not support it, and returns an error.
    ///
    /// # Errors
    /// [`StoreError::UploadGone`] if it was completed, aborted, or is too old, which some stores
    /// report only when the next part is written.
    fn resume_multipart<'a>(
        &'a self,
        key: &'a str,
        upload: SuspendedUpload,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        Box::pin(async move {
            let SuspendedUpload { id, .. } = upload;
            let reason = format!("this store cannot take up the upload `{id}`");
            Err(StoreError::failed(StoreOperation::ResumeMultipart, key, reason))
        })
    }
}

impl<Store: ObjectStore + ?Sized> ObjectStore for Rc<Store> {
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        options: PutOptions,
    ) -> LocalBoxFuture<'a, Result<ObjectInfo, StoreError>> {
        (**self).put(key, bytes, options)
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        (**self).get(key)
    }

    fn get_from<'a>(
        &'a self,
        key: &'a str,
        offset: u64,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        (**self).get_from(key, offset)
    }

    fn head<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<ObjectInfo>, StoreError>> {
        (**self).head(key)
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        (**self).delete(keys)
    }

    fn list(&self, options: ListOptions) -> LocalBoxFuture<'_, Result<ObjectPage, StoreError>> {
        (**self).list(options)
    }

    fn create_multipart<'a>(
        &'a self,
        key: &'a str,
        metadata: ObjectMetadata,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        (**self).create_multipart(key, metadata)
    }

    fn resume_multipart<'a>(
        &'a self,
        key: &'a str,
        upload: SuspendedUpload,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        (**self).resume_multipart(key, upload)
    }
}

/// An unfinished object that is written in parts.
///
/// Every part but the last has the same size, 5 MiB (5,242,880 bytes) at least; the last has no
/// more than the others. An upload that is dropped, neither completed nor aborted, shows nowhere
/// and costs storage until R2 clears it away after seven days.
pub trait MultipartUpload {
    /// Writes a part. Parts may come in any order and concurrently; writing a part again replaces
    /// it.
    ///
    /// # Errors
    /// [`StoreError::InvalidPart`] for a `number` outside 1 to 10,000.
    fn upload_part(&self, number: u16, bytes: Bytes) -> LocalBoxFuture<'_, Result<(), StoreError>>;

    /// Assembles the object from the parts, in the order of their numbers, and replaces an existing
    /// one.
    ///
    /// # Errors
    /// [`StoreError::InvalidPart`] if the parts break the rule of sizes, or are absent. After
    /// any failure the upload is aborted: nothing is left to clean up.
    fn complete(self: Box<Self>) -> LocalBoxFuture<'static, Result<ObjectInfo, StoreError>>;

    /// Leaves the upload open, and returns the value with which [`ObjectStore::resume_multipart`]
    /// continues it.
    ///
    /// By default an upload cannot be suspended: it is aborted, and an error is returned.
    ///
    /// # Errors
    /// If the store cannot suspend uploads.
    #[must_use]
    fn suspend(self: Box<Self>) -> LocalBoxFuture<'static, Result<SuspendedUpload, StoreError>> {
        let aborted = self.abort();
        Box::pin(async move {
            aborted.await?;
            let reason = "this store cannot suspend uploads";
            Err(StoreError::failed(StoreOperation::Suspend, "", reason))
        })
    }

    /// Throws the parts away.
    fn abort(self: Box<Self>) -> LocalBoxFuture<'static, Result<(), StoreError>>;
}

/// An upload that was left open, as text that another instance can read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SuspendedUpload {
    /// The store's name for the upload.
    pub id: String,
    /// The parts so far.
    pub parts: Vec<SuspendedPart>,
}

/// One part of an upload that was left open.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SuspendedPart {
    /// The number of the part.
    pub number: u16,
    /// The store's etag of the part.
    pub etag: String,
    /// Its size.
    pub bytes: usize,
}

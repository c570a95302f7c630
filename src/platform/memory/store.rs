//! Objects in memory, under the rules of R2.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    error::Error,
    fmt,
    ops::Bound::{Excluded, Unbounded},
    rc::Rc,
};

use bytes::Bytes;
use futures::{
    future::{FutureExt, LocalBoxFuture},
    stream,
};
use sha2::{Digest, Sha256};

use super::{ManualClock, faults::Faults, upload::Upload};
use crate::{
    message::Body,
    platform::{
        Clock,
        store::{
            ListOptions, MultipartUpload, ObjectInfo, ObjectMetadata, ObjectPage, ObjectStore,
            PutOptions, StoreError, StoreOperation, StoredObject, SuspendedUpload, rules,
        },
    },
};

/// An in-memory [`ObjectStore`] that enforces the rules of R2 and fails as a test scripts it.
///
/// A clone shares the objects. Bodies arrive in pieces of 16 KiB, unless
/// [`with_chunk_bytes`](Self::with_chunk_bytes) sets another size, and pages have the requested
/// size, unless [`with_page_size`](Self::with_page_size) makes them shorter.
///
/// ```
/// use lunora::{platform::{ObjectStore, PutOptions, StoreOperation}, testing::MemoryObjectStore};
///
/// # futures::executor::block_on(async {
/// let store = MemoryObjectStore::new();
/// store.fails_once(StoreOperation::Put, "R2 is down");
/// assert!(store.put("a", "1".into(), PutOptions::new()).await.is_err());
///
/// store.put("a", "1".into(), PutOptions::new()).await?;
/// assert_eq!(store.keys(), ["a"]);
/// assert_eq!(store.object("a").unwrap().bytes, "1");
/// # Ok::<(), lunora::platform::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryObjectStore {
    state: Rc<RefCell<State>>,
    clock: ManualClock,
    chunk_bytes: usize,
    page_size: u16,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, MemoryObject>,
    faults: Faults,
    uploads: BTreeMap<String, (ObjectMetadata, Parts)>,
    writes: u64,
}

/// The parts of an upload, each with its etag.
pub(super) type Parts = BTreeMap<u16, (String, Bytes)>;

/// An object as a [`MemoryObjectStore`] keeps it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryObject {
    /// The key, the size and the metadata of the object.
    pub info: ObjectInfo,
    /// The bytes of the object.
    pub bytes: Bytes,
}

impl MemoryObjectStore {
    /// Returns a store without objects, whose clock shows 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Rc::default(),
            clock: ManualClock::default(),
            chunk_bytes: 16 * 1024,
            page_size: rules::MAX_PAGE,
        }
    }

    /// Takes the time of writes from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Sets how many bytes arrive at once when a body is read; at least one.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(1);
        self
    }

    /// Sets the maximum number of objects per page, whatever the request, as R2 does for large
    /// metadata; at least one.
    #[must_use]
    pub fn with_page_size(mut self, objects: u16) -> Self {
        self.page_size = objects.clamp(1, rules::MAX_PAGE);
        self
    }

    /// Makes the next call of `operation` fail.
    pub fn fails_once(&self, operation: StoreOperation, error: impl Into<Box<dyn Error>>) {
        self.fails_after(0, operation, error);
    }

    /// Makes one call of `operation` fail, after `calls` of it that succeed.
    pub fn fails_after(
        &self,
        calls: usize,
        operation: StoreOperation,
        error: impl Into<Box<dyn Error>>,
    ) {
        let faults = &mut self.state.borrow_mut().faults;
        faults.add(operation, calls, error.into());
    }

    /// Removes every scripted failure that did not happen yet.
    pub fn recovers(&self) {
        self.state.borrow_mut().faults = Faults::default();
    }

    /// Returns the keys of all objects, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state.borrow().objects.keys().cloned().collect()
    }

    /// Returns one object, with its bytes.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<MemoryObject> {
        self.state.borrow().objects.get(key).cloned()
    }

    /// Returns the number of uploads that were begun and neither completed nor aborted.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.state.borrow().uploads.len()
    }

    /// Fails if a scripted failure is due.
    pub(super) fn scripted(&self, operation: StoreOperation, key: &str) -> Result<(), StoreError> {
        match self.state.borrow_mut().faults.meet(operation) {
            Some(error) => Err(StoreError::failed(operation, key, error)),
            None => Ok(()),
        }
    }

    pub(super) fn write(
        &self,
        key: &str,
        bytes: Bytes,
        metadata: ObjectMetadata,
        sha256: Option<[u8; 32]>,
    ) -> ObjectInfo {
        let mut state = self.state.borrow_mut();
        state.writes += 1;
        let info = ObjectInfo {
            key: key.to_owned(),
            size: bytes.len() as u64,
            etag: format!("{:032x}", state.writes),
            uploaded_ms: self.clock.now_ms(),
            sha256,
            metadata,
        };
        let object = MemoryObject { info: info.clone(), bytes };
        state.objects.insert(key.to_owned(), object);
        info
    }

    /// Begins an upload, and returns its id.
    pub(super) fn begin_upload(&self, metadata: &ObjectMetadata) -> String {
        let mut state = self.state.borrow_mut();
        state.writes += 1;
        let id = format!("upload-{}", state.writes);
        state.uploads.insert(id.clone(), (metadata.clone(), Parts::new()));
        id
    }

    /// Adds a part to an upload, and returns its etag; `None` if the upload no longer exists.
    pub(super) fn add_part(&self, id: &str, number: u16, bytes: Bytes) -> Option<String> {
        let mut state = self.state.borrow_mut();
        state.writes += 1;
        let etag = format!("part-{}", state.writes);
        state.uploads.get_mut(id)?.1.insert(number, (etag.clone(), bytes));
        Some(etag)
    }

    /// Ends an upload, and returns its parts.
    pub(super) fn end_upload(&self, id: &str) -> Option<Parts> {
        Some(self.state.borrow_mut().uploads.remove(id)?.1)
    }

    /// Returns the metadata of an upload's object; empty if the upload no longer exists.
    pub(super) fn metadata_of_upload(&self, id: &str) -> ObjectMetadata {
        let state = self.state.borrow();
        state.uploads.get(id).map(|(metadata, _)| metadata.clone()).unwrap_or_default()
    }

    /// Forgets every upload that is open, as R2 does after seven days.
    pub fn loses_uploads(&self) {
        self.state.borrow_mut().uploads.clear();
    }

    fn try_put(
        &self,
        key: &str,
        bytes: Bytes,
        options: PutOptions,
    ) -> Result<ObjectInfo, StoreError> {
        rules::check_new_object(key, &options.metadata)?;
        self.scripted(StoreOperation::Put, key)?;
        let key = key.to_owned();
        if options.only_if_absent && self.state.borrow().objects.contains_key(&key) {
            return Err(StoreError::AlreadyExists { key });
        }
        if let Some(etag) = options.only_if_etag
            && self.object(&key).is_none_or(|object| object.info.etag != etag)
        {
            return Err(StoreError::Changed { key });
        }
        if options.sha256.is_some_and(|sha256| sha256 != *Sha256::digest(&bytes)) {
            return Err(StoreError::ChecksumMismatch { key });
        }
        Ok(self.write(&key, bytes, options.metadata, options.sha256))
    }

    fn find(
        &self,
        operation: StoreOperation,
        key: &str,
    ) -> Result<Option<MemoryObject>, StoreError> {
        rules::check_key(key)?;
        self.scripted(operation, key)?;
        Ok(self.object(key))
    }

    fn try_delete(&self, keys: &[String]) -> Result<(), StoreError> {
        keys.iter().try_for_each(|key| rules::check_key(key))?;
        let first = keys.first().map_or("", String::as_str);
        self.scripted(StoreOperation::Delete, first)?;
        let mut state = self.state.borrow_mut();
        for key in keys {
            state.objects.remove(key);
        }
        Ok(())
    }

    fn try_list(&self, options: &ListOptions) -> Result<ObjectPage, StoreError> {
        self.scripted(StoreOperation::List, &options.prefix)?;
        let state = self.state.borrow();
        let after = options.cursor.as_deref().map_or(Unbounded, Excluded);
        let mut found = state
            .objects
            .range::<str, _>((after, Unbounded))
            .filter(|(key, _)| key.starts_with(&options.prefix))
            .map(|(_, object)| object.info.clone());
        let limit = options.limit.clamp(1, self.page_size).into();
        let objects: Vec<_> = found.by_ref().take(limit).collect();
        let last = objects.last().map(|object| object.key.clone());
        Ok(ObjectPage::new(objects, found.next().and(last)))
    }

    fn body(&self, bytes: Bytes) -> Body {
        let (size, mut rest) = (self.chunk_bytes, bytes);
        let pieces = std::iter::from_fn(move || {
            let piece = rest.split_to(size.min(rest.len()));
            (!piece.is_empty()).then_some(Ok(piece))
        });
        Body::from_stream(stream::iter(pieces))
    }
}

impl ObjectStore for MemoryObjectStore {
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        options: PutOptions,
    ) -> LocalBoxFuture<'a, Result<ObjectInfo, StoreError>> {
        async move { self.try_put(key, bytes, options) }.boxed_local()
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        async move {
            let found = self.find(StoreOperation::Get, key)?;
            Ok(found.map(|object| StoredObject::new(object.info, self.body(object.bytes))))
        }
        .boxed_local()
    }

    fn head<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<ObjectInfo>, StoreError>> {
        async move {
            let found = self.find(StoreOperation::Head, key)?;
            Ok(found.map(|object| object.info))
        }
        .boxed_local()
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        async move { self.try_delete(keys) }.boxed_local()
    }

    fn list(&self, options: ListOptions) -> LocalBoxFuture<'_, Result<ObjectPage, StoreError>> {
        async move { self.try_list(&options) }.boxed_local()
    }

    fn create_multipart<'a>(
        &'a self,
        key: &'a str,
        metadata: ObjectMetadata,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        async move {
            rules::check_new_object(key, &metadata)?;
            self.scripted(StoreOperation::CreateMultipart, key)?;
            Ok(Box::new(Upload::begin(self, key, metadata)) as Box<dyn MultipartUpload>)
        }
        .boxed_local()
    }

    fn resume_multipart<'a>(
        &'a self,
        key: &'a str,
        upload: SuspendedUpload,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        async move {
            self.scripted(StoreOperation::ResumeMultipart, key)?;
            Ok(Box::new(Upload::resume(self, key, upload)) as Box<dyn MultipartUpload>)
        }
        .boxed_local()
    }
}

impl Default for MemoryObjectStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryObjectStore").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

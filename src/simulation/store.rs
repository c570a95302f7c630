//! The object store of a simulated deployment, whose calls fail before or after their effect.

use std::rc::Weak;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};

use super::Inner;
use crate::platform::{
    ListOptions, MultipartUpload, ObjectInfo, ObjectMetadata, ObjectPage, ObjectStore, PutOptions,
    StoreError, StoreOperation, StoredObject, SuspendedUpload, memory::MemoryObjectStore,
};

/// The object store behind a binding of a [`World`](super::World).
#[derive(Clone)]
pub struct WorldStore {
    store: MemoryObjectStore,
    world: Weak<Inner>,
}

impl WorldStore {
    pub(super) fn new(store: MemoryObjectStore, world: Weak<Inner>) -> Self {
        Self { store, world }
    }

    /// Returns the objects, for a test to look at.
    #[must_use]
    pub fn objects(&self) -> &MemoryObjectStore {
        &self.store
    }

    async fn call<T>(
        &self,
        operation: StoreOperation,
        key: &str,
        work: impl AsyncFnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(world) = self.world.upgrade() else { return work().await };
        let failed = |what: &str| StoreError::failed(operation, key, what.to_owned());
        world.latency().await;
        let faults = world.faults.get();
        if world.choices.once_in(faults.store_failures) {
            world.trace(|| format!("the store fails: {operation:?} {key}"));
            return Err(failed("the store could not be reached"));
        }
        let result = work().await;
        if result.is_ok() && world.choices.once_in(faults.store_answers_lost) {
            world.trace(|| format!("the store's answer is lost: {operation:?} {key}"));
            return Err(failed("the store's answer was lost"));
        }
        result
    }
}

impl ObjectStore for WorldStore {
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        options: PutOptions,
    ) -> LocalBoxFuture<'a, Result<ObjectInfo, StoreError>> {
        self.call(StoreOperation::Put, key, async move || self.store.put(key, bytes, options).await)
            .boxed_local()
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        self.call(StoreOperation::Get, key, async || self.store.get(key).await).boxed_local()
    }

    fn get_from<'a>(
        &'a self,
        key: &'a str,
        offset: u64,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        self.call(StoreOperation::Get, key, async move || self.store.get_from(key, offset).await)
            .boxed_local()
    }

    fn head<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<ObjectInfo>, StoreError>> {
        self.call(StoreOperation::Head, key, async || self.store.head(key).await).boxed_local()
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        let first = keys.first().map_or("", String::as_str);
        self.call(StoreOperation::Delete, first, async || self.store.delete(keys).await)
            .boxed_local()
    }

    fn list(&self, options: ListOptions) -> LocalBoxFuture<'_, Result<ObjectPage, StoreError>> {
        self.call(StoreOperation::List, "", async move || self.store.list(options).await)
            .boxed_local()
    }

    fn create_multipart<'a>(
        &'a self,
        key: &'a str,
        metadata: ObjectMetadata,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        self.call(StoreOperation::CreateMultipart, key, async move || {
            self.store.create_multipart(key, metadata).await
        })
        .boxed_local()
    }

    fn resume_multipart<'a>(
        &'a self,
        key: &'a str,
        upload: SuspendedUpload,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        self.call(StoreOperation::ResumeMultipart, key, async move || {
            self.store.resume_multipart(key, upload).await
        })
        .boxed_local()
    }
}

impl std::fmt::Debug for WorldStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldStore").finish_non_exhaustive()
    }
}

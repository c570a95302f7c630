//! An object in memory, written in parts.

use std::{cell::RefCell, collections::BTreeMap};

use bytes::{Bytes, BytesMut};
use futures::future::{FutureExt, LocalBoxFuture};

use super::store::MemoryObjectStore;
use crate::platform::store::{
    MultipartUpload, ObjectInfo, ObjectMetadata, StoreError, StoreOperation, SuspendedPart,
    SuspendedUpload, rules,
};

pub(super) struct Upload {
    store: MemoryObjectStore,
    key: String,
    metadata: ObjectMetadata,
    id: String,
    /// The etags and sizes of the parts, by their numbers.
    parts: RefCell<BTreeMap<u16, (String, usize)>>,
}

impl Upload {
    pub(super) fn begin(store: &MemoryObjectStore, key: &str, metadata: ObjectMetadata) -> Self {
        let id = store.begin_upload(&metadata);
        Self { store: store.clone(), key: key.to_owned(), metadata, id, parts: RefCell::default() }
    }

    pub(super) fn resume(store: &MemoryObjectStore, key: &str, suspended: SuspendedUpload) -> Self {
        let metadata = store.metadata_of_upload(&suspended.id);
        let parts = suspended.parts.into_iter();
        let parts =
            parts.map(|SuspendedPart { number, etag, bytes }| (number, (etag, bytes))).collect();
        let (store, key) = (store.clone(), key.to_owned());
        Self { store, key, metadata, id: suspended.id, parts: RefCell::new(parts) }
    }

    fn gone(&self) -> StoreError {
        StoreError::UploadGone { key: self.key.clone() }
    }
}

impl MultipartUpload for Upload {
    fn upload_part(&self, number: u16, bytes: Bytes) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            rules::check_part_number(&self.key, number)?;
            self.store.scripted(StoreOperation::UploadPart, &self.key)?;
            let size = bytes.len();
            let etag = self.store.add_part(&self.id, number, bytes).ok_or_else(|| self.gone())?;
            self.parts.borrow_mut().insert(number, (etag, size));
            Ok(())
        }
        .boxed_local()
    }

    fn complete(self: Box<Self>) -> LocalBoxFuture<'static, Result<ObjectInfo, StoreError>> {
        async move {
            let mut stored = self.store.end_upload(&self.id).ok_or_else(|| self.gone())?;
            let parts = self.parts.take();
            let sizes = parts.iter().map(|(number, (_, size))| (*number, *size));
            rules::check_parts(&self.key, &sizes.collect())?;
            self.store.scripted(StoreOperation::Complete, &self.key)?;
            let mut whole = BytesMut::new();
            for (number, (etag, _)) in parts {
                match stored.remove(&number) {
                    Some((own, bytes)) if own == etag => whole.extend_from_slice(&bytes),
                    _ => return Err(rules::invalid(&self.key, number, "it has another etag")),
                }
            }
            let whole = whole.freeze();
            Ok(self.store.write(&self.key, whole, self.metadata, None))
        }
        .boxed_local()
    }

    fn suspend(self: Box<Self>) -> LocalBoxFuture<'static, Result<SuspendedUpload, StoreError>> {
        async move {
            self.store.scripted(StoreOperation::Suspend, &self.key)?;
            let parts = self.parts.take().into_iter();
            let parts = parts
                .map(|(number, (etag, bytes))| SuspendedPart { number, etag, bytes })
                .collect();
            Ok(SuspendedUpload { id: self.id, parts })
        }
        .boxed_local()
    }

    fn abort(self: Box<Self>) -> LocalBoxFuture<'static, Result<(), StoreError>> {
        async move {
            self.store.scripted(StoreOperation::Abort, &self.key)?;
            self.store.end_upload(&self.id);
            Ok(())
        }
        .boxed_local()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::executor::block_on;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::platform::{ListOptions, ObjectStore, PutOptions, store::rules::MIN_PART_BYTES};

    const DOWN: &str = "R2 is down";

    async fn put(
        store: &MemoryObjectStore,
        key: &str,
        options: PutOptions,
    ) -> Result<ObjectInfo, StoreError> {
        store.put(key, "bytes".into(), options).await
    }

    #[test]
    fn an_object_that_must_be_new_replaces_none() {
        let store = MemoryObjectStore::new();
        let new = || PutOptions::new().only_if_absent();
        assert!(block_on(put(&store, "a", new())).is_ok());
        let refused = block_on(put(&store, "a", new()));
        assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })));
        assert!(block_on(put(&store, "a", PutOptions::new())).is_ok());
    }

    #[test]
    fn bytes_are_checked_against_their_checksum_and_it_is_kept() {
        let store = MemoryObjectStore::new();
        let refused = block_on(put(&store, "a", PutOptions::new().with_sha256([0; 32])));
        assert!(matches!(refused, Err(StoreError::ChecksumMismatch { .. })));
        assert!(store.keys().is_empty());
        let sha256 = Sha256::digest("bytes").into();
        block_on(put(&store, "a", PutOptions::new().with_sha256(sha256))).unwrap();
        let info = block_on(store.head("a")).unwrap().unwrap();
        assert_eq!(info.sha256, Some(sha256));
    }

    #[test]
    fn a_body_arrives_in_pieces() {
        let store = MemoryObjectStore::new().with_chunk_bytes(2);
        block_on(put(&store, "a", PutOptions::new())).unwrap();
        let object = block_on(store.get("a")).unwrap().unwrap();
        let pieces: Vec<_> = block_on(futures::StreamExt::collect(object.body.into_stream()));
        let pieces: Vec<Bytes> = pieces.into_iter().map(Result::unwrap).collect();
        assert_eq!(pieces, ["by", "te", "s"]);
    }

    #[test]
    fn pages_cover_a_prefix_once_and_in_order() {
        let store = MemoryObjectStore::new().with_page_size(2);
        for key in ["b/3", "b/1", "a/1", "b/2", "c/1", "b/4"] {
            block_on(put(&store, key, PutOptions::new())).unwrap();
        }
        let (mut options, mut keys, mut pages) = (ListOptions::of("b/"), Vec::new(), 0);
        loop {
            let page = block_on(store.list(options.clone())).unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            pages += 1;
            match page.cursor {
                Some(cursor) => options = options.with_cursor(cursor),
                None => break,
            }
        }
        assert_eq!((keys.join(" ").as_str(), pages), ("b/1 b/2 b/3 b/4", 2));
    }

    #[test]
    fn deletes_existing_objects_and_ignores_absent_ones() {
        let store = MemoryObjectStore::new();
        block_on(put(&store, "a", PutOptions::new())).unwrap();
        block_on(store.delete(&["a".to_owned(), "b".to_owned()])).unwrap();
        assert!(block_on(store.get("a")).unwrap().is_none());
    }

    #[test]
    fn parts_become_one_object_in_the_order_of_their_numbers() {
        let store = MemoryObjectStore::new();
        let metadata = ObjectMetadata::new().with_content_type("text/plain");
        let upload = block_on(store.create_multipart("a", metadata.clone())).unwrap();
        block_on(upload.upload_part(7, "end".into())).unwrap();
        block_on(upload.upload_part(2, vec![b'x'; MIN_PART_BYTES].into())).unwrap();
        assert!(store.keys().is_empty());
        let info = block_on(upload.complete()).unwrap();
        assert_eq!((info.size, info.metadata), (MIN_PART_BYTES as u64 + 3, metadata));
        assert!(store.object("a").unwrap().bytes.ends_with(b"xend"));
        assert_eq!(store.open_uploads(), 0);
    }

    #[test]
    fn an_upload_that_was_suspended_is_taken_up_as_often_as_its_instance_dies() {
        let store = MemoryObjectStore::new();
        let metadata = ObjectMetadata::new().with_content_type("text/plain");
        let upload = block_on(store.create_multipart("a", metadata.clone())).unwrap();
        block_on(upload.upload_part(1, vec![b'x'; MIN_PART_BYTES].into())).unwrap();
        let suspended = block_on(upload.suspend()).unwrap();
        for end in ["lost", "end"] {
            let upload = block_on(store.resume_multipart("a", suspended.clone())).unwrap();
            block_on(upload.upload_part(2, end.into())).unwrap();
            if end == "end" {
                let info = block_on(upload.complete()).unwrap();
                assert_eq!(
                    (info.size, info.metadata),
                    (MIN_PART_BYTES as u64 + 3, metadata.clone())
                );
            }
        }
        assert!(store.object("a").unwrap().bytes.ends_with(b"xend"));
        let gone = block_on(store.resume_multipart("a", suspended)).unwrap();
        let refused = block_on(gone.upload_part(2, "x".into()));
        assert!(matches!(refused, Err(StoreError::UploadGone { .. })));
    }

    #[test]
    fn parts_that_r2_would_refuse_make_no_object_and_leave_no_upload() {
        let store = MemoryObjectStore::new();
        let upload = block_on(store.create_multipart("a", ObjectMetadata::new())).unwrap();
        for number in [0, 10_001] {
            assert!(block_on(upload.upload_part(number, "x".into())).is_err());
        }
        for number in [1, 2] {
            block_on(upload.upload_part(number, "small".into())).unwrap();
        }
        assert_eq!(store.open_uploads(), 1);
        let refused = block_on(upload.complete());
        assert!(matches!(refused, Err(StoreError::InvalidPart { number: 1, .. })));
        assert_eq!((store.open_uploads(), store.keys().len()), (0, 0));
    }

    #[test]
    fn fails_exactly_when_the_script_says_so() {
        let store = MemoryObjectStore::new();
        store.fails_after(1, StoreOperation::UploadPart, DOWN);
        let upload = block_on(store.create_multipart("a", ObjectMetadata::new())).unwrap();
        let outcomes =
            [1, 2, 2].map(|number| block_on(upload.upload_part(number, "x".into())).is_ok());
        assert_eq!(outcomes, [true, false, true]);
        block_on(upload.abort()).unwrap();

        store.fails_once(StoreOperation::Put, DOWN);
        store.fails_once(StoreOperation::Put, DOWN);
        let outcomes = [(); 3].map(|()| block_on(put(&store, "a", PutOptions::new())).is_ok());
        assert_eq!(outcomes, [false, false, true]);
    }
}

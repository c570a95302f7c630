//! Bytes into one object of a store: put at once when they are few, in parts when they are many.

use bytes::Bytes;

use super::run::unwritten;
use crate::{
    errors::LunoraError,
    platform::{
        MultipartUpload, ObjectInfo, ObjectMetadata, ObjectStore, PutOptions, Sha256Stream,
        StoreError,
    },
};

/// Writes an object whose size is not known before, and hashes it on the way. It holds one part at
/// most.
pub(super) struct ObjectWriter<'a> {
    store: &'a dyn ObjectStore,
    key: &'a str,
    metadata: ObjectMetadata,
    part_bytes: usize,
    part: Vec<u8>,
    upload: Option<Box<dyn MultipartUpload>>,
    parts: u16,
    bytes: u64,
    hash: Sha256Stream,
}

/// An object that was written.
pub(super) struct Written {
    pub(super) info: ObjectInfo,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

impl<'a> ObjectWriter<'a> {
    pub(super) fn new(
        store: &'a dyn ObjectStore,
        key: &'a str,
        metadata: ObjectMetadata,
        part_bytes: usize,
    ) -> Result<Self, LunoraError> {
        Ok(Self {
            store,
            key,
            metadata,
            part_bytes,
            part: Vec::new(),
            upload: None,
            parts: 0,
            bytes: 0,
            hash: Sha256Stream::new()?,
        })
    }

    /// Adds bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), LunoraError> {
        self.hash.update(bytes).await?;
        self.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.part_bytes - self.part.len();
            let (fits, behind) = rest.split_at(rest.len().min(room));
            self.make_room(fits.len());
            self.part.extend_from_slice(fits);
            rest = behind;
            if self.part.len() == self.part_bytes {
                self.upload_part().await.map_err(unwritten)?;
            }
        }
        Ok(())
    }

    /// How many bytes were added.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the object. Until then nothing shows. After a failure there may be something to
    /// [abort](Self::abort).
    pub(super) async fn finish(&mut self) -> Result<Written, LunoraError> {
        let hash = std::mem::replace(&mut self.hash, Sha256Stream::new()?);
        let sha256 = hash.finish().await?;
        if self.upload.is_some() && !self.part.is_empty() {
            self.upload_part().await.map_err(unwritten)?;
        }
        let info = match self.upload.take() {
            Some(upload) => upload.complete().await.map_err(unwritten)?,
            None => {
                let options =
                    PutOptions::new().with_metadata(self.metadata.clone()).with_sha256(sha256);
                let part = std::mem::take(&mut self.part);
                self.store.put(self.key, part.into(), options).await.map_err(unwritten)?
            }
        };
        Ok(Written { info, bytes: self.bytes, sha256 })
    }

    /// Throws away what was written.
    pub(super) async fn abort(&mut self) -> Result<(), StoreError> {
        match self.upload.take() {
            Some(upload) => upload.abort().await,
            None => Ok(()),
        }
    }

    /// Grows the part by doubling, and never beyond its size.
    fn make_room(&mut self, more: usize) {
        let needed = self.part.len() + more;
        if needed > self.part.capacity() {
            let capacity = needed.max(self.part.capacity() * 2).min(self.part_bytes);
            self.part.reserve_exact(capacity - self.part.len());
        }
    }

    async fn upload_part(&mut self) -> Result<(), StoreError> {
        let upload = match &self.upload {
            Some(upload) => upload,
            None => {
                let upload = self.store.create_multipart(self.key, self.metadata.clone()).await?;
                self.upload.insert(upload)
            }
        };
        self.parts = self.parts.saturating_add(1);
        let part = Bytes::from(std::mem::take(&mut self.part));
        upload.upload_part(self.parts, part).await
    }
}

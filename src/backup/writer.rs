//! Writes one object of a store: in one put if it is small, in parts if it is large.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Segment, failure::unwritten};
use crate::{
    errors::LunoraError,
    platform::{
        MultipartUpload, ObjectInfo, ObjectMetadata, ObjectStore, PutOptions, Sha256Stream,
        StoreError, SuspendedUpload, hex,
    },
};

/// Writes an object of unknown size, and hashes it on the way. It holds at most one part.
pub(super) struct ObjectWriter<'a> {
    store: &'a dyn ObjectStore,
    key: &'a str,
    metadata: ObjectMetadata,
    part_bytes: usize,
    part: Vec<u8>,
    upload: Option<Box<dyn MultipartUpload>>,
    parts: u16,
    bytes: u64,
    /// The segments that earlier invocations wrote.
    segments: Vec<Segment>,
    hash: Sha256Stream,
}

/// A finished object.
pub(super) struct Written {
    pub(super) info: ObjectInfo,
    pub(super) bytes: u64,
    /// The segments in the order in which they were written; one if one invocation wrote
    /// everything.
    pub(super) segments: Vec<Segment>,
}

/// A suspended object, which another invocation resumes.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuspendedObject {
    part_bytes: usize,
    upload: Option<SuspendedUpload>,
    segments: Vec<Segment>,
    /// The bytes that are not in any part yet.
    #[serde(skip)]
    pub(super) rest: Bytes,
}

impl SuspendedObject {
    /// Returns the number of bytes written.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub(super) fn into_upload(self) -> Option<SuspendedUpload> {
        self.upload
    }
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
            segments: Vec::new(),
            hash: Sha256Stream::new()?,
        })
    }

    /// Resumes an object that was [suspended](Self::suspend).
    ///
    /// # Errors
    /// If the store rejects the upload.
    pub(super) async fn resume(
        store: &'a dyn ObjectStore,
        key: &'a str,
        metadata: ObjectMetadata,
        suspended: SuspendedObject,
    ) -> Result<Self, LunoraError> {
        let bytes = suspended.bytes();
        let SuspendedObject { part_bytes, upload, segments, rest } = suspended;
        let mut writer = Self::new(store, key, metadata, part_bytes)?;
        if let Some(upload) = upload {
            writer.parts = upload.parts.last().map_or(0, |part| part.number);
            let resumed = store.resume_multipart(key, upload).await;
            writer.upload = Some(resumed.map_err(unwritten)?);
        }
        (writer.bytes, writer.segments, writer.part) = (bytes, segments, rest.into());
        Ok(writer)
    }

    /// Suspends the object, for another invocation to resume it.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn suspend(mut self) -> Result<SuspendedObject, LunoraError> {
        self.end_segment().await?;
        let upload = match self.upload {
            Some(upload) => Some(upload.suspend().await.map_err(unwritten)?),
            None => None,
        };
        let (part_bytes, segments) = (self.part_bytes, self.segments);
        Ok(SuspendedObject { part_bytes, upload, segments, rest: self.part.into() })
    }

    /// Ends the segment of this invocation, and returns its digest if it is the whole object.
    async fn end_segment(&mut self) -> Result<Option<[u8; 32]>, LunoraError> {
        let hash = std::mem::replace(&mut self.hash, Sha256Stream::new()?);
        let sha256 = hash.finish().await?;
        let before: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let is_whole = self.segments.is_empty();
        if is_whole || self.bytes > before {
            self.segments.push(Segment { bytes: self.bytes - before, sha256: hex(&sha256) });
        }
        Ok(is_whole.then_some(sha256))
    }

    /// Returns the number of parts written.
    pub(super) fn parts(&self) -> u16 {
        self.parts
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

    /// Returns the number of bytes added.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Completes the object. Until then nothing is visible. After a failure there may be something
    /// to [abort](Self::abort).
    pub(super) async fn finish(&mut self) -> Result<Written, LunoraError> {
        let sha256 = self.end_segment().await?;
        if self.upload.is_some() && !self.part.is_empty() {
            self.upload_part().await.map_err(unwritten)?;
        }
        let info = match self.upload.take() {
            Some(upload) => upload.complete().await.map_err(unwritten)?,
            None => {
                let mut options = PutOptions::new().with_metadata(self.metadata.clone());
                if let Some(sha256) = sha256 {
                    options = options.with_sha256(sha256);
                }
                let part = std::mem::take(&mut self.part);
                self.store.put(self.key, part.into(), options).await.map_err(unwritten)?
            }
        };
        Ok(Written { info, bytes: self.bytes, segments: std::mem::take(&mut self.segments) })
    }

    /// Discards what was written.
    pub(super) async fn abort(&mut self) -> Result<(), StoreError> {
        match self.upload.take() {
            Some(upload) => upload.abort().await,
            None => Ok(()),
        }
    }

    /// Grows the part by doubling, but never beyond its size.
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

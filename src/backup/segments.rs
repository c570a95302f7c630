//! The digests of a snapshot that several invocations wrote.

use super::{Manifest, Segment};
use crate::{
    errors::LunoraError,
    platform::{Sha256Stream, hex},
};

/// The segments of a snapshot while it is read.
pub(super) struct Segments {
    /// The segments to come; the current one is the last.
    left: Vec<Segment>,
    hash: Sha256Stream,
    bytes: u64,
    all_agree: bool,
}

impl Segments {
    pub(super) fn of(manifest: &Manifest) -> Result<Self, LunoraError> {
        let left = manifest.segments.iter().rev().cloned().collect();
        Ok(Self { left, hash: Sha256Stream::new()?, bytes: 0, all_agree: true })
    }

    /// Adds bytes that were read. Does nothing if one invocation wrote the whole snapshot.
    pub(super) async fn add(&mut self, mut piece: &[u8]) -> Result<(), LunoraError> {
        while !piece.is_empty() {
            let Some(segment) = self.left.last() else { return Ok(()) };
            let room = segment.bytes.saturating_sub(self.bytes);
            let fits = usize::try_from(room).map_or(piece.len(), |room| room.min(piece.len()));
            let (own, next) = piece.split_at(fits);
            self.hash.update(own).await?;
            self.bytes += own.len() as u64;
            piece = next;
            if self.bytes == segment.bytes {
                let hash = std::mem::replace(&mut self.hash, Sha256Stream::new()?);
                self.all_agree &= hex(&hash.finish().await?) == segment.sha256;
                self.left.pop();
                self.bytes = 0;
            }
        }
        Ok(())
    }

    /// Returns whether every segment was read and matches its digest.
    pub(super) fn are_whole(&self) -> bool {
        self.left.is_empty() && self.all_agree
    }
}

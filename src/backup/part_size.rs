//! The size of the parts of a large object.

use crate::platform::MIN_PART_BYTES;

/// The size of the parts in which a large snapshot is written: at least 5 MiB. The default is 8
/// MiB.
///
/// An object has at most 10,000 parts, so the part size bounds the size of a snapshot. Larger parts
/// allow larger snapshots, and use as much memory.
///
/// ```
/// use lunora::backup::PartSize;
///
/// assert_eq!(PartSize::default(), PartSize::mebibytes(8)?);
/// assert!(PartSize::mebibytes(4).is_err());
/// # Ok::<(), lunora::backup::PartTooSmall>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PartSize(usize);

impl PartSize {
    /// Returns a size in MiB.
    ///
    /// # Errors
    /// If it is less than 5, which no store accepts.
    pub const fn mebibytes(mebibytes: usize) -> Result<Self, PartTooSmall> {
        let bytes = mebibytes.saturating_mul(1024 * 1024);
        if bytes < MIN_PART_BYTES { Err(PartTooSmall) } else { Ok(Self(bytes)) }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for PartSize {
    fn default() -> Self {
        Self(8 * 1024 * 1024)
    }
}

/// The error for a part size of less than 5 MiB.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a part must be at least 5 MiB, the smallest that stores accept")]
pub struct PartTooSmall;

//! The size of the parts of a large object.

use crate::platform::MIN_PART_BYTES;

/// The size of the parts in which a large snapshot is written: 5 MiB at least. The default is
/// 8 MiB.
///
/// An object has 10,000 parts at most, so that the size bounds the snapshot: larger parts allow
/// larger snapshots, and each costs as much memory.
///
/// ```
/// use lunora::PartSize;
///
/// assert_eq!(PartSize::default(), PartSize::mebibytes(8)?);
/// assert!(PartSize::mebibytes(4).is_err());
/// # Ok::<(), lunora::PartTooSmall>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PartSize(usize);

impl PartSize {
    /// Parts of this many MiB.
    ///
    /// # Errors
    /// When it is less than 5, which no store takes.
    pub const fn mebibytes(mebibytes: usize) -> Result<Self, PartTooSmall> {
        let bytes = mebibytes.saturating_mul(1024 * 1024);
        if bytes < MIN_PART_BYTES { Err(PartTooSmall) } else { Ok(Self(bytes)) }
    }

    /// The size in bytes.
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

/// A part has 5 MiB at least.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a part has 5 MiB at least: no store takes a smaller one")]
pub struct PartTooSmall;

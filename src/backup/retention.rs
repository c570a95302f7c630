//! The number of snapshots to keep.

use std::num::NonZeroU32;

/// The number of snapshots to keep: at least one.
///
/// [`keep!`](crate::keep) checks a literal at compile time.
///
/// ```
/// use lunora::{backup::Retention, keep};
///
/// assert_eq!(keep!(14).snapshots(), 14);
/// assert!(Retention::try_from(0).is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention(NonZeroU32);

/// Creates a [`Retention`](crate::backup::Retention) from a literal, checked at compile time.
///
/// ```compile_fail
/// let _ = lunora::keep!(0);
/// ```
#[macro_export]
macro_rules! keep {
    ($snapshots:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::backup::Retention =
            $crate::backup::Retention::from_literal($snapshots);
        CHECKED
    }};
}

impl Retention {
    /// Creates a retention from a literal.
    ///
    /// # Panics
    /// If the number is zero. Use [`keep!`](crate::keep), where that is a compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `keep!`, in a const context")]
    pub const fn from_literal(snapshots: u32) -> Self {
        match NonZeroU32::new(snapshots) {
            Some(snapshots) => Self(snapshots),
            None => panic!("{}", RetentionOfZero::SENTENCE),
        }
    }

    /// Returns the number of snapshots.
    #[must_use]
    pub const fn snapshots(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u32> for Retention {
    type Error = RetentionOfZero;

    fn try_from(snapshots: u32) -> Result<Self, RetentionOfZero> {
        NonZeroU32::new(snapshots).map(Self).ok_or(RetentionOfZero)
    }
}

/// The error for a retention of zero, which would delete the backup that was just made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", Self::SENTENCE)]
pub struct RetentionOfZero;

impl RetentionOfZero {
    const SENTENCE: &str =
        "a retention keeps at least one snapshot; leave `.retain(..)` out to keep them all";
}

//! The reasons why wire text is refused: the position and the rule.

use thiserror::Error;

use super::path::{Path, Step};
use super::{BigIntError, BytesLengthError, MAX_DEPTH};

/// The reason why wire text was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not JSON, or not JSON that Rust can hold: a number beyond `f64`, half a surrogate pair.
    #[error("the text is not JSON this codec can read: {0}")]
    NotJson(serde_json::Error),
    /// The JSON breaks a rule of the codec.
    #[error("{path}: {rule}")]
    Refused {
        /// The position.
        path: Path,
        /// The rule.
        rule: Rule,
    },
}

impl DecodeError {
    /// Returns the same refusal, seen from one level further out.
    pub(super) fn inside(self, step: Step) -> Self {
        match self {
            Self::Refused { path, rule } => Self::Refused { path: path.inside(step), rule },
            other => other,
        }
    }
}

impl From<Rule> for DecodeError {
    fn from(rule: Rule) -> Self {
        Self::Refused { path: Path::default(), rule }
    }
}

/// A rule of the codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rule {
    /// A value lies inside more than [`MAX_DEPTH`] others.
    #[error("a value may lie inside at most {MAX_DEPTH} others")]
    Depth,
    /// A string has half of a surrogate pair, and is not Unicode text.
    #[error("expected Unicode text, received half of a surrogate pair")]
    Surrogate,
    /// The payload of a tag is missing or of another kind.
    #[error("the payload of `{tag}` must be {expected}")]
    Payload {
        /// The tag.
        tag: &'static str,
        /// The expected payload.
        expected: &'static str,
    },
    /// The text of a bigint is invalid.
    #[error(transparent)]
    BigInt(#[from] BigIntError),
    /// A typed array's bytes do not fill its elements.
    #[error(transparent)]
    BytesLength(#[from] BytesLengthError),
}

//! Why wire text was refused: where, and by which rule.

use thiserror::Error;

use super::path::{Path, Step};
use super::{BigIntError, BytesLengthError, MAX_DEPTH};

/// Why wire text was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text is not JSON, or not JSON that Rust can hold: a number beyond `f64`, half a surrogate pair.
    #[error("the text is not JSON this codec can read: {0}")]
    NotJson(serde_json::Error),
    /// The JSON breaks a rule of the codec.
    #[error("{path}: {rule}")]
    Refused {
        /// Where.
        path: Path,
        /// Which.
        rule: Rule,
    },
}

impl DecodeError {
    /// The same refusal, seen from one level further out.
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
    /// A string has half of a surrogate pair, and is no Unicode text.
    #[error("expected Unicode text, received half of a surrogate pair")]
    Surrogate,
    /// What follows a tag is missing, or is not what the tag carries.
    #[error("the payload of `{tag}` must be {expected}")]
    Payload {
        /// The tag.
        tag: &'static str,
        /// What it carries.
        expected: &'static str,
    },
    /// A bigint's text is none.
    #[error(transparent)]
    BigInt(#[from] BigIntError),
    /// A typed array's bytes do not fill its elements.
    #[error(transparent)]
    BytesLength(#[from] BytesLengthError),
}
